"""Virtual networks: mandatory attributes, the names and VLANs oned chooses, address ranges, and the ERROR state."""

import time

from .. import errors
from ..template import Template, cdata
from . import address_range
from .base import Pool, PoolObject

READY, ERROR = 1, 5
NEEDS_PHYDEV = ("802.1Q", "vxlan")
NEEDS_VLAN = ("802.1Q", "vxlan", "ovswitch_vxlan")
ELEMENTS = ("BRIDGE", "BRIDGE_TYPE", "VN_MAD", "PHYDEV", "VLAN_ID", "OUTER_VLAN_ID")


class VnetPool(Pool):
    rpc, tag, label, what, table = "vn", "VNET", "NET", "virtual network", "network_pool"
    per_owner = True

    def creates_in_cluster(self):
        return True

    def body_xml(self, shown, full):
        data = shown.data
        parent = data["parent"] if data["parent"] is not None else ""
        template_id = "<TEMPLATE_ID/>" if self.cloud.release.vnet_shows_template_id else ""
        ranges = "".join(address_range.xml(ar, full) for ar in data["ranges"])
        element = {key: cdata(key, data[key]) if data[key] else f"<{key}/>" for key in ELEMENTS}
        return (
            self.owner_xml(shown)
            + self.cloud.pools["cluster"].ids_xml("VNETS", shown.id)
            + element["BRIDGE"]
            + element["BRIDGE_TYPE"]
            + cdata("STATE", data["state"])
            + cdata("PREV_STATE", data["state"])
            + f"<PARENT_NETWORK_ID>{parent}</PARENT_NETWORK_ID>{template_id}"
            + "".join(element[key] for key in ("VN_MAD", "PHYDEV", "VLAN_ID", "OUTER_VLAN_ID"))
            + f"<VLAN_ID_AUTOMATIC>{data['auto']['VLAN_ID']}</VLAN_ID_AUTOMATIC>"
            + f"<OUTER_VLAN_ID_AUTOMATIC>{data['auto']['OUTER_VLAN_ID']}</OUTER_VLAN_ID_AUTOMATIC>"
            + f"<USED_LEASES>{sum(len(ar['leases']) for ar in data['ranges'])}</USED_LEASES>"
            + "<VROUTERS/><UPDATED_VMS/><OUTDATED_VMS/><UPDATING_VMS/><ERROR_VMS/>"
            + shown.template.xml()
            + f"<AR_POOL>{ranges}</AR_POOL>"
        )

    # -- creation -----------------------------------------------------------------------------------------------

    def call_allocate(self, user, text, cluster_id):
        template = self.parse(text)
        self.authorize(user, "CREATE")
        name = template.get("NAME")
        template.erase("NAME")
        self._check_driver(template)
        if not name:
            raise errors.refused("No NAME in template for Virtual Network.")
        self.check_name(name)
        self.check_free(name, user.id)
        made = self._build(self.next_id(), name, template, user)
        self.insert(made)
        self.cloud.pools["cluster"].join("VNETS", made.id, cluster_id)
        return made.id

    def _check_driver(self, template):
        driver = template.get("VN_MAD")
        if not driver:
            raise errors.refused("No VN_MAD in template for Virtual Network.")
        if self.cloud.conf.named("VN_MAD_CONF", driver) is None:
            raise errors.refused(f'VN_MAD named "{driver}" is not defined in oned.conf')
        if driver in NEEDS_PHYDEV and not template.get("PHYDEV"):
            raise errors.refused(f"PHYDEV is mandatory for driver {driver}")
        if driver in NEEDS_VLAN and not (template.get("VLAN_ID") or _automatic(template, "VLAN_ID")):
            raise errors.refused(f"VLAN_ID (or AUTOMATIC_VLAN_ID) is mandatory for driver {driver}")

    def _build(self, oid, name, template, user):
        data = {"state": READY, "parent": None, "ranges": [], "next_ar": 0}
        data["auto"] = {key: int(_automatic(template, key)) for key in ("VLAN_ID", "OUTER_VLAN_ID")}
        for key, automatic in data["auto"].items():
            template.erase(f"AUTOMATIC_{key}")
            data[key] = self._next_vlan(template.get("VN_MAD"), oid) if automatic else template.get(key)
            if automatic:
                template.erase(key)
            else:
                template.set(key, data[key])
        data["VN_MAD"], data["PHYDEV"] = template.get("VN_MAD"), template.get("PHYDEV")
        tagged = data["VN_MAD"] in NEEDS_VLAN and template.get("VLAN_ID")
        data["BRIDGE"] = template.get("BRIDGE") or (f"onebr.{data['VLAN_ID']}" if tagged else f"onebr{oid}")
        types = self.cloud.conf.named("VN_MAD_CONF", data["VN_MAD"]).get("BRIDGE_TYPE", "").split(",")
        data["BRIDGE_TYPE"] = template.get("BRIDGE_TYPE") or types[0]
        for key in ("BRIDGE", "BRIDGE_TYPE", "PHYDEV"):
            template.set(key, data[key])
        template.set("SECURITY_GROUPS", _with_default_group(template.get("SECURITY_GROUPS")))
        wanted = template.vectors("AR")
        template.erase("AR")
        made = PoolObject(oid, name, template, user.id, user.gid, "110000000", data=data)
        self._add_ranges(made, wanted)
        return made

    def _next_vlan(self, driver, oid):
        section = "VXLAN_IDS" if "vxlan" in driver else "VLAN_IDS"
        return str(int(self.cloud.conf.vector(section).get("START", "2")) + oid)

    def _add_ranges(self, made, wanted):
        """A range that cannot be made does not fail the call: the network is there, in state ERROR."""
        try:
            for given in wanted:
                self._add_range(made, given)
        except errors.OneError as problem:
            made.data["ranges"] = []
            self._fail(made, problem.text)

    def _add_range(self, target, given):
        prefix = self.cloud.conf.get("MAC_PREFIX", "02:00")
        target.data["ranges"].append(address_range.build(target.data["next_ar"], given, prefix, self.cloud.release))
        target.data["next_ar"] += 1

    @staticmethod
    def _fail(target, reason):
        target.data["state"] = ERROR
        target.template.set("ERROR", f"{time.strftime('%a %b %d %H:%M:%S %Y')} : {reason}")

    # -- change and end -----------------------------------------------------------------------------------------

    def accept_template(self, target, wanted, given):
        data = dict(target.data)
        if self.cloud.release.vnet_replace_needs_vn_mad:
            self._check_update(wanted, data)
        for key in ("VN_MAD", "PHYDEV", "VLAN_ID", "OUTER_VLAN_ID"):
            if data["auto"].get(key):
                wanted.erase(key)
                continue
            data[key] = wanted.get(key)
            wanted.set(key, data[key])
        for key in ("BRIDGE", "BRIDGE_TYPE"):
            data[key] = wanted.get(key) or data[key]
            wanted.set(key, data[key])
        target.data = data

    def _check_update(self, wanted, data):
        checked = Template(wanted.items)
        if data["auto"]["VLAN_ID"]:
            checked.set("VLAN_ID", data["VLAN_ID"])
        self._check_driver(checked)

    def call_delete(self, user, oid, *_rest):
        target = self.change(user, oid)
        if any(ar["leases"] for ar in target.data["ranges"]):
            raise errors.not_possible(
                "Cannot delete virtual network. Can not remove a virtual network with leases in use"
            )
        if not target.data["VN_MAD"]:
            # oned answers yes, its driver call fails later, and the network stays
            target.data["ranges"] = []
            self._fail(target, "")
            self.save(target)
            return oid
        self.remove(target)
        return oid

    def remove(self, gone):
        super().remove(gone)
        self.cloud.pools["cluster"].forget("VNETS", gone.id)
        parent = self.objects.get(gone.data["parent"])
        if parent:
            for ar in parent.data["ranges"]:
                ar["leases"] = {i: lease for i, lease in ar["leases"].items() if lease.get("VNET") != str(gone.id)}
            self.save(parent)

    # -- address ranges and leases ------------------------------------------------------------------------------

    def call_add_ar(self, user, oid, text):
        target = self.change(user, oid, "ADMIN")
        for given in self.parse(text).vectors("AR"):
            self._add_range(target, given)
        self.save(target)
        return oid

    def call_rm_ar(self, user, oid, ar_id, *_force):
        target = self.change(user, oid, "ADMIN")
        ar = self._range(target, str(ar_id))
        if ar is None:
            raise errors.not_possible("Address Range does not exist")
        if ar["leases"]:
            raise errors.not_possible("Address Range has leases in use")
        target.data["ranges"].remove(ar)
        self.save(target)
        return oid

    def call_update_ar(self, user, oid, text):
        target = self.change(user, oid)
        for given in self.parse(text).vectors("AR") or [{}]:
            if "AR_ID" not in given:
                raise errors.refused("AR/AR_ID attribute is missing.")
            ar = self._range(target, given["AR_ID"])
            if ar is None:
                raise errors.not_possible("Address Range does not exist")
            address_range.update(ar, given)
        self.save(target)
        return oid

    @staticmethod
    def _range(target, ar_id):
        return next((ar for ar in target.data["ranges"] if ar["attributes"]["AR_ID"] == ar_id), None)

    def call_hold(self, user, oid, text):
        target = self.change(user, oid)
        ar, index = self._lease(target, text)
        if ar is None or str(index) in ar["leases"]:
            raise errors.not_possible("Address is not part of the address range or in use.")
        ar["leases"][str(index)] = {"VM": "-1"}
        self.save(target)
        return oid

    def call_release(self, user, oid, text):
        target = self.change(user, oid)
        ar, index = self._lease(target, text)
        if ar is None or ar["leases"].get(str(index), {}).get("VM") != "-1":
            raise errors.not_possible("Address is not part of the address range or not on hold.")
        del ar["leases"][str(index)]
        self.save(target)
        return oid

    def _lease(self, target, text):
        lease = self.parse(text).vectors("LEASES")[0]
        address = lease.get("IP") or lease.get("MAC") or ""
        for ar in target.data["ranges"]:
            index = address_range.index_of(ar, address)
            if index is not None:
                return ar, index
        return None, None

    def call_reserve(self, user, oid, text):
        parent = self.change(user, oid)
        wanted = self.parse(text)
        name, size = wanted.get("NAME"), wanted.get("SIZE")
        if not size.isdigit() or int(size) == 0:
            raise errors.refused("Reservation SIZE must be a greater than 0")
        self.check_name(name)
        self.check_free(name, user.id)
        child_id = self.next_id()
        for ar in parent.data["ranges"]:
            taken = address_range.take_free(ar, int(size), {"VNET": str(child_id)})
            if taken:
                break
        else:
            raise errors.not_possible("Not enough free addresses in an address range.")
        data = {**parent.data, "parent": parent.id, "ranges": [], "next_ar": 0, "auto": dict(parent.data["auto"])}
        child = PoolObject(child_id, name, Template(parent.template.items), user.id, user.gid, "110000000", data=data)
        self._add_range(child, {**address_range.slice_of(ar, taken[0]), "SIZE": size})
        self.save(parent)
        self.insert(child)
        for cluster_id in self.cloud.pools["cluster"].of("VNETS", parent.id):
            self.cloud.pools["cluster"].join("VNETS", child.id, cluster_id)
        return child.id


def _automatic(template, key):
    return template.get(f"AUTOMATIC_{key}").upper() == "YES" and not template.get(key)


def _with_default_group(groups):
    """The default security group is in every new network, before those the user asked for."""
    wanted = [g.strip() for g in groups.split(",") if g.strip()]
    return ",".join(wanted if "0" in wanted else ["0", *wanted])
