# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory accepts: an accepted finding is told as such and does not end the run."""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import Any, Iterable, Iterator, Mapping, NamedTuple, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import (
    ACCEPTED,
    ERROR,
    WHOLE_CLOUD,
    Finding,
    Rule,
)

VARIABLE = "preflight_accepted"


class Acceptance(NamedTuple):
    rule: str
    hosts: frozenset[str]  # empty: wherever the rule finds something

    def covers(self, finding: Finding) -> bool:
        """A finding about several hosts is accepted when it is accepted for each of them."""
        return finding.rule == self.rule and (not self.hosts or set(finding.host.split(", ")) <= self.hosts)


def parse(accepted: Any) -> list[Acceptance]:
    """Entries as people write them: 'rule', 'rule: host' with or without quotes, 'rule: [host, host]'."""
    entries = accepted.split(",") if isinstance(accepted, str) else accepted or []
    found = []
    for entry in entries:
        for rule, hosts in _pairs(entry):
            found.append(Acceptance(rule, frozenset(hosts)))
    return found


def _pairs(entry: Any) -> Iterator[tuple[str, list[str]]]:
    if isinstance(entry, Mapping):
        for rule, hosts in entry.items():
            yield str(rule).strip(), [str(host) for host in ([hosts] if isinstance(hosts, str) else hosts or [])]
    else:
        rule, _colon, host = str(entry).partition(":")
        yield rule.strip(), [host.strip()] if host.strip() else []


def accept(found: Sequence[Finding], accepted: Any, rules: Sequence[Rule], hosts: Iterable[str]) -> list[Finding]:
    """The findings, accepted ones marked, errors first; an acceptance that cannot be meant so is an error itself."""
    by_name = {rule.name: rule for rule in rules}
    crashed = {finding.rule for finding in found if finding.crash}
    acceptances = parse(accepted)
    known_hosts = {WHOLE_CLOUD, *hosts}
    told = [
        Finding(WHOLE_CLOUD, what, remedy, ERROR, VARIABLE)
        for acceptance in acceptances
        for what, remedy in _faults(acceptance, by_name, crashed, known_hosts)
    ]
    for finding in found:
        rule = by_name.get(finding.rule)
        may = finding.crash or (rule is not None and rule.acceptable)
        if may and any(acceptance.covers(finding) for acceptance in acceptances):
            finding = replace(finding, severity=ACCEPTED)
        told.append(finding)
    return sorted(told, key=lambda finding: finding.severity != ERROR)


def _faults(
    acceptance: Acceptance, rules: Mapping[str, Rule], crashed: set[str], hosts: set[str]
) -> Iterator[tuple[str, str]]:
    rule = rules.get(acceptance.rule)
    if rule is None:
        near = difflib.get_close_matches(acceptance.rule, rules, n=1)
        meant = f"Did you mean {near[0]}? " if near else ""
        yield (
            f"{VARIABLE} names {acceptance.rule!r}, and there is no such rule.",
            f"{meant}The name of a rule stands in brackets at the end of what it finds.",
        )
    elif not rule.acceptable and rule.name not in crashed:
        yield (
            f"{VARIABLE} names {rule.name}, which cannot be accepted: the run could not come to a good end.",
            f"Take it out of {VARIABLE}, and do what its findings say.",
        )
    for host in sorted(acceptance.hosts - hosts):
        yield (
            f"{VARIABLE} names {acceptance.rule} of {host!r}, and the inventory has no such host.",
            f"Correct the name; '{WHOLE_CLOUD}' is for findings about the cloud as a whole.",
        )
