"""Hosts: what is declared about them, and what the monitor found out."""

import time

from .. import errors
from ..template import Template, cdata
from .base import Pool, PoolObject
from .states import DISABLED, ERROR, HOST_STATES, INIT, MONITORED, OFFLINE

NO_DISKS = {"DISK_USAGE": 0, "FREE_DISK": 0, "MAX_DISK": 0, "USED_DISK": 0}


class HostPool(Pool):
    rpc, tag, label, what, table = "host", "HOST", "HOST", "host", "host_pool"

    def creates_in_cluster(self):
        return True

    def body_xml(self, shown, full):
        data = shown.data
        cluster = self.cloud.pools["cluster"].get((self.cloud.pools["cluster"].of("HOSTS", shown.id) or [0])[0])
        monitoring = "".join(_monitoring_xml(key, value) for key, value in data["monitoring"].items())
        return (
            f"<ID>{shown.id}</ID><NAME>{shown.name}</NAME>"
            f"<STATE>{data['state']}</STATE><PREV_STATE>{data['state']}</PREV_STATE>"
            + cdata("IM_MAD", data["im_mad"])
            + cdata("VM_MAD", data["vm_mad"])
            + f"<CLUSTER_ID>{cluster.id}</CLUSTER_ID><CLUSTER>{cluster.name}</CLUSTER>"
            + _share_xml(shown, full)
            + "<VMS/>"
            + shown.template.xml()
            + f"<MONITORING>{monitoring}</MONITORING>"
        )

    def visible(self, user, shown):
        return self.cloud.is_admin(user)

    # -- API calls ----------------------------------------------------------------------------------------------

    def call_allocate(self, user, name, im_mad, vm_mad, *rest):
        cluster_id = rest[-1] if rest else -1
        self.authorize(user, "CREATE")
        prefix = "Error allocating a new host. " if self.cloud.release.allocate_prefix else ""
        if self.cloud.release.checks_host_names:
            self._check_host_name(name, prefix)
        else:
            self.check_name(name)
        self.check_free(name, prefix=prefix)
        template = Template([("IM_MAD", im_mad), ("VM_MAD", vm_mad), ("RESERVED_CPU", ""), ("RESERVED_MEM", "")])
        data = {"state": INIT, "im_mad": im_mad, "vm_mad": vm_mad, "share": {}, "disks": None, "monitoring": {}}
        made = PoolObject(self.next_id(), name, template, data=data)
        self.insert(made)
        self.cloud.pools["cluster"].join("HOSTS", made.id, cluster_id)
        self.cloud.host_monitor.wake()
        self._state_changed(made)
        return made.id

    @staticmethod
    def _check_host_name(name, prefix):
        if not 1 <= len(name) < 64:
            raise errors.refused(
                f"{prefix}Invalid HOSTNAME, HOSTNAME length should be greater than 1, but smaller than 64 characters"
            )
        bad = next((c for c in name if not (c.isascii() and (c.isalnum() or c in "-._:"))), None)
        if bad:
            raise errors.refused(f"{prefix}Invalid HOSTNAME, '{bad}' is invalid character for a HOSTNAME")

    def accept_template(self, target, wanted, given):
        for key in ("IM_MAD", "VM_MAD"):
            if wanted.get(key):
                target.data[key.lower()] = wanted.get(key)
            else:
                wanted.set(key, target.data[key.lower()])

    def call_status(self, user, oid, status):
        """0 enables, 1 disables, 2 takes offline."""
        target = self.change(user, oid, "ADMIN")
        if status == 0:
            if target.data["state"] in (DISABLED, OFFLINE):
                self.set_state(target, INIT)
        else:
            self.set_state(target, DISABLED if status == 1 else OFFLINE)
        self.cloud.host_monitor.wake()
        return oid

    def call_monitoring(self, user, oid):
        self.get(oid)
        return "<MONITORING_DATA/>"

    def remove(self, gone):
        super().remove(gone)
        self.cloud.pools["cluster"].forget("HOSTS", gone.id)

    # -- what the monitor reports -------------------------------------------------------------------------------

    def set_state(self, target, state):
        changed = target.data["state"] != state
        target.data["state"] = state
        self.save(target)
        if changed:
            self._state_changed(target)

    def _state_changed(self, target):
        self.cloud.hooks.state_changed("HOST", HOST_STATES[target.data["state"]], self.xml(target))

    def monitored(self, target, facts):
        """The probe reached the host."""
        target.data["share"] = facts["share"]
        target.data["disks"] = facts["disks"]
        target.data["monitoring"] = {"TIMESTAMP": int(time.time()), "CAPACITY": facts["capacity"]}
        target.template.erase("ERROR")
        for key, value in facts["template"].items():
            target.template.set(key, value)
        if target.data["state"] in (INIT, MONITORED, ERROR):
            self.set_state(target, MONITORED)
        else:
            self.save(target)

    def failed(self, target, reason):
        if target.data["state"] not in (INIT, MONITORED, ERROR):
            return
        stamp = time.strftime("%a %b %d %H:%M:%S %Y")
        target.template.set("ERROR", f"{stamp} : Error monitoring Host {target.name} ({target.id}): {reason}")
        target.data["disks"] = target.data["disks"] or NO_DISKS
        self.save(target)
        self.set_state(target, ERROR)


def _share_xml(shown, full):
    share = shown.data["share"]
    total_memory, total_cpu = share.get("TOTAL_MEM", 0), share.get("TOTAL_CPU", 0)
    disks = shown.data["disks"] or (NO_DISKS if full else {})
    numbers = {
        "MEM_USAGE": 0,
        "CPU_USAGE": 0,
        "TOTAL_MEM": total_memory,
        "TOTAL_CPU": total_cpu,
        "MAX_MEM": total_memory - _reserved(shown, "RESERVED_MEM"),
        "MAX_CPU": total_cpu - _reserved(shown, "RESERVED_CPU"),
        "RUNNING_VMS": 0,
        "VMS_THREAD": 1,
    }
    return (
        "<HOST_SHARE>"
        + "".join(f"<{key}>{value}</{key}>" for key, value in numbers.items())
        + "<DATASTORES>"
        + "".join(cdata(key, value) for key, value in disks.items())
        + "</DATASTORES><PCI_DEVICES/><NUMA_NODES/></HOST_SHARE>"
    )


def _reserved(shown, key):
    text = shown.template.get(key)
    return int(text) if text.lstrip("-").isdigit() else 0


def _monitoring_xml(key, value):
    if isinstance(value, dict):
        return f"<{key}>" + "".join(f"<{k}>{v}</{k}>" for k, v in value.items()) + f"</{key}>"
    return f"<{key}>{value}</{key}>"
