"""Hooks: the states they name, what is stored of their template, and the trap that corrupts them for good."""

from .. import errors
from .base import Pool, PoolObject
from .states import HOST_STATES, IMAGE_STATES, LCM_STATES, VM_STATES

ON = {
    "PROLOG": ("ACTIVE", "PROLOG"),
    "RUNNING": ("ACTIVE", "RUNNING"),
    "SHUTDOWN": ("ACTIVE", "EPILOG"),
    "STOP": ("STOPPED", "LCM_INIT"),
    "DONE": ("DONE", "LCM_INIT"),
    "UNKNOWN": ("ACTIVE", "UNKNOWN"),
}
# Calls that oned refuses as a trigger although they exist: nothing that only reads.
READ_ONLY = ("info", "infoextended", "infoset", "monitoring", "accounting", "showback", "version", "config")


class HookPool(Pool):
    rpc, tag, label, what, table = "hook", "HOOK", "Hook", "hook", "hook_pool"

    def body_xml(self, shown, full):
        return (
            f"<ID>{shown.id}</ID><NAME>{shown.name}</NAME><TYPE>{shown.data['type']}</TYPE>"
            + self.lock_xml(shown)
            + shown.template.xml()
            + (f"<HOOKLOG>{self.cloud.hook_log.xml(shown.id)}</HOOKLOG>" if full else "")
        )

    def visible(self, user, shown):
        return self.cloud.is_admin(user)

    def get(self, oid):
        """A hook whose RESOURCE was changed by an update cannot be read any more, only listed."""
        found = super().get(oid)
        if found.data.get("corrupt"):
            raise errors.not_found(self.what, oid)
        return found

    # -- API calls ----------------------------------------------------------------------------------------------

    def call_allocate(self, user, text):
        template = self.parse(text)
        self.authorize(user, "CREATE")
        name, kind = template.get("NAME"), template.get("TYPE").lower()
        if not name:
            raise errors.refused("Invalid name.")
        if kind not in ("state", "api"):
            raise errors.refused(f"Invalid Hook type: {template.get('TYPE')}")
        if not template.get("COMMAND"):
            raise errors.refused("No COMMAND in template for Hook.")
        for key in ("NAME", "TYPE"):
            template.erase(key)
        template.set("REMOTE", "YES" if template.get("REMOTE").upper() == "YES" else "NO")
        if kind == "state":
            self._check_state_hook(template)
        else:
            self._check_api_hook(template)
        self.check_free(name)
        return self.insert(PoolObject(self.next_id(), name, template, data={"type": kind}))

    def _check_state_hook(self, template):
        if not template.has("RESOURCE"):
            raise errors.refused("RESOURCE attribute is required for STATE hooks.")
        resource = template.get("RESOURCE")
        if resource == "VM":
            self._resolve_vm_states(template)
        elif resource in ("HOST", "IMAGE"):
            state = template.get("STATE").upper()
            if state not in (HOST_STATES if resource == "HOST" else IMAGE_STATES):
                raise errors.refused(f"Invalid STATE: {state}")
            template.set("STATE", state)
        else:
            raise errors.refused(f"Invalid resource type: {resource}")

    @staticmethod
    def _resolve_vm_states(template):
        """ON is never stored: it becomes STATE and LCM_STATE, whatever the template said of them."""
        on = template.get("ON").upper()
        if on == "CUSTOM":
            state, lcm_state = template.get("STATE").upper(), template.get("LCM_STATE").upper()
            if state not in VM_STATES:
                raise errors.refused(f"Wrong STATE: {state}")
            if lcm_state not in LCM_STATES:
                raise errors.refused(f"Wrong LCM_STATE: {lcm_state}")
        elif on in ON:
            state, lcm_state = ON[on]
        else:
            raise errors.refused(f"Unkown state condition: {on}")
        template.erase("ON")
        template.set("STATE", state)
        template.set("LCM_STATE", lcm_state)

    def _check_api_hook(self, template):
        call = template.get("CALL")
        if not self.cloud.knows_call(call) or call.rsplit(".", 1)[-1] in READ_ONLY:
            raise errors.refused(f"API call does not exist or is not supported: {call}")

    def call_retry(self, user, oid, execution_id):
        hook = self.change(user, oid)
        self.cloud.hooks.again(hook, self.cloud.hook_log.find(oid, execution_id))
        return oid

    def accept_template(self, target, wanted, given):
        """An update is checked as the kind the hook was made as; a new RESOURCE is stored and ruins the hook."""
        if target.data["type"] != "state":
            return
        states = {"VM": VM_STATES, "HOST": HOST_STATES, "IMAGE": IMAGE_STATES}[target.template.get("RESOURCE")]
        if wanted.get("STATE").upper() not in states:
            raise errors.refused("The STATE attribute is not defined or it's invalid.")
        if states is VM_STATES and wanted.get("LCM_STATE").upper() not in LCM_STATES:
            raise errors.refused("The LCM_STATE attribute is not defined or it's invalid.")
        if wanted.get("RESOURCE") != target.template.get("RESOURCE"):
            target.data["corrupt"] = True
