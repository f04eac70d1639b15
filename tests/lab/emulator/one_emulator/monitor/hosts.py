"""Reaches the hosts over oneadmin's SSH, as the probes of OpenNebula are brought there, and reports what it found."""

import subprocess
from concurrent.futures import ThreadPoolExecutor

from .. import remotes
from ..log import MONITOR_LOG, write
from ..pools.states import DISABLED, ERROR, INIT, MONITORED, OFFLINE
from .cycle import Cycle

# Known to monitord.conf: a host with another driver stays in init for ever.
DRIVERS = ("kvm", "qemu", "lxc", "dummy")
NO_REMOTES = "none"
PROBE = (
    "set -e; LC_ALL=C; export LC_ALL; "
    "grep -c ^processor /proc/cpuinfo; "
    "awk '/^MemTotal:/{print $2} /^MemAvailable:/{print $2}' /proc/meminfo; "
    "uname -m; hostname; "
    "sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1 | grep . || echo unknown; "
    "df -Pk /var/lib/one/datastores 2>/dev/null | awk 'END{print $2, $3, $4}'; "
    "command -v virsh >/dev/null || { echo 'virsh: command not found' >&2; exit 1; }; "
    "virsh -c qemu:///system --readonly version >/dev/null; "
    f"cat {remotes.ON_NODE}/VERSION 2>/dev/null || echo {NO_REMOTES}"
)


class HostMonitor(Cycle):
    def __init__(self, cloud):
        super().__init__(cloud)
        self.interval = float(cloud.monitord.vector("PROBES_PERIOD").get("BEACON_HOST", 30))

    def round(self):
        with self.cloud.guard:
            due = [(host.id, host.name, host.data["im_mad"]) for host in self.cloud.pools["host"].objects.values()
                   if host.data["state"] in (INIT, MONITORED, ERROR, DISABLED)]  # fmt: skip
        due = [(oid, name) for oid, name, driver in due if driver in DRIVERS]
        if due:
            with ThreadPoolExecutor(max_workers=8) as workers:
                list(workers.map(lambda host: self._visit(*host), due))

    def _visit(self, oid, name):
        facts, reason = probe(name)
        with self.cloud.guard:
            pool = self.cloud.pools["host"]
            host = pool.objects.get(oid)
            if host is None or host.data["state"] == OFFLINE:
                return
            if facts:
                pool.monitored(host, facts)
            else:
                write("InM", "E", f"Error monitoring Host {name} ({oid}): {reason}")
                pool.failed(host, reason)


def probe(name):
    """What is known of a host, or the reason why nothing is. A host without remotes gets them first."""
    facts, reason = _probe_once(name)
    if facts and facts["template"]["VERSION"] == NO_REMOTES:
        if not remotes.copy(name, remotes.pack()):
            return None, f"Could not update remotes in {name}"
        facts, reason = _probe_once(name)
    return facts, reason


def _probe_once(name):
    try:
        done = remotes.ssh(name, PROBE, seconds=remotes.ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        return None, "the probe did not answer in time"
    except OSError as problem:
        return None, str(problem)
    words = " ".join(done.stderr.decode(errors="replace").split())
    if done.returncode == remotes.SSH_FAILED:
        # The real one leaves the reason of the host empty then, whatever ssh says.
        write("MON", "W", f"Command execution failed (exit code: {done.returncode}): {words}", MONITOR_LOG)
        return None, ""
    if done.returncode != 0:
        return None, words or f"the probe ended with {done.returncode}"
    return _facts(done.stdout.decode(errors="replace").splitlines()), ""


def _facts(lines):
    processors, total_memory, free_memory = (int(text) for text in lines[:3])
    arch, hostname, model = lines[3:6]
    total, used, free = ([int(text) // 1024 for text in lines[6].split()] + [0, 0, 0])[:3]
    return {
        "share": {"TOTAL_CPU": processors * 100, "TOTAL_MEM": total_memory},
        "disks": {"DISK_USAGE": 0, "FREE_DISK": free, "MAX_DISK": total, "USED_DISK": used},
        "capacity": {
            "FREE_CPU": processors * 100,
            "FREE_MEMORY": free_memory,
            "USED_CPU": 0,
            "USED_MEMORY": total_memory - free_memory,
        },
        "template": {
            "ARCH": arch,
            "HOSTNAME": hostname,
            "MODELNAME": model,
            "HYPERVISOR": "kvm",
            "VERSION": lines[7],
            "EMULATED": "YES",
        },
    }
