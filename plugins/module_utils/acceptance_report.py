# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of acceptance checks as a table, as JUnit XML and as JSON.

What holds on an emulated OpenNebula is told as that and never counted as passed: it proves nothing about OpenNebula.
"""

from __future__ import annotations

import json
import re
from typing import Any, Iterable, Mapping, NamedTuple
from xml.etree import ElementTree

PASSED, EMULATED, SKIPPED, FAILED = "passed", "emulated", "skipped", "FAILED"


class Row(NamedTuple):
    host: str
    name: str
    outcome: str
    detail: str
    emulated: bool
    seconds: float


def row(host: str, check: Mapping[str, Any]) -> Row:
    emulated = bool(check.get("emulated"))
    if not check.get("ok"):
        outcome = FAILED
    elif check.get("skipped"):
        outcome = SKIPPED
    else:
        outcome = EMULATED if emulated else PASSED
    detail = " ".join(str(check.get("detail") or "").split())
    return Row(host, str(check.get("name")), outcome, detail, emulated, float(check.get("seconds") or 0))


class Window(NamedTuple):
    """The controller's clock before and after the hosts were asked, and by how much theirs may differ."""

    started: float
    finished: float
    limit: float


def clock_row(host: str, epoch: float, window: Window) -> Row:
    """Between the controller's two times there is no difference to be seen; outside, the distance is the least one."""
    skew = min(epoch - window.started, 0.0) + max(epoch - window.finished, 0.0)
    detail = f"differs by {skew:+.1f} s at least (limit {window.limit:g} s); set the time and run a time service"
    good = abs(skew) <= window.limit
    shown = "no difference seen" if not skew else detail.partition(";")[0] if good else detail
    return Row(host, "clock agrees with the controller's", PASSED if good else FAILED, shown, False, 0.0)


def rows_of(results: Mapping[str, Mapping[str, Any] | None], window: Window | None = None) -> list[Row]:
    """results: host -> what its task returned. A host that could not be asked has one failed check."""
    rows: list[Row] = []
    for host, result in results.items():
        checks = (result or {}).get("checks")
        if checks is None:
            why = str((result or {}).get("msg") or "the checks brought no result")
            rows.append(Row(host, "host can be asked", FAILED, " ".join(why.split()), False, 0.0))
        else:
            rows += [row(host, check) for check in checks]
            if window:
                rows.append(clock_row(host, float((result or {})["epoch"]), window))
    return rows


def counts(rows: Iterable[Row]) -> dict[str, int]:
    """How many of each; `emulated` counts the ones that hold on an emulated OpenNebula, `total` all."""
    outcomes = [entry.outcome for entry in rows]
    return {
        "total": len(outcomes),
        "passed": outcomes.count(PASSED),
        "emulated": outcomes.count(EMULATED),
        "skipped": outcomes.count(SKIPPED),
        "failed": outcomes.count(FAILED),
    }


def not_run(entry: Row) -> bool:
    """What is about OpenNebula itself may not be run on an emulated one at all."""
    return entry.outcome == EMULATED and entry.detail.startswith("not run:")


def summary(rows: Iterable[Row]) -> str:
    rows = list(rows)
    number, left_out = counts(rows), sum(not_run(entry) for entry in rows)
    parts = [f"{number['passed']} of {number['total']} checks passed"]
    if number["emulated"] > left_out:
        held = number["emulated"] - left_out
        parts.append(f"{held} hold on an EMULATED OpenNebula, which proves nothing about the real one")
    if left_out:
        parts.append(f"{left_out} were not run, because this OpenNebula is EMULATED")
    if number["skipped"]:
        parts.append(f"{number['skipped']} skipped")
    parts.append(f"{number['failed']} failed")
    return "; ".join(parts) + "."


def as_text(rows: list[Row]) -> str:
    """A table for the terminal, failures once more at its end, where the eye is."""
    head = ("host", "check", "result", "detail")
    cells = [head, *((entry.host, entry.name, entry.outcome, entry.detail) for entry in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(3)]
    lines = ["  ".join([*(line[i].ljust(widths[i]) for i in range(3)), line[3]]).rstrip() for line in cells]
    lines.insert(1, "  ".join(["-" * width for width in widths] + ["-" * len(head[3])]))
    failures = [f"{FAILED}: {entry.host}: {entry.name}: {entry.detail}" for entry in rows if entry.outcome == FAILED]
    return "\n".join([*lines, "", *failures, summary(rows)]) + "\n"


# XML 1.0 has no way to write these, not even escaped.
UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(rows: list[Row]) -> str:
    """One test suite per host. What holds on an emulation is a skipped test, since readers of JUnit count the rest."""
    suites = ElementTree.Element("testsuites", name="kvmcloud.stack acceptance")
    by_host: dict[str, list[Row]] = {}
    for entry in rows:
        by_host.setdefault(entry.host, []).append(entry)
    for host, own in by_host.items():
        number = counts(own)
        suite = ElementTree.SubElement(
            suites,
            "testsuite",
            name=_clean(host),
            tests=str(number["total"]),
            failures=str(number["failed"]),
            errors="0",
            skipped=str(number["skipped"] + number["emulated"]),
            time=f"{sum(entry.seconds for entry in own):.3f}",
        )
        for entry in own:
            case = ElementTree.SubElement(
                suite, "testcase", classname=_clean(host), name=_clean(entry.name), time=f"{entry.seconds:.3f}"
            )
            if entry.outcome == FAILED:
                ElementTree.SubElement(case, "failure", message=_clean(entry.detail))
            elif entry.outcome == EMULATED:
                message = entry.detail if not_run(entry) else "holds on an emulated OpenNebula only"
                ElementTree.SubElement(case, "skipped", message=_clean(message))
            elif entry.outcome == SKIPPED:
                ElementTree.SubElement(case, "skipped", message=_clean(entry.detail))
            ElementTree.SubElement(case, "system-out").text = _clean(entry.detail)
    ElementTree.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"


def _clean(text: str) -> str:
    return UNPRINTABLE.sub("?", text)


def as_json(rows: list[Row]) -> str:
    return json.dumps({"summary": counts(rows), "checks": [entry._asdict() for entry in rows]}, indent=2) + "\n"


# By the suffix of the file.
FORMS = {"txt": as_text, "xml": as_junit, "json": as_json}
