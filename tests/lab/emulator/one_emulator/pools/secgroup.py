"""Security groups and the rules they are made of."""

from .. import errors
from ..template import Template
from . import security_rule
from .base import Pool, PoolObject

DEFAULT_DESCRIPTION = (
    "The default security group is added to every network. Use it to add default filter rules for your networks. "
    "You may remove this security group from any network by updating its properties."
)


class SecurityGroupPool(Pool):
    rpc, tag, label, what, table = "secgroup", "SECURITY_GROUP", "SecurityGroup", "security group", "secgroup_pool"
    first_id = 100
    per_owner = True

    def body_xml(self, shown, full):
        return self.owner_xml(shown) + "<UPDATED_VMS/><OUTDATED_VMS/><UPDATING_VMS/><ERROR_VMS/>" + shown.template.xml()

    def call_allocate(self, user, text):
        template = self.parse(text)
        name = template.get("NAME")
        template.erase("NAME")
        self.check_name(name)
        self.check_free(name, user.id)
        self._check_rules(template)
        return self.insert(PoolObject(self.next_id(), name, template, user.id, user.gid, "110000000"))

    @staticmethod
    def default():
        template = Template([("DESCRIPTION", DEFAULT_DESCRIPTION)])
        for direction in ("OUTBOUND", "INBOUND"):
            template.add("RULE", {"PROTOCOL": "ALL", "RULE_TYPE": direction})
        return PoolObject(0, "default", template, permissions="111100100")

    @staticmethod
    def _check_rules(template):
        for rule in template.vectors("RULE"):
            security_rule.check(rule)
        template.items = security_rule.without_repeats(template)

    def accept_template(self, target, wanted, given):
        self._check_rules(wanted)

    def check_delete(self, target):
        if target.id == 0:
            raise errors.not_possible(
                "Cannot delete security group. The default security group (ID 0) cannot be deleted."
            )

    def call_commit(self, user, oid, _recover=False):
        self.change(user, oid)
        return oid
