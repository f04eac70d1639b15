"""What all pools share: identifiers, names, owners, permissions, locks, and the API calls every kind answers.

A method `call_x` of a pool answers one.<pool>.x, `poolcall_x` answers one.<pool>pool.x.
"""

import random
import time

from .. import errors
from ..template import SyntaxProblem, Template, parse

FORBIDDEN_IN_NAMES = "&|:\\\";/'#{}$<>"
PERMISSION_BITS = [f"{who}_{what}" for who in ("OWNER", "GROUP", "OTHER") for what in "UMA"]


class PoolObject:
    """One object: what every kind has as attributes, the rest in `data`."""

    def __init__(self, oid, name, template=None, uid=0, gid=0, permissions="", lock=None, data=None):
        self.id, self.name, self.uid, self.gid = oid, name, uid, gid
        self.template = template or Template()
        self.permissions, self.lock, self.data = permissions, lock, data or {}

    def dump(self):
        return {
            "name": self.name,
            "uid": self.uid,
            "gid": self.gid,
            "template": self.template.items,
            "permissions": self.permissions,
            "lock": self.lock,
            "data": self.data,
        }

    @classmethod
    def from_dump(cls, oid, dump):
        return cls(oid, **{**dump, "template": Template((name, value) for name, value in dump["template"])})


class Pool:
    rpc = tag = label = what = table = ""  # e.g. datastore, DATASTORE, DATASTORE, datastore, datastore_pool
    first_id = 0
    per_owner = False  # names are unique per owner, not in the whole pool
    max_name = 128
    forbidden_in_names = FORBIDDEN_IN_NAMES

    def __init__(self, cloud):
        self.cloud = cloud
        self.load()

    def load(self):
        rows, last = self.cloud.database.load(self.table)
        self.objects = {oid: self.revive(oid, dump) for oid, dump in rows}
        self.last_id = last if last is not None else self.first_id - 1

    @staticmethod
    def revive(oid, dump):
        return PoolObject.from_dump(oid, dump)

    # -- objects ------------------------------------------------------------------------------------------------

    def get(self, oid):
        found = self.objects.get(oid)
        if found is None:
            raise errors.not_found(self.what, oid)
        return found

    def named(self, name, uid=None):
        for found in self.objects.values():
            if found.name == name and (uid is None or not self.per_owner or found.uid == uid):
                return found
        return None

    def descending(self):
        return [self.objects[oid] for oid in sorted(self.objects, reverse=True)]

    def next_id(self):
        return self.last_id + 1

    def insert(self, made):
        self.last_id = max(self.last_id, made.id)
        self.objects[made.id] = made
        self.cloud.database.save_last(self.table, self.last_id)
        self.save(made)
        return made.id

    def save(self, changed):
        self.cloud.database.save(self.table, changed.id, changed.name, changed.dump())

    def remove(self, gone):
        del self.objects[gone.id]
        self.cloud.database.delete(self.table, gone.id)

    # -- names, templates, rights -------------------------------------------------------------------------------

    def check_name(self, name):
        if not name:
            raise errors.refused("Invalid NAME, it cannot be empty")
        bad = next((c for c in name if c in self.forbidden_in_names), None)
        if bad:
            raise errors.refused(f"Invalid NAME, char '{bad}' is not allowed")
        if len(name.encode()) > self.max_name:
            raise errors.refused(f"Invalid NAME, max length is {self.max_name} chars")

    def check_free(self, name, uid=0, prefix=""):
        taken = self.named(name, uid)
        if taken:
            raise errors.refused(f"{prefix}NAME is already taken by {self.label} {taken.id}.")

    @staticmethod
    def parse(text, prefix=""):
        try:
            return parse(text)
        except SyntaxProblem as problem:
            # oned reports an uninitialised number as the line of a template
            detail = problem.text.format(line=random.randrange(2**31))
            raise errors.refused(f"{prefix}Parse error: {detail}") from problem

    def authorize(self, user, operation, target=None):
        """oneadmin and its group may do all; others what the permission bits say. ACLs are not emulated."""
        if self.cloud.is_admin(user) or (target and self._permits(user, target, operation)):
            return
        denied = f"Not authorized to perform {operation} {self.acl_name()}{f' [{target.id}]' if target else ''}"
        if operation == "CREATE" and self.creates_in_cluster():
            denied += "; Not authorized to perform ADMIN CLUSTER [0]"
        raise errors.OneError(errors.AUTHORIZATION, f"User [{user.id}] : {denied}.")

    def acl_name(self):
        return self.label.upper()

    def creates_in_cluster(self):
        return False

    def _permits(self, user, target, operation):
        letter = {"USE": "U", "MANAGE": "M", "ADMIN": "A"}.get(operation)
        bits = dict(zip(PERMISSION_BITS, target.permissions))
        who = "OWNER" if target.uid == user.id else "GROUP" if target.gid in user.data["groups"] else "OTHER"
        return bool(letter) and bits.get(f"{who}_{letter}") == "1"

    def check_lock(self, user, target):
        if target.lock:
            raise errors.OneError(
                errors.AUTHORIZATION, f"User [{user.id}] : {self.acl_name()} is locked. [{target.id}]."
            )

    def change(self, user, oid, operation="MANAGE"):
        """The object of a call that changes it, once the caller's rights and its lock allow that."""
        target = self.get(oid)
        self.authorize(user, operation, target)
        self.check_lock(user, target)
        return target

    # -- XML ----------------------------------------------------------------------------------------------------

    def xml(self, shown, full=True):
        """`full` is what `show` gives; `list` leaves some parts out."""
        return f"<{self.tag}>{self.body_xml(shown, full)}</{self.tag}>"

    def body_xml(self, shown, full):
        raise NotImplementedError

    def owner_xml(self, shown):
        return (
            f"<ID>{shown.id}</ID><UID>{shown.uid}</UID><GID>{shown.gid}</GID>"
            f"<UNAME>{self.cloud.user_name(shown.uid)}</UNAME><GNAME>{self.cloud.group_name(shown.gid)}</GNAME>"
            f"<NAME>{shown.name}</NAME>{self.lock_xml(shown)}<PERMISSIONS>"
            + "".join(f"<{bit}>{value}</{bit}>" for bit, value in zip(PERMISSION_BITS, shown.permissions))
            + "</PERMISSIONS>"
        )

    @staticmethod
    def lock_xml(shown):
        if not shown.lock:
            return ""
        return "<LOCK>" + "".join(f"<{key}>{value}</{key}>" for key, value in shown.lock.items()) + "</LOCK>"

    # -- API calls ----------------------------------------------------------------------------------------------

    def poolcall_info(self, user, *_range):
        shown = [self.xml(o, full=False) for o in self.descending() if self.visible(user, o)]
        return f"<{self.tag}_POOL>{''.join(shown)}</{self.tag}_POOL>"

    def visible(self, user, shown):
        return True

    def call_info(self, user, oid, *_decrypt):
        shown = self.get(oid)
        self.authorize_info(user, shown)
        return self.xml(shown)

    def authorize_info(self, user, shown):
        pass

    def call_delete(self, user, oid, *_rest):
        target = self.change(user, oid)
        self.check_delete(target)
        self.remove(target)
        return oid

    def check_delete(self, target):
        pass

    def call_rename(self, user, oid, name):
        target = self.change(user, oid)
        self.check_name(name)
        taken = self.named(name, target.uid)
        if taken and taken is not target:
            raise errors.not_possible(
                f"{self.what} cannot be renamed to {name} because it collides with {self.what} {taken.id}"
            )
        target.name = name
        self.save(target)
        return oid

    def call_update(self, user, oid, text, how):
        """how: 0 replaces the template, 1 appends to it."""
        target = self.change(user, oid)
        prefix = "Cannot update template. "
        given = self.parse(text, prefix)
        if how == 1:
            wanted = Template(target.template.items)
            wanted.merge(given)
        else:
            wanted = given
        try:
            self.accept_template(target, wanted, given)
        except errors.OneError as problem:
            raise errors.refused(prefix + problem.text) from problem
        target.template = wanted
        self.save(target)
        return oid

    def accept_template(self, target, wanted, given):
        """Check and complete the template that an update leads to."""

    def call_chmod(self, user, oid, *bits):
        target = self.change(user, oid)
        old = target.permissions
        target.permissions = "".join(old[i] if bit < 0 else str(min(bit, 1)) for i, bit in enumerate(bits[:9]))
        self.save(target)
        return oid

    def call_chown(self, user, oid, uid, gid):
        target = self.change(user, oid)
        if uid >= 0:
            self.cloud.pools["user"].get(uid)
            target.uid = uid
        if gid >= 0:
            self.cloud.pools["group"].get(gid)
            target.gid = gid
        self.save(target)
        return oid

    def call_lock(self, user, oid, level, *_test):
        target = self.get(oid)
        self.authorize(user, "MANAGE", target)
        target.lock = {
            "LOCKED": level,
            "OWNER": user.id,
            "TIME": int(time.time()),
            "REQ_ID": random.randrange(16, 10000, 16),
        }
        self.save(target)
        return oid

    def call_unlock(self, user, oid):
        target = self.get(oid)
        self.authorize(user, "MANAGE", target)
        target.lock = None
        self.save(target)
        return oid
