"""The zone of a stand-alone front-end."""

from ..template import Template
from .base import Pool, PoolObject


class ZonePool(Pool):
    rpc, tag, label, what, table = "zone", "ZONE", "ZONE", "zone", "zone_pool"
    first_id = 100

    def body_xml(self, shown, full):
        return (
            f"<ID>{shown.id}</ID><NAME>{shown.name}</NAME><STATE>{shown.data['state']}</STATE>"
            + shown.template.xml()
            + "<SERVER_POOL/>"
        )

    def default(self):
        conf = self.cloud.conf
        template = Template([("ENDPOINT", f"http://localhost:{conf.get('PORT', '2633')}/RPC2")])
        if self.cloud.release.endpoint_grpc:
            template.add("ENDPOINT_GRPC", f"localhost:{conf.get('GRPC_PORT', '2634')}")
        return PoolObject(0, "OpenNebula", template, data={"state": 0})
