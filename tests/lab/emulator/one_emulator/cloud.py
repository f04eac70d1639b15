"""The state of the cloud: configuration, database, pools, who may do what, and what a new database begins with."""

import os
import threading

from .hooks import HookLog, Hooks
from .monitor.datastores import DatastoreMonitor
from .monitor.hosts import HostMonitor
from .paths import real
from .pools.cluster import ClusterPool
from .pools.datastore import DatastorePool
from .pools.empty import EMPTY_POOLS
from .pools.hook import HookPool
from .pools.host import HostPool
from .pools.secgroup import SecurityGroupPool
from .pools.user import GroupPool, UserPool
from .pools.vnet import VnetPool
from .pools.zone import ZonePool
from .raft import Raft
from .template import Template

ONE_AUTH = "/var/lib/one/.one/one_auth"
SERVER_AUTH_FILES = ("sunstone_auth", "oneflow_auth", "onegate_auth")
POOLS = [UserPool, GroupPool, ClusterPool, DatastorePool, HostPool, HookPool, VnetPool, SecurityGroupPool, ZonePool]
USERS_VIEW = {
    "DEFAULT_VIEW": "cloud",
    "GROUP_ADMIN_DEFAULT_VIEW": "groupadmin",
    "GROUP_ADMIN_VIEWS": "groupadmin,cloud",
    "VIEWS": "cloud",
}


class Cloud:
    def __init__(self, conf, monitord, database, release):
        self.conf, self.monitord, self.database, self.release = conf, monitord, database, release
        self.guard = threading.RLock()  # one API call or one monitor report at a time
        self.pools = {}
        for kind in POOLS + EMPTY_POOLS:
            self.pools[kind.rpc] = kind(self)
        self.hook_log = HookLog(self)
        self.hooks = Hooks(self)
        self.raft = Raft(self)
        self._make_monitors()

    # -- what only the one server that leads does ---------------------------------------------------------------

    def _make_monitors(self):
        self.datastore_monitor = DatastoreMonitor(self)
        self.host_monitor = HostMonitor(self)

    def start_monitors(self):
        self.datastore_monitor.start()
        self.host_monitor.start()

    def stop_monitors(self):
        """Does not wait for the rounds they are in."""
        self.datastore_monitor.stop()
        self.host_monitor.stop()
        self._make_monitors()

    def reload(self):
        """The objects as the database has them: the leader's records were applied, or one's own changes were not."""
        for pool in self.pools.values():
            pool.load()

    # -- names and rights ---------------------------------------------------------------------------------------

    def user_name(self, uid):
        user = self.pools["user"].objects.get(uid)
        return user.name if user else str(uid)

    def group_name(self, gid):
        group = self.pools["group"].objects.get(gid)
        return group.name if group else str(gid)

    @staticmethod
    def is_admin(user):
        return user.id == 0 or 0 in user.data["groups"]

    # -- the API ------------------------------------------------------------------------------------------------

    def method(self, name):
        """The pool's method behind an API call such as one.datastore.info, or None."""
        parts = name.split(".")
        if len(parts) != 3 or parts[0] != "one":
            return None
        pool, kind = self.pools.get(parts[1]), "call"
        if parts[1] == "hooklog":
            pool = self.hook_log
        if pool is None and parts[1].endswith("pool"):
            pool, kind = self.pools.get(parts[1][: -len("pool")]), "poolcall"
        return getattr(pool, f"{kind}_{parts[2]}", None) if pool else None

    def object_of(self, name, value):
        """The XML of the object that a call was about, or an empty string; lists are about none."""
        pool = self.pools.get(name.split(".")[1])
        found = pool.objects.get(value) if pool and isinstance(value, int) else None
        return pool.xml(found) if found else ""

    def knows_call(self, name):
        """Whether a call exists in OpenNebula, whose calls on virtual machines are more than the emulator's."""
        parts = name.split(".")
        return len(parts) == 3 and (self.method(name) is not None or (parts[1] in self.pools and parts[2] in VM_CALLS))

    # -- a new database -----------------------------------------------------------------------------------------

    def bootstrap(self, oneadmin_password):
        users, groups = self.pools["user"], self.pools["group"]
        groups.insert(groups.build(0, "oneadmin"))
        groups.insert(groups.build(1, "users", Template([("SUNSTONE", dict(USERS_VIEW))])))
        groups.last_id = 99
        server_secret = os.urandom(32).hex()
        for oid, name, password, driver in (
            (0, "oneadmin", oneadmin_password, "core"),
            (1, "serveradmin", server_secret, "server_cipher"),
        ):
            made = users.build(oid, name, password, [0], driver)
            users.insert(made)
            groups.set_members(made)
        _write_server_auth(server_secret)
        clusters, datastores = self.pools["cluster"], self.pools["datastore"]
        clusters.insert(clusters.build(0, "default"))
        clusters.last_id = 99
        tm = self.release.default_tm
        for oid, name, items in (
            (0, "system", [("TYPE", "SYSTEM_DS"), ("TM_MAD", tm)]),
            (1, "default", [("TYPE", "IMAGE_DS"), ("DS_MAD", "fs"), ("TM_MAD", tm)]),
            (2, "files", [("TYPE", "FILE_DS"), ("DS_MAD", "fs"), ("TM_MAD", tm)]),
        ):
            datastores.insert(datastores.build(oid, name, Template(items)))
            clusters.join("DATASTORES", oid, 0)
        datastores.last_id = 99
        groups_of_security = self.pools["secgroup"]
        groups_of_security.insert(groups_of_security.default())
        groups_of_security.last_id = 99
        self.pools["zone"].insert(self.pools["zone"].default())
        for pool in (groups, clusters, datastores, groups_of_security):
            self.database.save_last(pool.table, pool.last_id)
        self.database.mark_bootstrapped()


# Calls on virtual machines that may trigger a hook.
VM_CALLS = (
    "allocate", "deploy", "action", "migrate", "attach", "detach", "diskresize", "disksaveas", "snapshotcreate",
    "snapshotdelete", "snapshotrevert", "resize", "update", "updateconf", "recover", "rename", "chmod", "chown",
    "lock", "unlock", "delete", "clone", "instantiate", "persistent", "chtype",
)  # fmt: skip


def _write_server_auth(secret):
    """The credentials of FireEdge, OneFlow and OneGate, which a first start leaves beside one_auth."""
    directory = os.path.dirname(real(ONE_AUTH))
    for name in SERVER_AUTH_FILES:
        descriptor = os.open(f"{directory}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"serveradmin:{secret}\n")
