"""Which verbs each command has, what they take, and what they do."""

from . import resources as kind
from . import verbs as do
from . import zone_verbs as zone
from .hook_verbs import log, retry, show_hook
from .host_verbs import create_host, disable_host, enable_host, flush, forceupdate, monitoring, offline, sync
from .user_verbs import addgroup, chauth, chgrp_user, create_user, delgroup, passwd, show_user, update_user
from .verbs import FILE_OR_STDIN, LIST_OPTIONS, SHOW_OPTIONS, Verb, create
from .vnet_verbs import addar, hold, release, reserve, rmar, updatear

TEXT = ("text",)


def _common(name, *, filtered=False):
    """list, show, delete and rename, which nearly every command has."""
    one, many = (f"{name}id",), ("range", f"{name}id_list")
    return {
        "list": Verb(do.list_pool, ((("filterflag", None),) if filtered else ()), LIST_OPTIONS),
        "show": Verb(do.show, (one,), SHOW_OPTIONS),
        "delete": Verb(do.delete, (many,)),
        "rename": Verb(do.rename, (one, TEXT)),
    }


def _update(name):
    return Verb(do.update, ((f"{name}id",), FILE_OR_STDIN), ("append",))


def _owned(name):
    many = ("range", f"{name}id_list")
    return {
        "chmod": Verb(do.chmod, (many, ("octet",))),
        "chown": Verb(do.chown, (many, ("userid",), ("groupid", None))),
        "chgrp": Verb(do.chgrp, (many, ("groupid",))),
    }


def _lockable(name):
    many = ("range", f"{name}id_list")
    return {
        "lock": Verb(do.lock, (many,), ("use", "manage", "admin", "all")),
        "unlock": Verb(do.unlock, (many,)),
    }


def _each(run, name, *options):
    return Verb(run, (("range", f"{name}id_list"),), options)


def _member(method, member):
    """addhost, deldatastore and so on: every member of a list into or out of a cluster."""

    def run(call):
        cluster = call.resource.identifier(call.client, call.arguments[0])
        for oid in member.identifiers(call.client, call.arguments[1]):
            call.rpc(method, cluster, oid)

    name = member.tag.lower()
    return Verb(run, (("clusterid",), ("range", f"{name}id_list")))


def _list_only(resource, name):
    return resource, {
        "list": _common(name, filtered=True)["list"],
        "show": Verb(do.show, ((f"{name}id",),), SHOW_OPTIONS),
    }


COMMANDS = {
    "onedatastore": (
        kind.DATASTORE,
        {
            **_common("datastore"),
            **_owned("datastore"),
            "create": Verb(create(do.Call.cluster), (FILE_OR_STDIN,), ("cluster",)),
            "update": _update("datastore"),
            "enable": _each(do.enable, "datastore"),
            "disable": _each(do.disable, "datastore"),
        },
    ),
    "onehook": (
        kind.HOOK,
        {
            **_common("hook"),
            **_lockable("hook"),
            "show": Verb(show_hook, (("hookid",),), (*SHOW_OPTIONS, "execution")),
            "create": Verb(create(), (("file",),)),
            "update": _update("hook"),
            "log": Verb(log, (), ("xml", "hook-id", "since", "until", "error", "success")),
            "retry": Verb(retry, (("hookid",), ("execution_id",))),
        },
    ),
    "onehost": (
        kind.HOST,
        {
            **_common("host"),
            "create": Verb(create_host, (("hostname",), FILE_OR_STDIN), ("cluster", "im", "vm")),
            "update": _update("host"),
            "enable": _each(enable_host, "host"),
            "disable": _each(disable_host, "host"),
            "offline": _each(offline, "host"),
            "flush": _each(flush, "host"),
            "sync": Verb(sync, (("range", "hostid_list", None),), ("cluster", "force", "ssh")),
            "forceupdate": Verb(forceupdate, (("range", "hostid_list", None),), ("cluster",)),
            "monitoring": Verb(monitoring, (("hostid",), ("attr",)), ("csv",)),
        },
    ),
    "onecluster": (
        kind.CLUSTER,
        {
            **_common("cluster"),
            "create": Verb(do.create_named, (TEXT,)),
            "update": _update("cluster"),
            "addhost": _member("addhost", kind.HOST),
            "delhost": _member("delhost", kind.HOST),
            "adddatastore": _member("adddatastore", kind.DATASTORE),
            "deldatastore": _member("deldatastore", kind.DATASTORE),
            "addvnet": _member("addvnet", kind.VNET),
            "delvnet": _member("delvnet", kind.VNET),
        },
    ),
    "onevnet": (
        kind.VNET,
        {
            **_common("vnet", filtered=True),
            **_owned("vnet"),
            **_lockable("vnet"),
            "show": Verb(do.show, (("vnetid",),), (*SHOW_OPTIONS, "show-ar")),
            "create": Verb(create(do.Call.cluster), (FILE_OR_STDIN,), ("cluster",)),
            "update": _update("vnet"),
            "addar": Verb(addar, (("vnetid",), FILE_OR_STDIN), ("ip", "ip6", "mac", "size")),
            "updatear": Verb(updatear, (("vnetid",), ("ar_id",), FILE_OR_STDIN), ("append",)),
            "rmar": Verb(rmar, (("vnetid",), ("ar_id",)), ("force",)),
            "hold": Verb(hold, (("vnetid",), TEXT)),
            "release": Verb(release, (("vnetid",), TEXT)),
            "reserve": Verb(reserve, (("vnetid",),), ("size", "name")),
        },
    ),
    "onesecgroup": (
        kind.SECURITY_GROUP,
        {
            **_common("secgroup", filtered=True),
            **_owned("secgroup"),
            "create": Verb(create(), (FILE_OR_STDIN,)),
            "update": _update("secgroup"),
            "commit": Verb(
                lambda call: call.each(call.arguments[0], lambda oid: call.rpc("commit", oid, False), "commit"),
                (("range", "secgroupid_list"),),
            ),
        },
    ),  # fmt: skip
    "oneuser": (
        kind.USER,
        {
            "list": Verb(do.list_pool, (), LIST_OPTIONS),
            "show": Verb(show_user, (("userid", None),), SHOW_OPTIONS),
            "create": Verb(create_user, (("username",), ("password", None)), ("driver", "group", "read-file")),
            "delete": _each(do.delete, "user"),
            "update": Verb(update_user, (("userid", None), FILE_OR_STDIN), ("append",)),
            "passwd": Verb(passwd, (("userid", None), ("password", None)), ("driver", "read-file")),
            "chauth": Verb(chauth, (("userid",), ("auth", None), ("password", None)), ("driver", "read-file")),
            "chgrp": Verb(chgrp_user, (("range", "userid_list"), ("groupid",))),
            "addgroup": Verb(addgroup, (("range", "userid_list"), ("groupid",))),
            "delgroup": Verb(delgroup, (("range", "userid_list"), ("groupid",))),
            "enable": _each(do.enable, "user"),
            "disable": _each(do.disable, "user"),
        },
    ),
    "onegroup": (
        kind.GROUP,
        {
            "list": Verb(do.list_pool, (), LIST_OPTIONS),
            "show": Verb(do.show, (("groupid", None),), SHOW_OPTIONS),
            "create": Verb(do.create_named, (TEXT,)),
            "delete": _each(do.delete, "group"),
        },
    ),
    "onezone": (
        kind.ZONE,
        {
            "list": Verb(do.list_pool, (), LIST_OPTIONS),
            "show": Verb(zone.show, (("zoneid",),), SHOW_OPTIONS),
            "update": _update("zone"),
            "rename": Verb(do.rename, (("zoneid",), TEXT)),
            "server-add": Verb(zone.server_add, (("zoneid",),), ("name", "rpc", "grpc-endpoint")),
            "server-del": Verb(zone.server_del, (("zoneid",), ("serverid",))),
            "server-reset": Verb(zone.server_reset, (("zoneid",), ("serverid",))),
        },
    ),
    "onevm": _list_only(kind.VM, "vm"),
    "oneimage": _list_only(kind.IMAGE, "image"),
    "onetemplate": _list_only(kind.TEMPLATE, "template"),
    "onevntemplate": _list_only(kind.VNTEMPLATE, "template"),
    "onevrouter": _list_only(kind.VROUTER, "vrouter"),
    "onevmgroup": _list_only(kind.VM_GROUP, "vmgroup"),
    "onebackupjob": _list_only(kind.BACKUPJOB, "backupjob"),
}
