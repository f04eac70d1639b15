# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the storage acceptance: the test table of Vitastor's guide, ordered as they need each other."""

from __future__ import annotations

from typing import Any, Callable, Iterable
from xml.etree import ElementTree

from ansible_collections.kvmcloud.stack.plugins.module_utils import (
    storage_rows_images,
    storage_rows_off,
    storage_rows_running,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_row import Row
from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_session import NotApplicable, RowFailed, Session

ROWS: tuple[Row, ...] = (*storage_rows_images.ROWS, *storage_rows_running.ROWS, *storage_rows_off.ROWS)


def run_rows(session: Session, clock: Callable[[], float], rows: Iterable[Row] = ROWS) -> list[dict[str, Any]]:
    """As checks of the acceptance report. None stops the others; what was not run is skipped, never passed."""
    return [result(one, *timed(session, clock, one)) for one in rows]


def timed(session: Session, clock: Callable[[], float], one: Row) -> tuple[bool, bool, str, float]:
    began = clock()
    ok, skipped = True, False
    try:
        detail = one.check(session)
    except NotApplicable as reason:
        skipped, detail = True, f"not applicable: {reason}"
    except RowFailed as problem:
        ok, detail = False, f"{problem} (expected: {one.expected})"
    except (ElementTree.ParseError, LookupError, ValueError, OSError) as problem:
        # an answer that nobody foresaw costs its row and no other
        ok, detail = False, f"unexpected answer: {type(problem).__name__}: {problem} (expected: {one.expected})"
    return ok, skipped, detail, round(clock() - began, 3)


def not_run(reason: str, emulated: bool) -> list[dict[str, Any]]:
    return [{**result(one, True, not emulated, f"not run: {reason}", 0.0), "emulated": emulated} for one in ROWS]


def result(one: Row, ok: bool, skipped: bool, detail: str, seconds: float) -> dict[str, Any]:
    return {
        "name": f"{one.script}: {one.action}",
        "script": one.script,
        "expected": one.expected,
        "ok": ok,
        "skipped": skipped,
        "detail": detail,
        "emulated": False,
        "seconds": seconds,
    }
