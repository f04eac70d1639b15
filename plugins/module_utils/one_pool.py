# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answer of 'list -x' as plain records. One read of a pool serves a whole call, however long its list."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.etree import ElementTree

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_template import Template, from_xml

_RIGHTS = (("U", 4), ("M", 2), ("A", 1))
# What a fresh oned has before anything was created. Check mode plans against this where oned is still to come.
FRESH_POOLS = {
    "onecluster": "<CLUSTER_POOL><CLUSTER><ID>0</ID><NAME>default</NAME><TEMPLATE/></CLUSTER></CLUSTER_POOL>",
    "onedatastore": "<DATASTORE_POOL>"
    "<DATASTORE><ID>2</ID><NAME>files</NAME><TYPE>2</TYPE><STATE>0</STATE><CLUSTERS><ID>0</ID></CLUSTERS><TEMPLATE/></DATASTORE>"
    "<DATASTORE><ID>1</ID><NAME>default</NAME><TYPE>0</TYPE><STATE>0</STATE><CLUSTERS><ID>0</ID></CLUSTERS><TEMPLATE/></DATASTORE>"
    "<DATASTORE><ID>0</ID><NAME>system</NAME><TYPE>1</TYPE><STATE>0</STATE><CLUSTERS><ID>0</ID></CLUSTERS><TEMPLATE/></DATASTORE>"
    "</DATASTORE_POOL>",
    "onegroup": "<GROUP_POOL><GROUP><ID>1</ID><NAME>users</NAME><TEMPLATE/></GROUP>"
    "<GROUP><ID>0</ID><NAME>oneadmin</NAME><TEMPLATE/></GROUP></GROUP_POOL>",
    "onehook": "<HOOK_POOL/>",
    "onehost": "<HOST_POOL/>",
    "onesecgroup": "<SECURITY_GROUP_POOL><SECURITY_GROUP><ID>0</ID><NAME>default</NAME><TEMPLATE>"
    "<RULE><PROTOCOL>ALL</PROTOCOL><RULE_TYPE>OUTBOUND</RULE_TYPE></RULE>"
    "<RULE><PROTOCOL>ALL</PROTOCOL><RULE_TYPE>INBOUND</RULE_TYPE></RULE>"
    "</TEMPLATE></SECURITY_GROUP></SECURITY_GROUP_POOL>",
    "oneuser": "<USER_POOL>"
    "<USER><ID>1</ID><GID>0</GID><GROUPS><ID>0</ID></GROUPS><GNAME>oneadmin</GNAME><NAME>serveradmin</NAME>"
    "<AUTH_DRIVER>server_cipher</AUTH_DRIVER><ENABLED>1</ENABLED><TEMPLATE/></USER>"
    "<USER><ID>0</ID><GID>0</GID><GROUPS><ID>0</ID></GROUPS><GNAME>oneadmin</GNAME><NAME>oneadmin</NAME>"
    "<AUTH_DRIVER>core</AUTH_DRIVER><ENABLED>1</ENABLED><TEMPLATE/></USER>"
    "</USER_POOL>",
    "onevm": "<VM_POOL/>",
    "onevnet": "<VNET_POOL/>",
}


class PoolError(ValueError):
    """An answer that is no pool; the text is a sentence."""


@dataclass(frozen=True)
class Resource:
    """One member of a pool: its plain elements, its lists of ids, its template."""

    id: int
    name: str
    fields: dict[str, str] = field(default_factory=dict)
    ids: dict[str, tuple[int, ...]] = field(default_factory=dict)
    template: Template = field(default_factory=dict)
    permissions: str | None = None
    locked: bool = False
    address_ranges: tuple[dict[str, str], ...] = ()
    usage: dict[str, int] = field(default_factory=dict)  # of a user: how many of what belong to it
    system_datastore: int = -1  # of a VM: where its disks are, or were last

    def error(self) -> str:
        """The ERROR attribute that oned leaves in the template of what failed."""
        value = self.template.get("ERROR", [""])[0]
        return value if isinstance(value, str) else ""


def parse_pool(xml: str) -> list[Resource]:
    """The members of the pool; oned lists them by descending id, and an empty pool is an empty element."""
    pool = _element(xml)
    member = pool.tag[: -len("_POOL")] if pool.tag.endswith("_POOL") else ""
    if not member:
        raise PoolError(f"expected a pool from 'list -x' and found the element <{pool.tag}>.")
    usage = {quotas.findtext("ID", ""): _usage(quotas) for quotas in pool.findall("QUOTAS")}
    return [_resource(element, usage.get(element.findtext("ID", ""), {})) for element in pool.findall(member)]


def parse_member(xml: str) -> Resource:
    """The answer of 'show -x'."""
    return _resource(_element(xml))


def _element(xml: str) -> ElementTree.Element:
    try:
        # oned's own commands write this text; it defines no entities and is not foreign input.
        return ElementTree.fromstring(xml)
    except ElementTree.ParseError as error:
        raise PoolError(f"expected XML from oned's commands and found: {xml.strip()[:200]!r} ({error}).") from error


def _usage(quotas: ElementTree.Element) -> dict[str, int]:
    """How many of what a user has: oned counts them beside the limits, whether or not there are any limits."""
    machines = [int(float(used.text or 0)) for used in quotas.findall("VM_QUOTA/VM/VMS_USED")]
    images = [int(float(used.text or 0)) for used in quotas.findall("DATASTORE_QUOTA/DATASTORE/IMAGES_USED")]
    # A quota on VMs may stand beside others on those in some clusters; images are counted per datastore.
    return {"VM(s)": max(machines, default=0), "image(s)": sum(images)}


def _resource(element: ElementTree.Element, usage: dict[str, int] | None = None) -> Resource:
    plain = {child.tag: child.text or "" for child in element if not len(child)}
    template = element.find("TEMPLATE")
    return Resource(
        id=int(plain["ID"]),
        name=plain.get("NAME", ""),
        fields=plain,
        ids={child.tag: _ids(child) for child in element if len(child) and child.tag != "TEMPLATE"},
        template=from_xml(template) if template is not None else {},
        permissions=_permissions(element.find("PERMISSIONS")),
        locked=element.find("LOCK") is not None,
        address_ranges=tuple(
            {entry.tag: entry.text or "" for entry in ar if not len(entry)} for ar in element.findall("AR_POOL/AR")
        ),
        usage=usage or {},
        system_datastore=int(element.findtext("HISTORY_RECORDS/HISTORY[last()]/DS_ID") or -1),
    )


def _ids(element: ElementTree.Element) -> tuple[int, ...]:
    return tuple(int(child.text or "") for child in element.findall("ID"))


def _permissions(element: ElementTree.Element | None) -> str | None:
    """Nine elements of 0 or 1 as the three digits that 'chmod' takes."""
    if element is None:
        return None
    digits = (
        sum(weight for right, weight in _RIGHTS if element.findtext(f"{who}_{right}") == "1")
        for who in ("OWNER", "GROUP", "OTHER")
    )
    return "".join(str(digit) for digit in digits)
