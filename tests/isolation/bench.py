# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the tables of attacks and flows without rules, with the guide's and with ours, in both topologies.

tests/isolation/bench.py [DIRECTORY]     writes bench.txt and bench.json there
"""

from __future__ import annotations

import json
import os
import struct
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterator, Union

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / ".cache/collections")]

from attacks import ATTACKS  # noqa: E402
from cases import ADDRESS, CARD, LEARNT, NEIGHBOUR, STACK, Case  # noqa: E402
from flows import CONNECTIONS, FLOWS, Connection  # noqa: E402
from world import DECLARED, FLAT, SPLIT, World  # noqa: E402

from ansible_collections.kvmcloud.stack.plugins.module_utils import isolation_frames as f  # noqa: E402
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_bridge_rules import Surroundings  # noqa: E402
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_declaration import declared  # noqa: E402
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_guide_rules import (  # noqa: E402
    removal_text,
    restore_text,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_host import quieten  # noqa: E402
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_rules import Rule, Table  # noqa: E402
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_ruleset import FAMILIES, NOTHING, ruleset  # noqa: E402
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_state import counted_drops  # noqa: E402

TOPOLOGIES = (FLAT, SPLIT)
NONE, GUIDE, OURS = "none", "guide", "ours"
RULES = (NONE, GUIDE, OURS)
# Frames cross the namespaces within microseconds, on a busy machine after a while. What shall arrive is tried again and
# waited for. An attack is sent twice, of which no time may succeed, and waited for several times as long as it took
# without rules.
ARRIVES, ARRIVES_NOT, TIMES_AS_LONG = 1.0, 0.04, 5
TRIES = (ARRIVES_NOT, 0.2, ARRIVES)
NEAR, WITHIN = 0.8, 0.95  # of what it is without rules: on any machine, and as it shall be
# Rules that do nothing and cost much: what measures throughput has to see them.
BURDENED = "burdened"
BURDEN_AWAY = "table bridge burden\ndelete table bridge burden\n"
BURDEN = (
    "table bridge burden {\n chain c {\n type filter hook prerouting priority 0;\n"
    + "".join(f" ether saddr 52:54:00:ee:{number // 250:02x}:{number % 250:02x} counter\n" for number in range(1000))
    + " }\n}\n"
)
Test = Union[Case, Connection]
Drop = "tuple[str, str, str]"  # family, chain, comment


@dataclass
class Outcome:
    """By topology and rules the names of the attacks that succeeded, and of the flows that were cut."""

    succeeded: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    cut: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    met: dict[Drop, dict[str, list[Case]]] = field(default_factory=dict)  # which attacks a drop met, by topology
    took: dict[tuple[str, str], float] = field(default_factory=dict)  # by topology and attack, without rules
    needless: list[Drop] = field(default_factory=list)
    throughput: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    processor_seconds: float = 0.0  # of this machine, which may do other things as well


def declaration(mode: str = "full"):
    found, findings = declared({**DECLARED, "mode": mode})
    assert not findings, findings
    return found


def rules_of(name: str):
    around = Surroundings(tells_bridges=False)
    return {
        NONE: NOTHING,
        GUIDE: ruleset(declaration("guide"), around),
        OURS: ruleset(declaration(), around),
    }[name]


def load(world: World, name: str, netfilter: bool | None = None) -> None:
    """netfilter: whether iptables sees what crosses the bridge, as OpenNebula's security groups need."""
    seen = name != NONE if netfilter is None else netfilter
    wanted = rules_of(OURS if name == BURDENED else name)
    node = world.spaces["node"]
    for family in ("ip", "ip6"):
        node.setting(f"bridge/bridge-nf-call-{family}tables", str(int(seen)))
    node.do(*quieten("onebr0", bool(wanted.quiet)))
    node.do("nft", "-f", "-", text=BURDEN_AWAY + wanted.nft + (BURDEN if name == BURDENED else ""))
    if name == GUIDE:
        node.do("iptables-restore", "--noflush", text=restore_text(wanted.iptables or (), {}))
    elif "KVMCLOUD" in node.do("iptables", "-S"):
        chains = ["KVMCLOUD-INPUT", "KVMCLOUD-FORWARD"]
        node.do("iptables-restore", "--noflush", text=removal_text({"INPUT": 1, "FORWARD": 1}, chains))


def applies(test: Test, topology: str) -> bool:
    return test.only in ("", topology)


def succeeds(world: World, case: Case, number: int, seconds: float) -> float | None:
    """Send the frames of a case, and look where it says: after how long it was there, None if it was not."""
    token = b"<kv%06d>" % number
    frames = case.frames(world, token)
    kind, who, *more = case.look
    about = [one.format(w=world) for one in more]
    world.forget()
    if kind == LEARNT or who == "guest":
        world.unlearn()  # what is not known is flooded
    if kind == NEIGHBOUR:
        world.remember(who, about[0], "52:54:00:00:00:77")
    began = time.monotonic()
    world.send(case.sender, frames)
    try:
        if kind in (CARD, STACK):
            needle = token if any(token in one for one in frames) else frames[0][14:]
            return time.monotonic() - began if world.seen(who, needle, seconds, stack=kind == STACK) else None
        while not _found(world, kind, who, about):
            if time.monotonic() > began + seconds:
                return None
            time.sleep(0.005)
        return time.monotonic() - began
    finally:
        _restore(world, kind, frames)


def possible(world: World, case: Case, number: int, tries: tuple[float, ...] = TRIES) -> float | None:
    """Whether it succeeds at all, if not each time: an answer within a tick of the kernel after another is ignored."""
    attempts = (succeeds(world, case, number, seconds) for seconds in tries)
    return next((took for took in attempts if took is not None), None)


def _found(world: World, kind: str, who: str, about: list[str]) -> bool:
    if kind == NEIGHBOUR:
        return world.guest.mac in world.neighbours(who, about[0])
    if kind == LEARNT:
        return world.learnt(who) == "one-1-0"
    assert kind == ADDRESS
    return world.has_address(who, about[0])


def _restore(world: World, kind: str, frames: list[bytes]) -> None:
    """What an attack left in the tables of others would make the next one fail, or succeed."""
    if kind == LEARNT:
        world.unlearn()
    elif kind == ADDRESS:
        world.forget_routers("manager", "storage")
    elif any(struct.unpack("!H", one[12:14])[0] in (f.ARP, f.IP6) for one in frames):
        world.forget_neighbours()


def connects(world: World, one: Connection) -> bool:
    address = one.address.format(w=world)
    return any(world.connect(one.who, one.to, address, one.port, 1.5) for _try in TRIES)


def drops_met(world: World) -> dict[Drop, int]:
    node = world.spaces["node"]
    return {
        (family, *where): packets
        for family in FAMILIES
        for where, packets in counted_drops(node.do("nft", "-j", "list", "table", family, "kvmcloud")).items()
    }


def run_tables(world: World, name: str, outcome: Outcome) -> None:
    key = (world.topology, name)
    load(world, name)
    world.forget_neighbours()
    outcome.cut[key] = [
        one.name for one in CONNECTIONS if applies(one, world.topology) and not connects(world, one)
    ] + [
        case.name
        for number, case in enumerate(FLOWS, 5000)
        if applies(case, world.topology) and possible(world, case, number) is None
    ]
    outcome.succeeded[key] = []
    before = drops_met(world) if name == OURS else {}
    for number, case in enumerate(ATTACKS):
        if not applies(case, world.topology):
            continue
        where = world.topology, case.name
        if name == NONE:
            took = possible(world, case, number)
            if took is not None:
                outcome.took[where] = took
        else:
            seconds = min(ARRIVES, max(ARRIVES_NOT, TIMES_AS_LONG * outcome.took.get(where, 0.0)))
            took = possible(world, case, number, (seconds, seconds))
        if took is not None:
            outcome.succeeded[key].append(case.name)
        if name == OURS:
            after = drops_met(world)
            for drop, packets in after.items():
                if packets > before.get(drop, 0):
                    outcome.met.setdefault(drop, {}).setdefault(world.topology, []).append(case)
            before = after


# ---- mutations -----------------------------------------------------------------------------------------------------


def is_needed(world: World, table: Table, rule: Rule, cases: list[Case]) -> bool:
    """Whether without this rule one of the attacks that it met succeeds.

    Rules of the bridge are tried without the second layer, which would hide that they are missing.
    """
    others = [one for one in rules_of(OURS).tables if one.family == "bridge"] if table.family == "inet" else []
    node = world.spaces["node"]
    node.do("nft", "-f", "-", text=NOTHING.nft + table.without(rule).text() + "".join(one.text() for one in others))
    # All of them quickly before any of them at length: most met other drops as well, and will never succeed.
    attempts = ((case, number, seconds) for seconds in TRIES for number, case in enumerate(cases, 9000))
    return any(succeeds(world, *attempt) is not None for attempt in attempts)


def all_drops() -> Iterator[tuple[Table, str, Rule]]:
    for table in rules_of(OURS).tables:
        for chain, rule in table.drops:
            yield table, chain, rule


def try_without_each(worlds: dict[str, World], outcome: Outcome) -> None:
    for world in worlds.values():
        load(world, NONE)
    for table, chain, rule in all_drops():
        drop = (table.family, chain, rule.comment)
        met = outcome.met.get(drop, {})
        if not any(is_needed(worlds[topology], table, rule, cases) for topology, cases in met.items()):
            outcome.needless.append(drop)


# ---- all of it -----------------------------------------------------------------------------------------------------


def measured() -> dict[str, float]:
    """Throughput, in worlds that differ by their rules alone."""
    from throughput import compare  # noqa: PLC0415

    worlds: dict[str, World] = {}
    try:
        for name in (NONE, OURS, BURDENED):
            worlds[name] = World(FLAT)
            load(worlds[name], name, True)
        return compare(worlds, NONE)
    finally:
        for world in worlds.values():
            world.close()


def run(throughput: bool = False) -> Outcome:
    began, before = time.monotonic(), sum(os.times()[:4])
    outcome = Outcome()
    worlds: dict[str, World] = {}
    try:
        for topology in TOPOLOGIES:
            worlds[topology] = World(topology)
            for name in RULES:
                run_tables(worlds[topology], name, outcome)
        try_without_each(worlds, outcome)
    finally:
        for world in worlds.values():
            world.close()
    outcome.seconds = time.monotonic() - began
    outcome.processor_seconds = sum(os.times()[:4]) - before
    if throughput:
        outcome.throughput = measured()
    return outcome


def never_succeeded(outcome: Outcome) -> list[str]:
    """Attacks that fail without rules as well, and so test nothing."""
    possible = {name for topology in TOPOLOGIES for name in outcome.succeeded[topology, NONE]}
    return [case.name for case in ATTACKS if case.name not in possible]


def counts(outcome: Outcome) -> dict[str, dict[str, str]]:
    """By rules: attacks blocked of those that succeed without rules, flows kept of all."""
    told = {}
    for name in RULES:
        tried = blocked = kept = flows = 0
        for topology in TOPOLOGIES:
            possible = set(outcome.succeeded[topology, NONE])
            tried += len(possible)
            blocked += len(possible - set(outcome.succeeded[topology, name]))
            all_flows = [one for one in (*CONNECTIONS, *FLOWS) if applies(one, topology)]
            flows += len(all_flows)
            kept += len(all_flows) - len(outcome.cut[topology, name])
        told[name] = {"attacks_blocked": f"{blocked}/{tried}", "flows_kept": f"{kept}/{flows}"}
    return told


def as_dict(outcome: Outcome) -> dict:
    def row(test: Test, bad: dict, when_bad: str, when_good: str) -> dict:
        results = {
            f"{topology}, {name}": when_bad if test.name in bad[topology, name] else when_good
            for topology in TOPOLOGIES
            if applies(test, topology)
            for name in RULES
        }
        return {"name": test.name, **results}

    return {
        "counts": counts(outcome),
        "attacks": [row(case, outcome.succeeded, "succeeds", "blocked") for case in ATTACKS],
        "flows": [row(one, outcome.cut, "cut", "kept") for one in (*CONNECTIONS, *FLOWS)],
        "drops_that_no_attack_needs": [": ".join(drop) for drop in outcome.needless],
        "throughput": outcome.throughput,
        "seconds": round(outcome.seconds, 1),
        "processor_seconds": round(outcome.processor_seconds, 1),
    }


def as_text(outcome: Outcome) -> str:
    told = as_dict(outcome)
    columns = [f"{topology}, {name}" for topology in TOPOLOGIES for name in RULES]
    lines = []
    for title in ("attacks", "flows"):
        lines += ["", f"{title:<70}" + "".join(f"{column:<15}" for column in columns)]
        lines += [f"{row['name']:<70}" + "".join(f"{row.get(one, '-'):<15}" for one in columns) for row in told[title]]
    lines.append("")
    for name, numbers in told["counts"].items():
        lines.append(f"{name}: attacks blocked {numbers['attacks_blocked']}, flows kept {numbers['flows_kept']}")
    lines.append(f"drops that no attack needs: {told['drops_that_no_attack_needs'] or 'none'}")
    rates = ", ".join(f"{name} {value}" for name, value in told["throughput"].items())
    lines.append(f"throughput: {rates or 'not measured'}")
    lines.append(f"took {told['seconds']} s, of the processor {told['processor_seconds']} s")
    return "\n".join(lines).lstrip("\n") + "\n"


def write(outcome: Outcome, directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "bench.txt").write_text(as_text(outcome))
    (directory / "bench.json").write_text(json.dumps(as_dict(outcome), indent=1) + "\n")


if __name__ == "__main__":
    found = run(throughput=True)
    write(found, Path(sys.argv[1] if len(sys.argv) > 1 else os.curdir))
    print(as_text(found), end="")
