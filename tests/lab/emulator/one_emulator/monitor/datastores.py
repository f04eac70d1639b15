"""Measures the directories of datastores. As in oned sizes are 0 until the first round after a datastore was made."""

import os
import subprocess

from .. import remotes
from ..log import write
from ..paths import real
from ..pools.datastore import BACKUP, SYSTEM, base_path
from .cycle import Cycle

MEGABYTE = 1024 * 1024
# Drivers whose space is that of a directory of the front-end; of others (ceph, storpool ...) nothing is known here.
IN_DIRECTORIES = ("fs", "dummy", "shared", "qcow2", "ssh", "local")


class DatastoreMonitor(Cycle):
    def __init__(self, cloud):
        super().__init__(cloud)
        self.interval = float(cloud.conf.number("MONITORING_INTERVAL_DATASTORE", 300))

    def round(self):
        with self.cloud.guard:
            pool = self.cloud.pools["datastore"]
            due = list(pool.objects.values())
        for datastore in due:
            sizes = self._measure(datastore)  # may take a while: of a backup datastore another host is asked
            with self.cloud.guard:
                present = pool.objects.get(datastore.id) is datastore
                if present and sizes and any(datastore.data[key] != value for key, value in sizes.items()):
                    datastore.data.update(sizes)
                    pool.save(datastore)

    def _measure(self, datastore):
        data = datastore.data
        if data["type"] == BACKUP:
            return measure_elsewhere(datastore) if data["ds_mad"] == "rsync" else None
        driver = data["tm_mad"] if data["type"] == SYSTEM else data["ds_mad"]
        if data["type"] == SYSTEM and data["tm_mad"] in ("ssh", "local"):
            return None  # measured on the nodes, not here
        script = f"/var/lib/one/remotes/{'tm' if data['type'] == SYSTEM else 'datastore'}/{driver}/monitor"
        if not os.path.exists(real(script)):
            write("ImM", "E", f"Error monitoring datastore {datastore.id}: No such file or directory - {script}")
            return None
        if driver not in IN_DIRECTORIES:
            return None
        try:
            return measure_directory(real(base_path(datastore.id)))
        except OSError as problem:
            # a link that leads nowhere, a mount that hangs or forbids: the sizes stay as they were
            write("ImM", "E", f"Error monitoring datastore {datastore.id}: {problem}")
            return None


def measure_elsewhere(datastore):
    """The driver rsync asks the host that keeps the backups, over oneadmin's SSH."""
    path = base_path(datastore.id)
    host = f"{datastore.template.get('RSYNC_USER')}@{datastore.template.get('RSYNC_HOST')}"
    try:
        told = remotes.ssh(host, f"mkdir -p '{path}/' && df -PBM '{path}/'", seconds=remotes.ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        told = None
    if told is None or told.returncode:
        reason = told.stderr.decode(errors="replace").strip() if told else "no answer"
        write("ImM", "E", f"Error monitoring datastore {datastore.id}: {reason}")
        return None
    total, used, free = (int(word.rstrip("M")) for word in told.stdout.decode().splitlines()[-1].split()[1:4])
    return {"TOTAL_MB": total, "FREE_MB": free, "USED_MB": used}


def measure_directory(path):
    os.makedirs(path, mode=0o750, exist_ok=True)
    space = os.statvfs(path)
    total = space.f_blocks * space.f_frsize // MEGABYTE
    free = space.f_bavail * space.f_frsize // MEGABYTE
    used = (space.f_blocks - space.f_bfree) * space.f_frsize // MEGABYTE
    return {"TOTAL_MB": total, "FREE_MB": free, "USED_MB": used}
