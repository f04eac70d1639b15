# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many resources cost one read of their pool and one command per change: the benchmark's counts, on fewer of them."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

import pytest
from emulator_replay import BY_TIER

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))

from one_resources import measure, wasted  # noqa: E402  (found through the line above)


@pytest.fixture(scope="module", params=BY_TIER)
def results(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    return measure(request.param, share=0.1)


def test_no_command_is_wasted(results: list[dict[str, Any]]) -> None:
    assert [(one["module"], one["count"]) for one in results] == [("onehost", 10), ("onedatastore", 5), ("onevnet", 20)]
    assert wasted(results) == []


@pytest.mark.parametrize("run", ["first", "converged", "one change"])
@pytest.mark.parametrize("what", ["reads", "writes", "changes"])
def test_one_command_more_would_be_told(results: list[dict[str, Any]], run: str, what: str) -> None:
    worse = copy.deepcopy(results)
    worse[1][run][what] += 1
    (told,) = wasted(worse)
    assert f"onedatastore, 5 declared, {run}" in told
