"""Clusters, and which datastores, virtual networks and hosts are in them."""

from .. import errors
from ..template import Template
from .base import Pool, PoolObject

MEMBERS = ("HOSTS", "DATASTORES", "VNETS")


class ClusterPool(Pool):
    rpc, tag, label, what, table = "cluster", "CLUSTER", "CLUSTER", "cluster", "cluster_pool"
    first_id = 100

    def body_xml(self, shown, full):
        members = "".join(
            f"<{kind}>" + "".join(f"<ID>{oid}</ID>" for oid in sorted(shown.data[kind])) + f"</{kind}>"
            for kind in MEMBERS
        )
        return f"<ID>{shown.id}</ID><NAME>{shown.name}</NAME>{members}{shown.template.xml()}"

    def call_allocate(self, user, name):
        self.authorize(user, "CREATE")
        prefix = "Error allocating a new cluster. " if self.cloud.release.allocate_prefix else ""
        self.check_name(name)
        self.check_free(name, prefix=prefix)
        return self.insert(self.build(self.next_id(), name))

    @staticmethod
    def build(oid, name):
        template = Template([("RESERVED_CPU", ""), ("RESERVED_MEM", "")])
        return PoolObject(oid, name, template, data={kind: [] for kind in MEMBERS})

    def check_delete(self, target):
        if target.id < 100:
            raise errors.not_possible("Cannot delete cluster. System Clusters (ID < 100) cannot be deleted.")
        for kind in MEMBERS:
            count = len(target.data[kind])
            if count:
                raise errors.not_possible(
                    f"Cannot delete cluster. Cluster {target.id} is not empty, it contains {count} {kind.lower()}."
                )

    # -- members ------------------------------------------------------------------------------------------------

    def join(self, kind, member, cluster_id):
        cluster = self.get(cluster_id if cluster_id >= 0 else 0)
        if member not in cluster.data[kind]:
            cluster.data[kind].append(member)
            self.save(cluster)

    def leave(self, kind, member, cluster_id):
        cluster = self.get(cluster_id)
        if member in cluster.data[kind]:
            cluster.data[kind].remove(member)
            self.save(cluster)

    def forget(self, kind, member):
        for cluster_id in list(self.objects):
            self.leave(kind, member, cluster_id)

    def of(self, kind, member):
        return sorted(oid for oid, cluster in self.objects.items() if member in cluster.data[kind])

    def ids_xml(self, kind, member):
        return "<CLUSTERS>" + "".join(f"<ID>{oid}</ID>" for oid in self.of(kind, member)) + "</CLUSTERS>"

    def _membership(self, user, cluster_id, kind, pool, member, add):
        self.change(user, cluster_id, "ADMIN")
        self.cloud.pools[pool].get(member)
        (self.join if add else self.leave)(kind, member, cluster_id)
        return cluster_id

    def call_adddatastore(self, user, cluster_id, member):
        return self._membership(user, cluster_id, "DATASTORES", "datastore", member, add=True)

    def call_deldatastore(self, user, cluster_id, member):
        return self._membership(user, cluster_id, "DATASTORES", "datastore", member, add=False)

    def call_addvnet(self, user, cluster_id, member):
        return self._membership(user, cluster_id, "VNETS", "vn", member, add=True)

    def call_delvnet(self, user, cluster_id, member):
        return self._membership(user, cluster_id, "VNETS", "vn", member, add=False)

    def call_addhost(self, user, cluster_id, member):
        """A host is in exactly one cluster: to add it moves it."""
        self.change(user, cluster_id, "ADMIN")
        self.cloud.pools["host"].get(member)
        self.forget("HOSTS", member)
        self.join("HOSTS", member, cluster_id)
        return cluster_id

    def call_delhost(self, user, cluster_id, member):
        """A host that leaves its cluster is in the default one."""
        self.change(user, cluster_id, "ADMIN")
        self.cloud.pools["host"].get(member)
        self.leave("HOSTS", member, cluster_id)
        self.join("HOSTS", member, 0)
        return cluster_id
