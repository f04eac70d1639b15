# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page about the acceptance of storage lists every row with the state that it was seen in.

Its table is written by:  python tests/unit/storage_acceptance/test_storage_page.py --write
"""

from __future__ import annotations

import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
PAGE = CHECKOUT / "docs/storage_acceptance.md"
BEGIN, END = "<!-- rows: begin -->\n", "<!-- rows: end -->\n"
NEVER = "never run"


def table() -> str:
    """The states are those of a run on the OpenNebula in memory, not what somebody wrote down."""
    from small_opennebula import SmallOpennebula

    from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_rows import ROWS, not_run, run_rows
    from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_session import Session, Settings

    settings = Settings("images", other_datastore="other", backup_datastore="backups", timeout=3)
    seen = run_rows(Session(SmallOpennebula().run, lambda _seconds: None, settings), lambda: 0.0)
    emulated = not_run("this OpenNebula is emulated", True)
    lines = [
        "| script | row | expected | on doubles | on an emulated OpenNebula | on the real product |",
        "|---|---|---|---|---|---|",
    ]
    for row, result, other in zip(ROWS, seen, emulated):
        on_doubles = "not applicable" if result["skipped"] else "passed" if result["ok"] else "FAILED"
        on_emulated = "emulated" if other["emulated"] else "FAILED"
        script = f"`{row.script}`" if "/" in row.script else row.script
        lines.append(f"| {script} | {row.action} | {row.expected} | {on_doubles} | {on_emulated} | {NEVER} |")
    return "\n".join(lines) + "\n"


def test_the_page_has_every_row_with_its_state() -> None:
    listed = PAGE.read_text().split(BEGIN)[1].split(END)[0]
    assert listed == "\n" + table() + "\n", "run this file with --write"
    assert "FAILED" not in listed and listed.count(NEVER) == listed.count("| emulated |") >= 42


def test_rows_that_are_never_run_say_why() -> None:
    """A row that is not applicable on any storage has its reason in the report, and the table shows which they are."""
    assert table().count("not applicable") == 3


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    sys.path.insert(0, str(CHECKOUT / ".cache/collections"))
    before, rest = PAGE.read_text().split(BEGIN)
    PAGE.write_text(before + BEGIN + "\n" + table() + "\n" + END + rest.split(END)[1])
