"""Users and groups."""

import hashlib
import os

from .. import errors
from ..template import Template, cdata
from .base import FORBIDDEN_IN_NAMES, Pool, PoolObject

WHITE_SPACE = " \t\n\v\f\r"
QUOTAS = "<DATASTORE_QUOTA/><NETWORK_QUOTA/><VM_QUOTA/><IMAGE_QUOTA/>"


def digest(password):
    return hashlib.sha256(password.encode("utf-8", "surrogateescape")).hexdigest()


def vlan_rules(oid, release):
    return f"<VLAN_RULES>{cdata('ID', oid)}</VLAN_RULES>" if release.vlan_rules else ""


class UserPool(Pool):
    rpc, tag, label, what, table = "user", "USER", "USER", "user", "user_pool"
    forbidden_in_names = FORBIDDEN_IN_NAMES + WHITE_SPACE

    def build(self, oid, name, password, groups, driver="core"):
        template = Template([("TOKEN_PASSWORD", digest(os.urandom(16).hex()))])
        secret = digest(password) if driver == "core" else password
        data = {"password": secret, "driver": driver, "enabled": 1, "groups": list(groups)}
        return PoolObject(oid, name, template, oid, groups[0], data=data)

    def authenticate(self, session):
        """The user of a `name:password` session."""
        name, colon, password = session.partition(":")
        found = self.named(name) if colon else None
        if found is None or not found.data["enabled"] or found.data["password"] != digest(password):
            raise errors.not_authenticated()
        return found

    def body_xml(self, shown, full):
        data = shown.data
        return (
            f"<ID>{shown.id}</ID><GID>{shown.gid}</GID><GROUPS>"
            + "".join(f"<ID>{gid}</ID>" for gid in sorted(data["groups"]))
            + f"</GROUPS><GNAME>{self.cloud.group_name(shown.gid)}</GNAME><NAME>{shown.name}</NAME>"
            + cdata("PASSWORD", data["password"])
            + cdata("AUTH_DRIVER", data["driver"])
            + f"<ENABLED>{data['enabled']}</ENABLED>"
            + shown.template.xml()
            + (f"{QUOTAS}<DEFAULT_USER_QUOTAS>{QUOTAS}</DEFAULT_USER_QUOTAS>" if full else "")
        )

    def poolcall_info(self, user, *_range):
        shown = [o for o in self.descending() if self.cloud.is_admin(user) or o.id == user.id]
        body = "".join(f"{self.xml(o, full=False)}<QUOTAS><ID>{o.id}</ID>{QUOTAS}</QUOTAS>" for o in shown)
        return f"<USER_POOL>{body}<DEFAULT_USER_QUOTAS>{QUOTAS}</DEFAULT_USER_QUOTAS></USER_POOL>"

    def call_info(self, user, oid, *_decrypt):
        return super().call_info(user, user.id if oid == -1 else oid)

    def authorize_info(self, user, shown):
        if shown.id != user.id:
            self.authorize(user, "USE", shown)

    def _permits(self, user, target, operation):
        return target.id == user.id

    # -- API calls ----------------------------------------------------------------------------------------------

    def call_allocate(self, user, name, password, driver="core", groups=()):
        self.authorize(user, "CREATE")
        # drivers that ask a service of their own need none (PASSWORD_REQUIRED of AUTH_MAD_CONF)
        if driver not in ("ldap", "saml"):
            self._check_password(password, errors.refused)
        self.check_name(name)
        self.check_free(name)
        made = self.build(self.next_id(), name, password, list(groups) or [1], driver or "core")
        self.insert(made)
        self.cloud.pools["group"].set_members(made)
        return made.id

    def check_delete(self, target):
        if target.id == 0:
            raise errors.not_possible("Cannot delete user. oneadmin cannot be deleted.")

    def remove(self, gone):
        super().remove(gone)
        gone.data["groups"] = []
        self.cloud.pools["group"].set_members(gone)

    def call_passwd(self, user, oid, password):
        target = self.change(user, oid)
        self._check_password(password, errors.not_possible)
        target.data["password"] = digest(password) if target.data["driver"] == "core" else password
        self.save(target)
        return oid

    @staticmethod
    def _check_password(password, refusal):
        if not password:
            raise refusal("Invalid password, it cannot be empty")
        bad = next((c for c in password if c in WHITE_SPACE), None)
        if bad:
            raise refusal(f"Invalid password, character '{bad}' is not allowed")

    def call_chauth(self, user, oid, driver, password):
        target = self.change(user, oid, "ADMIN")
        if password:
            self._check_password(password, errors.not_possible)
        target.data["driver"] = driver or target.data["driver"]
        if password:
            target.data["password"] = digest(password) if driver == "core" else password
        self.save(target)
        return oid

    def call_enable(self, user, oid, enable):
        target = self.change(user, oid, "ADMIN")
        if oid == 0:
            raise errors.not_possible("Cannot enable/disable oneadmin user")
        target.data["enabled"] = 1 if enable else 0
        self.save(target)
        return oid

    def call_chgrp(self, user, oid, gid):
        target = self.change(user, oid)
        self.cloud.pools["group"].get(gid)
        # the former group is left only by who was not in the new one yet
        if gid not in target.data["groups"]:
            target.data["groups"] = [g for g in target.data["groups"] if g != target.gid] + [gid]
        target.gid = gid
        self._regroup(target)
        return oid

    def call_addgroup(self, user, oid, gid):
        target = self.change(user, oid)
        if gid in target.data["groups"]:
            raise errors.not_possible("User is already in this group")
        self.cloud.pools["group"].get(gid)
        target.data["groups"].append(gid)
        self._regroup(target)
        return oid

    def call_delgroup(self, user, oid, gid):
        target = self.change(user, oid)
        if gid == target.gid:
            raise errors.not_possible("Cannot remove user from the primary group")
        if gid not in target.data["groups"]:
            raise errors.not_possible("User is not part of this group")
        target.data["groups"].remove(gid)
        self._regroup(target)
        return oid

    def _regroup(self, target):
        self.save(target)
        self.cloud.pools["group"].set_members(target)


class GroupPool(Pool):
    rpc, tag, label, what, table = "group", "GROUP", "GROUP", "group", "group_pool"
    first_id = 100

    def body_xml(self, shown, full):
        body = (
            f"<ID>{shown.id}</ID><NAME>{shown.name}</NAME>{shown.template.xml()}<USERS>"
            + "".join(f"<ID>{uid}</ID>" for uid in sorted(shown.data["users"]))
            + "</USERS><ADMINS/>"
        )
        if full:
            body += QUOTAS + vlan_rules(shown.id, self.cloud.release)
            body += f"<DEFAULT_GROUP_QUOTAS>{QUOTAS}</DEFAULT_GROUP_QUOTAS>"
        return body

    def poolcall_info(self, user, *_range):
        body = "".join(
            f"{self.xml(o, full=False)}<QUOTAS><ID>{o.id}</ID>{QUOTAS}</QUOTAS>{vlan_rules(o.id, self.cloud.release)}"
            for o in self.descending()
        )
        return f"<GROUP_POOL>{body}<DEFAULT_GROUP_QUOTAS>{QUOTAS}</DEFAULT_GROUP_QUOTAS></GROUP_POOL>"

    @staticmethod
    def build(oid, name, template=None):
        return PoolObject(oid, name, template, data={"users": []})

    def set_members(self, user):
        for group in self.objects.values():
            users = [uid for uid in group.data["users"] if uid != user.id]
            if group.id in user.data["groups"]:
                users.append(user.id)
            if sorted(users) != sorted(group.data["users"]):
                group.data["users"] = users
                self.save(group)

    def call_allocate(self, user, name):
        self.authorize(user, "CREATE")
        self.check_name(name)
        self.check_free(name)
        views = {"GROUP_ADMIN_DEFAULT_VIEW": "groupadmin", "GROUP_ADMIN_VIEWS": "groupadmin"}
        if self.cloud.release.fireedge_views:
            template = Template([("FIREEDGE", {**views, "DEFAULT_VIEW": "cloud", "VIEWS": "cloud"})])
        else:
            template = Template([("SUNSTONE", views)])
        return self.insert(self.build(self.next_id(), name, template))

    def check_delete(self, target):
        if target.id < 100:
            raise errors.not_possible("Cannot delete group. System Groups (ID < 100) cannot be deleted.")
        if target.data["users"]:
            raise errors.not_possible(f"Cannot delete group. Group {target.id} is not empty.")
