# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the answers of a live host mean: each judge_* says whether a check holds, and what was seen."""

from __future__ import annotations

import json
import re
from typing import Any, Iterable, Mapping, NamedTuple, Sequence
from xml.etree import ElementTree

from ansible_collections.kvmcloud.stack.plugins.module_utils.mountinfo import Mount, family, same_source
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_zone import Zone
from ansible_collections.kvmcloud.stack.plugins.module_utils.vitastor_cluster import SERVING

# What a check of each type needs to be told; the module's documentation says what it means.
NEEDS: dict[str, tuple[str, ...]] = {
    "unit_active": ("unit",),
    "port_answers": ("port",),
    "command_output": ("argv", "contains"),
    "path": ("path",),
    "mounted": ("path", "src", "fstype"),
    "names_resolve": ("names",),
    "links": ("network",),
    "ssh_login": ("hosts",),
    "opennebula_api": (),
    "opennebula_hosts": (),
    "opennebula_datastores": (),
    "opennebula_zone": (),
    "libvirt_domain": (),
    "vitastor_pools": (),
    "vitastor_status": (),
    "ovirt_domain": ("path",),
    "gluster_peers": (),
    "gluster_volumes": ("expected",),
    "gluster_files": ("path",),
}
# They make something for a moment, which check mode may not.
MAKING = ("libvirt_domain", "gluster_files")
MEASURED_BY_EMULATOR = ("fs", "dummy", "shared", "qcow2", "ssh", "local", "rsync")
OF_OPENNEBULA = ("opennebula_api", "opennebula_hosts", "opennebula_datastores", "opennebula_zone")

DOMAIN_PREFIX = "acceptance-"

# STATE of a host in the XML of the pool
HOST_STATES = {
    "0": "init",
    "1": "monitored",
    "2": "monitored",
    "3": "error",
    "4": "disabled",
    "5": "in error, being monitored again",
    "6": "being monitored for the first time",
    "7": "disabled",
    "8": "offline",
}
UP_IN_STATUS = {"etcd": "alive", "osd": "up"}  # `vitastor-cli status`: how many, of how many
WHOLE_STATES = {"active", "has_misplaced", "has_unclean", "scrubbing"}  # of a placement group
SET_ASIDE = ("4", "7", "8")
MONITORED = ("1", "2")  # 1: was monitored, and is being monitored again


class CheckError(ValueError):
    """A check is not told what it needs; the text is the sentence for the user."""


class Verdict(NamedTuple):
    ok: bool
    detail: str


def require(check: Mapping[str, Any]) -> None:
    missing = [option for option in NEEDS[check["type"]] if check.get(option) in (None, [], {})]
    if missing:
        raise CheckError(f"The check {check.get('name') or check['type']!r} needs {' and '.join(missing)}.")


def title(check: Mapping[str, Any]) -> str:
    """What the check is called in the report, if the user gave it no name."""
    if check.get("name"):
        return str(check["name"])
    kind = check["type"]
    if kind == "unit_active":
        return f"unit {check['unit']} is active"
    if kind == "port_answers":
        return f"port {check['port']} of {check.get('host') or 'this host'} answers"
    if kind == "command_output":
        return f"{check['argv'][0]} says {check['contains']}"
    if kind == "path":
        return f"{check['path']} is as it must be"
    if kind == "ovirt_domain":
        return f"the storage domain of oVirt at {check['path']} is sound"
    if kind == "mounted":
        return f"{check['src']} is mounted at {check['path']}"
    if kind == "gluster_files":
        return f"{check['path']} takes a file, which is on its bricks"
    if kind == "ssh_login":
        return f"{check.get('user')} logs in to {', '.join(check['hosts'])}"
    return {
        "names_resolve": "names resolve",
        "links": "links are up as declared",
        "opennebula_api": "OpenNebula's API answers",
        "opennebula_hosts": "all hosts are monitored",
        "opennebula_datastores": "all datastores have a size",
        "opennebula_zone": "the front-ends of the zone agree",
        "libvirt_domain": "a throw-away guest starts and stops",
        "vitastor_pools": "the pools of Vitastor can be used",
        "vitastor_status": "the Vitastor cluster is whole",
        "gluster_peers": "all peers of the pool are connected",
        "gluster_volumes": "volumes are started, online and healed",
    }[str(kind)]


def judge_unit(returncode: int, answer: str) -> Verdict:
    return Verdict(returncode == 0, answer.strip() or "unknown")


def judge_links(lacks: Sequence[str], names: Sequence[str]) -> Verdict:
    return Verdict(not lacks, "; ".join(lacks or names))


def judge_output(returncode: int, output: str, contains: str) -> Verdict:
    first = next((line.strip() for line in output.splitlines() if line.strip()), "(no output)")
    if returncode != 0:
        return Verdict(False, f"ended with {returncode}: {first}")
    found = next((line.strip() for line in output.splitlines() if contains in line), None)
    return Verdict(found is not None, found if found is not None else f"{contains!r} is not in: {first}")


def judge_path(wanted: Mapping[str, Any], found: Mapping[str, str] | None) -> Verdict:
    """found: kind, mode (octal text), owner, group; None where nothing is there."""
    if found is None:
        return Verdict(False, "does not exist")
    wrong = [
        f"{key} is {found[key]}, not {wanted[key]}"
        for key in ("kind", "mode", "owner", "group")
        if wanted.get(key) and _plain(key, wanted[key]) != _plain(key, found[key])
    ]
    seen = f"{found['kind']} {found['mode']} {found['owner']}:{found['group']}"
    return Verdict(not wrong, "; ".join(wrong) or seen)


def _plain(key: str, value: str) -> str:
    return str(value).lstrip("0") if key == "mode" else str(value)


def judge_ovirt_domains(damage_of: Mapping[str, Sequence[str]]) -> Verdict:
    """damage_of: what is wrong with each domain of the directory, by its UUID."""
    if not damage_of:
        return Verdict(False, "there is no domain")
    wrong = [one for damage in damage_of.values() for one in damage]
    return Verdict(not wrong, "; ".join(wrong or damage_of))


def judge_mount(wanted: Mapping[str, Any], found: Mount | None, device: str, owner: str) -> Verdict:
    """found: what was mounted last at the path; device: major:minor of a local source; owner: "" without an answer."""
    if found is None:
        return Verdict(False, "nothing is mounted there")
    same = found.number == device if device else same_source(found.source) == same_source(wanted["src"])
    if not same or family(found.fstype) != family(wanted["fstype"]):
        return Verdict(False, f"mounted there is {found.source} ({found.fstype})")
    if not owner:
        return Verdict(False, "it is mounted and does not answer")
    if wanted.get("owner") and owner != wanted["owner"]:
        return Verdict(False, f"it belongs to {owner}, not to {wanted['owner']}")
    return Verdict(True, f"{found.fstype}, of {owner}")


def judge_zone(zone: Zone, expected: Iterable[str]) -> Verdict:
    """One leader, and every server has the leader's log. The check waits for one that lags for a moment."""
    wrong = [f"{endpoint} is not in the zone" for endpoint in expected if zone.server(endpoint) is None]
    leaders = [one.name for one in zone.servers if one.state == "leader"]
    if len(leaders) != 1:
        wrong.append(f"{' and '.join(leaders)} both lead" if leaders else "nobody leads")
    leader = zone.leader()
    for one in zone.servers:
        if one.state not in ("leader", "follower"):
            wrong.append(f"{one.name}: {one.state}")
        elif leader and (one.term, one.index) != (leader.term, leader.index):
            wrong.append(
                f"{one.name} has record {one.index} of term {one.term}, {leader.name} {leader.index} of {leader.term}"
            )
    return Verdict(not wrong, "; ".join(wrong) or f"{leaders[0]} leads {len(zone.servers)}")


def judge_pools(returncode: int, output: str, error: str, expected: Iterable[str]) -> Verdict:
    """Pools as `vitastor-cli ls-pools --json` lists them; expected: those that matter, all where none is named.

    One that misses copies, or moves them, works on: guests do not wait for that. A pool that goes has no name.
    """
    if returncode != 0:
        return Verdict(False, (error or output).strip() or f"vitastor-cli ended with {returncode}")
    lines = output.strip().splitlines() or [""]  # complaints about a removed pool come before the answer
    try:
        pools = {str(one["name"]): str(one.get("status")) for one in json.loads(lines[-1]) if one.get("name")}
    except (ValueError, TypeError, KeyError):
        return Verdict(False, f"vitastor-cli printed no list of pools: {lines[-1][:80]!r}")
    looked_at = list(expected) or list(pools)
    told = [f"{name} is {pools.get(name, 'not there')}" for name in looked_at if pools.get(name) != "active"]
    serve = all(pools.get(name) in SERVING for name in looked_at)
    return Verdict(serve, "; ".join(told) or f"{len(looked_at)} pools")


def judge_vitastor_status(returncode: int, output: str, error: str) -> Verdict:
    """From `vitastor-cli status --json`: all of etcd and all OSDs are up, and no data misses a copy.

    Data that moves after a change of OSDs is whole.
    """
    if returncode != 0:
        return Verdict(False, (error or output).strip() or f"vitastor-cli ended with {returncode}")
    try:
        found = json.loads(output.strip().splitlines()[-1])
        pairs = {one: (int(found[f"{one}_{up}"]), int(found[f"{one}_count"])) for one, up in UP_IN_STATUS.items()}
        states = {str(name): int(count) for name, count in (found.get("pg_states") or {}).items() if count}
    except (ValueError, TypeError, KeyError, IndexError):
        return Verdict(False, f"vitastor-cli printed no status: {output.strip()[-80:]!r}")
    wrong = [f"{up} of {count} {one}s are up" for one, (up, count) in pairs.items() if up != count]
    wrong += [
        f"{count} placement groups are {state}"
        for state, count in sorted(states.items())
        if not set(state.split("+")) <= WHOLE_STATES
    ]
    wrong += [f"{found['osds_full']} OSDs are full"] if found.get("osds_full") else []
    return Verdict(not wrong, "; ".join(wrong) or f"{pairs['osd'][0]} OSDs, {sum(states.values())} placement groups")


def judge_names(wanted: Mapping[str, str | None], found: Mapping[str, Iterable[str]]) -> Verdict:
    """wanted: name -> address, or nothing where any address will do."""
    wrong = []
    for name, address in wanted.items():
        addresses = list(found.get(name) or [])
        if not addresses:
            wrong.append(f"{name} does not resolve")
        elif address and address not in addresses:
            wrong.append(f"{name} resolves to {', '.join(addresses)}, not {address}")
    return Verdict(not wrong, "; ".join(wrong) or f"{len(wanted)} names")


def checks_host_keys(effective: str) -> bool:
    """effective: what ssh -G says of a host. Older ssh says yes where newer says true."""
    return re.search(r"^stricthostkeychecking (true|yes)$", effective, re.MULTILINE) is not None


def judge_logins(answers: Mapping[str, tuple[int, str]]) -> Verdict:
    """answers: host -> status and error output of an ssh command that does nothing."""
    wrong = []
    for host, (returncode, error) in answers.items():
        if returncode != 0:
            last = next((line.strip() for line in reversed(error.splitlines()) if line.strip()), f"status {returncode}")
            wrong.append(f"{host}: {last}")
    return Verdict(not wrong, "; ".join(wrong) or f"{len(answers)} hosts")


def judge_api(answer: Any, release: str | None) -> Verdict:
    """answer: what one.system.version returned: [ok, version or error, code ...]."""
    if not isinstance(answer, (list, tuple)) or len(answer) < 2:
        return Verdict(False, f"the answer is not OpenNebula's: {answer!r}")
    ok, text = bool(answer[0]), str(answer[1])
    if not ok:
        return Verdict(False, text)
    short = ".".join(release.split(".")[:2]) if release else ""
    if short and not re.match(rf"^{re.escape(short)}(\.|$|[^0-9])", text):
        return Verdict(False, f"it is release {text}, not {short}")
    return Verdict(True, f"release {text}")


def judge_hosts(pool: str, expected: Iterable[str], set_aside: Iterable[str] = ()) -> Verdict:
    """Every host is monitored; one that is not is named with its own error. Those set aside are disabled or offline."""
    wrong, seen, aside = [], set(), set(set_aside)
    for host in _members(pool, "HOST"):
        name, state = host.findtext("NAME", ""), host.findtext("STATE", "")
        seen.add(name)
        if state not in (SET_ASIDE if name in aside else MONITORED):
            error = " ".join((host.findtext("TEMPLATE/ERROR") or "").split())
            wrong.append(f"{name} is {HOST_STATES.get(state, state)}" + (f" ({error})" if error else ""))
    wrong += [f"{name} is not known to OpenNebula" for name in expected if name not in seen]
    if not seen and not wrong:
        wrong = ["OpenNebula has no hosts"]
    return Verdict(not wrong, "; ".join(wrong) or f"{len(seen)} hosts")


def judge_datastores(pool: str, expected: Iterable[str], emulated: bool = False) -> Verdict:
    """Every datastore has a measured size; a size of 0 means that nobody could measure it.

    A system datastore that is not shared lives on the nodes: its size is 0 on the front-end, and the nodes report it.
    An emulated OpenNebula runs no driver, and measures directories alone.
    """
    wrong, seen, unmeasured = [], set(), 0
    for store in _members(pool, "DATASTORE"):
        name = store.findtext("NAME", "")
        seen.add(name)
        on_nodes = store.findtext("TYPE") == "1" and (store.findtext("TEMPLATE/SHARED") or "").upper() == "NO"
        driver = store.findtext("TM_MAD" if store.findtext("TYPE") == "1" else "DS_MAD", "")
        if not on_nodes and int(store.findtext("TOTAL_MB") or 0) <= 0:
            if emulated and driver not in MEASURED_BY_EMULATOR:
                unmeasured += 1
            else:
                wrong.append(f"{name} has no size")
        if store.findtext("STATE") == "1":
            wrong.append(f"{name} is disabled")
    wrong += [f"{name} is not known to OpenNebula" for name in expected if name not in seen]
    if not seen and not wrong:
        wrong = ["OpenNebula has no datastores"]
    told = f"{len(seen)} datastores" + (f", {unmeasured} of drivers that are not emulated" if unmeasured else "")
    return Verdict(not wrong, "; ".join(wrong) or told)


def _members(pool: str, tag: str) -> list[ElementTree.Element]:
    try:
        return ElementTree.fromstring(pool).findall(tag)
    except ElementTree.ParseError:
        return []


def domain_xml(name: str, domain_type: str, architecture: str) -> str:
    """A guest without disk and network: it gets as far as its firmware, which is all that a start has to show."""
    return (
        f"<domain type='{domain_type}'><name>{name}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>"
        f"<os><type arch='{architecture}'>hvm</type></os><on_poweroff>destroy</on_poweroff>"
        "<on_crash>destroy</on_crash><devices/></domain>\n"
    )


def left_over_domains(listed: str) -> list[str]:
    """Guests of an acceptance that was killed before it could stop them."""
    return [name for name in listed.split() if name.startswith(DOMAIN_PREFIX)]
