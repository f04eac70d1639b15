"""Datastores: what the drivers in oned.conf add to a template, overwrite in it, and demand of it."""

from .. import errors
from ..template import cdata
from .base import Pool, PoolObject

TYPES = {"IMAGE_DS": 0, "SYSTEM_DS": 1, "FILE_DS": 2, "BACKUP_DS": 3}
IMAGE, SYSTEM, FILE, BACKUP = range(4)
DISK_TYPES = {"FILE": 0, "CDROM": 1, "BLOCK": 2, "RBD": 3, "RBD_CDROM": 4, "GLUSTER": 5, "GLUSTER_CDROM": 6,
              "SHEEPDOG": 7, "SHEEPDOG_CDROM": 8, "ISCSI": 9}  # fmt: skip
OVERWRITTEN = ("ALLOW_ORPHANS", "CLONE_TARGET", "LN_TARGET", "SHARED", "DS_MIGRATE")
LIVE_KEYS = ("DS_LIVE_MIGRATE", "DS_MIGRATE_SNAP")


class DatastorePool(Pool):
    rpc, tag, label, what, table = "datastore", "DATASTORE", "DATASTORE", "datastore", "datastore_pool"
    first_id = 100

    def creates_in_cluster(self):
        return True

    def body_xml(self, shown, full):
        data = shown.data
        images = self.cloud.pools["image"].in_datastore(shown.id)
        return (
            self.owner_xml(shown)
            + cdata("DS_MAD", data["ds_mad"])
            + cdata("TM_MAD", data["tm_mad"])
            + cdata("BASE_PATH", base_path(shown.id))
            + f"<TYPE>{data['type']}</TYPE><DISK_TYPE>{data['disk_type']}</DISK_TYPE><STATE>{data['state']}</STATE>"
            + self.cloud.pools["cluster"].ids_xml("DATASTORES", shown.id)
            + "".join(f"<{key}>{data[key]}</{key}>" for key in ("TOTAL_MB", "FREE_MB", "USED_MB"))
            + "<IMAGES>"
            + "".join(f"<ID>{oid}</ID>" for oid in images)
            + "</IMAGES>"
            + shown.template.xml()
        )

    # -- API calls ----------------------------------------------------------------------------------------------

    def call_allocate(self, user, text, cluster_id):
        template = self.parse(text)
        self.authorize(user, "CREATE")
        name = template.get("NAME")
        for key in ("NAME", "BASE_PATH"):
            template.erase(key)
        self.check_name(name)
        made = self.build(self.next_id(), name, template)
        self.check_free(name)
        self.insert(made)
        self.cloud.pools["cluster"].join("DATASTORES", made.id, cluster_id)
        self.cloud.datastore_monitor.wake()
        return made.id

    def build(self, oid, name, template):
        made = PoolObject(oid, name, template, permissions="110100000")
        kind = TYPES.get(template.get("TYPE").upper(), IMAGE)
        made.data = {"type": kind, "state": 0, "disk_type": 0, "TOTAL_MB": 0, "FREE_MB": 0, "USED_MB": 0}
        made.data["ds_mad"] = "-" if kind == SYSTEM else template.get("DS_MAD")
        made.data["tm_mad"] = "-" if kind == BACKUP else template.get("TM_MAD")
        if kind == SYSTEM:
            template.erase("DS_MAD")
        self._check_drivers(made.data, template)
        for key, value in (("RESTRICTED_DIRS", "/"), ("SAFE_DIRS", "/var/tmp")):
            if not template.has(key):
                template.add(key, value)
        self._apply_tm_mad(made.data, template)
        self._set_disk_type(made.data, template, default=True)
        return made

    def _check_drivers(self, data, template):
        conf = self.cloud.conf
        if data["type"] != SYSTEM and not data["ds_mad"]:
            raise errors.refused("No DS_MAD in template.")
        if not data["tm_mad"]:
            raise errors.refused("No TM_MAD in template.")
        if data["type"] != SYSTEM:
            driver = conf.named("DS_MAD_CONF", data["ds_mad"])
            if driver is None:
                raise errors.refused(f'DS_MAD named "{data["ds_mad"]}" is not defined in oned.conf')
            for required in filter(None, driver.get("REQUIRED_ATTRS", "").split(",")):
                if not template.get(required.strip()):
                    raise errors.refused(
                        f'Datastore template is missing the "{required.strip()}" attribute or it\'s empty.'
                    )
        if data["type"] != BACKUP and conf.named("TM_MAD_CONF", data["tm_mad"]) is None:
            raise errors.refused(f'TM_MAD named "{data["tm_mad"]}" is not defined in oned.conf')

    def _apply_tm_mad(self, data, template):
        """Write what TM_MAD_CONF says into the template; the user's own values of these keys are lost."""
        if data["type"] == BACKUP:
            return
        tm = self.cloud.conf.named("TM_MAD_CONF", data["tm_mad"])
        if not (tm.get("SHARED") and tm.get("LN_TARGET") and tm.get("CLONE_TARGET")):
            raise errors.refused(
                f"Attribute shared, ln_target or clone_target in TM_MAD_CONF for {data['tm_mad']} is missing "
                "or has wrong value in oned.conf"
            )
        if data["type"] == SYSTEM:
            template.set("SHARED", tm["SHARED"].upper())
            if "DS_MIGRATE" in tm:
                template.set("DS_MIGRATE", tm["DS_MIGRATE"].upper())
            for key in LIVE_KEYS if self.cloud.release.newer_tm_keys else ():
                template.set(key, tm.get(key, "NO").upper())
            template.erase("LN_TARGET")
            template.erase("CLONE_TARGET")
        else:
            template.set("LN_TARGET", tm["LN_TARGET"].upper())
            template.set("CLONE_TARGET", tm["CLONE_TARGET"].upper())
            template.erase("SHARED")
            if tm.get("TM_MAD_SYSTEM"):
                template.set("TM_MAD_SYSTEM", tm["TM_MAD_SYSTEM"])
                for other in tm["TM_MAD_SYSTEM"].upper().split(","):
                    for key in (f"CLONE_TARGET_{other}", f"LN_TARGET_{other}", f"DISK_TYPE_{other}"):
                        if key in tm:
                            template.set(key, tm[key].upper())
            if tm.get("DRIVER") and not template.has("DRIVER"):
                template.set("DRIVER", tm["DRIVER"])
        template.set("ALLOW_ORPHANS", tm.get("ALLOW_ORPHANS") or "NO")
        if self.cloud.release.newer_tm_keys:
            template.set("PERSISTENT_SNAPSHOTS", tm.get("PERSISTENT_SNAPSHOTS", "YES").upper())

    @staticmethod
    def _set_disk_type(data, template, default=False):
        if data["type"] == FILE or data["type"] == BACKUP:
            return
        given = template.get("DISK_TYPE").upper()
        if given:
            template.set("DISK_TYPE", given)
        elif default:
            template.set("DISK_TYPE", "FILE")
        data["disk_type"] = DISK_TYPES.get(given, 0)

    def accept_template(self, target, wanted, given):
        data = dict(target.data)
        kind = TYPES.get(wanted.get("TYPE").upper(), IMAGE) if wanted.has("TYPE") else data["type"]
        if not wanted.has("TYPE"):
            wanted.set("TYPE", next(name for name, number in TYPES.items() if number == kind))
        for key in ("DS_MAD", "TM_MAD"):
            if not wanted.has(key) and data[key.lower()] != "-":
                wanted.set(key, data[key.lower()])
        changed = kind != data["type"] or wanted.get("TM_MAD") != data["tm_mad"]
        data["type"] = kind
        data["tm_mad"] = "-" if kind == BACKUP else wanted.get("TM_MAD")
        data["ds_mad"] = "-" if kind == SYSTEM else wanted.get("DS_MAD")
        if kind == SYSTEM:
            wanted.erase("DS_MAD")
        self._check_drivers(data, wanted)
        if changed or any(given.has(key) for key in OVERWRITTEN):
            self._apply_tm_mad(data, wanted)
        self._set_disk_type(data, wanted)
        target.data = data

    def check_delete(self, target):
        if self.cloud.pools["image"].in_datastore(target.id):
            raise errors.not_possible(f"Cannot delete datastore. Datastore {target.id} is not empty.")

    def remove(self, gone):
        super().remove(gone)
        self.cloud.pools["cluster"].forget("DATASTORES", gone.id)

    def call_enable(self, user, oid, enable):
        target = self.change(user, oid)
        if target.data["type"] != SYSTEM:
            raise errors.not_possible("Only SYSTEM_DS can be disabled or enabled")
        target.data["state"] = 0 if enable else 1
        self.save(target)
        return oid


def base_path(oid):
    return f"/var/lib/one//datastores/{oid}"
