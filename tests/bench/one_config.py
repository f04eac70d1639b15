#!/usr/bin/env python3
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CPU time of all edits of one oned.conf: parse, edit, render, and read it again to check.

    tests/bench/one_config.py [FILE] [--json]

Without a file it makes one of its own of about 1,500 lines. Seconds depend on the machine, so each figure is also given
in units of one `len(re.findall(...))` of all words of the same text, the least that looking at every word costs.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(CHECKOUT / ".cache" / "collections"))

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.opennebula import parse  # noqa: E402
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.plan import plan_edits  # noqa: E402

BUDGET_MS = 60
WORD = re.compile(r"[^\s=,\[\]]+")


def made_up_file() -> str:
    """As long and as mixed as a real one: half comments, a hundred repeated attributes, fifty vectors."""
    parts = ["# A configuration of the benchmark\n" * 20]
    for number in range(100):
        parts.append(
            f"# What the attribute {number} is for, in a line of some length\n" * 4
            + f'\nATTR_{number} = "{number}"\n\n'
        )
        parts.append(f'VM_RESTRICTED_ATTR = "NIC/{number}"\n')
    for number in range(50):
        keys = ",\n".join(f'    KEY_{key}  = "value, with = and [{key}]"' for key in range(8))
        parts.append(f'\nTM_MAD_CONF = [\n    NAME   = "driver{number}",\n{keys}\n]\n')
    drivers = ",".join(f"driver{number}" for number in range(50))
    parts.append(f'\nTM_MAD = [\n    EXECUTABLE = "one_tm",\n    ARGUMENTS  = "-t 15 -d {drivers}"\n]\n')
    parts.append('\nVM_MAD = [\n    NAME = "kvm",\n    ARGUMENTS = "-t 15 -r 0 kvm -p"\n]\n')
    parts.append('\nPORT = 2633\nDB = [ BACKEND = "sqlite" ]\n')
    return "".join(parts)


EDITS = [
    {"attribute": "PORT", "value": 2634},
    {"attribute": "DB", "values": {"BACKEND": "mysql", "USER": "one", "PASSWD": "x y", "DB_NAME": "opennebula"}},
    {"attribute": "TM_MAD", "key": "ARGUMENTS", "command_line": {"option": "-d", "members": ["vitastor", "storpool"]}},
    {
        "attribute": "VM_MAD",
        "where": {"NAME": "kvm"},
        "key": "ARGUMENTS",
        "command_line": {"option": "-l", "entries": {"deploy": "deploy.vitastor"}},
    },
    *({"attribute": "VM_RESTRICTED_ATTR", "item": f"ADDED/{number}"} for number in range(10)),
    *(
        {"attribute": "TM_MAD_CONF", "where": {"NAME": f"added{number}"}, "values": {"SHARED": "YES", "DRIVER": "raw"}}
        for number in range(5)
    ),
    {"attribute": "ONEGATE_ENDPOINT", "value": "http://192.0.2.1:5030"},
]


def best_ms(work, rounds: int = 15) -> float:
    """The least CPU time of some rounds: what the work costs when nothing else disturbs it."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times) * 1000


def measure(text: str) -> dict[str, float]:
    after = plan_edits("oned.conf", text, EDITS).after
    document = parse(text)
    return {
        "lines": text.count("\n"),
        "baseline_ms": best_ms(lambda: len(WORD.findall(text))),
        "parse_ms": best_ms(lambda: parse(text)),
        "render_ms": best_ms(document.render),
        "all_edits_ms": best_ms(lambda: plan_edits("oned.conf", text, EDITS)),
        "converged_ms": best_ms(lambda: plan_edits("oned.conf", after, EDITS)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="CPU time of the configuration editor")
    parser.add_argument("file", nargs="?", help="a file of oned's grammar with a DB, a TM_MAD and a VM_MAD of NAME kvm")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    text = Path(arguments.file).read_text(encoding="utf-8") if arguments.file else made_up_file()
    figures = measure(text)
    if arguments.json:
        print(json.dumps({name: round(value, 3) for name, value in figures.items()}))
        return
    baseline = figures["baseline_ms"]
    print(
        f"{figures['lines']:.0f} lines, {len(EDITS)} edits; CPU time, and in units of one findall ({baseline:.2f} ms)"
    )
    for name in ("parse", "render", "all_edits", "converged"):
        value = figures[f"{name}_ms"]
        print(f"  {name:<10} {value:8.2f} ms {value / baseline:8.1f} x")
    verdict = "kept" if figures["all_edits_ms"] < BUDGET_MS else "EXCEEDED"
    print(f"  budget     {BUDGET_MS:8.2f} ms for all edits: {verdict}")


if __name__ == "__main__":
    main()
