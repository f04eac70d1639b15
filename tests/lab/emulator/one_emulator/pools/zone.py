"""The zone: of a stand-alone front-end, or of several servers that replicate one another (raft.py)."""

from .. import errors
from ..template import Template, cdata
from ..xmltree import parse
from .base import Pool, PoolObject

SERVER_KEYS = ("ENDPOINT", "ENDPOINT_GRPC", "ID", "NAME")


class ZonePool(Pool):
    rpc, tag, label, what, table = "zone", "ZONE", "ZONE", "zone", "zone_pool"
    first_id = 100

    def body_xml(self, shown, full):
        return (
            f"<ID>{shown.id}</ID><NAME>{shown.name}</NAME><STATE>{shown.data['state']}</STATE>"
            + shown.template.xml()
            + _servers_xml(shown.data["servers"])
        )

    def save(self, changed):
        self.cloud.database.save(self.table, changed.id, changed.name, self.xml(changed))

    @staticmethod
    def revive(oid, body):
        node = parse(body)
        template = Template((attribute.tag, attribute.text) for attribute in node.find("TEMPLATE").children)
        servers = [{key.tag: key.text for key in server.children} for server in node.find("SERVER_POOL").children]
        data = {"state": int(node.value("STATE")), "servers": servers}
        return PoolObject(oid, node.value("NAME"), template, data=data)

    def default(self):
        conf = self.cloud.conf
        template = Template([("ENDPOINT", f"http://localhost:{conf.get('PORT', '2633')}/RPC2")])
        if self.cloud.release.endpoint_grpc:
            template.add("ENDPOINT_GRPC", f"localhost:{conf.get('GRPC_PORT', '2634')}")
        return PoolObject(0, "OpenNebula", template, data={"state": 0, "servers": []})

    # -- servers ------------------------------------------------------------------------------------------------

    def call_addserver(self, user, oid, text):
        target = self.change(user, oid, "ADMIN")
        vectors = self.parse(text).vectors("SERVER")
        if not vectors:
            raise errors.not_possible("SERVER not found in template")
        server = dict(vectors[0])
        if not server.get("NAME"):
            raise errors.not_possible("Missing NAME in SERVER")
        if not self.cloud.release.endpoint_grpc:
            server.pop("ENDPOINT_GRPC", None)
        if not (server.get("ENDPOINT") or server.get("ENDPOINT_GRPC")):
            wanted = "ENDPOINT or ENDPOINT_GRPC" if self.cloud.release.endpoint_grpc else "ENDPOINT"
            raise errors.not_possible(f"Missing {wanted} in SERVER")
        servers = target.data["servers"]
        server["ID"] = str(max((int(s["ID"]) for s in servers), default=-1) + 1)
        # the majority that this change needs is that of the servers before it
        self._save_servers(target, [*servers, server])
        self.cloud.raft.server_added(int(server["ID"]))
        return oid

    def call_delserver(self, user, oid, server_id):
        target = self.change(user, oid, "ADMIN")
        left = [s for s in target.data["servers"] if int(s["ID"]) != server_id]
        if len(left) == len(target.data["servers"]):
            raise errors.not_possible("SERVER not found in zone")
        # and here that of the servers after it
        target.data["servers"] = left
        self.save(target)
        return oid

    def call_resetserver(self, user, oid, server_id):
        self.change(user, oid, "ADMIN")
        self.cloud.raft.reset_index(server_id)
        return oid

    def _save_servers(self, target, servers):
        changed = PoolObject(target.id, target.name, target.template, data={**target.data, "servers": servers})
        self.save(changed)
        target.data["servers"] = servers

    # -- between servers ----------------------------------------------------------------------------------------

    def call_voterequest(self, user, *arguments):
        self._only_oneadmin(user)
        return self.cloud.raft.call_voterequest(*arguments)

    def call_replicate(self, user, *arguments):
        self._only_oneadmin(user)
        return self.cloud.raft.call_replicate(*arguments)

    def call_raftstatus(self, user):
        return self.cloud.raft.status()

    @staticmethod
    def _only_oneadmin(user):
        if user.id != 0:
            raise errors.OneError(errors.AUTHORIZATION, f"User [{user.id}] not authorized to perform action on zone.")


def _servers_xml(servers):
    if not servers:
        return "<SERVER_POOL/>"
    listed = "".join(
        "<SERVER>" + "".join(cdata(key, server[key]) for key in SERVER_KEYS if key in server) + "</SERVER>"
        for server in servers
    )
    return f"<SERVER_POOL>{listed}</SERVER_POOL>"
