# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof by packets: every attack is one, ours stop all of them, nothing legitimate is cut, no rule is idle."""

from __future__ import annotations

from pathlib import Path

import pytest

bench = pytest.importorskip("bench")

REPORTS = Path(__file__).resolve().parents[2] / ".cache/isolation"


@pytest.fixture(scope="module")
def outcome(request):
    """Throughput is measured where a test asks for it, which takes as long again on a busy machine."""
    found = bench.run(throughput=any(item.get_closest_marker("full") for item in request.session.items))
    bench.write(found, REPORTS)
    print(bench.as_text(found))
    return found


def test_every_attack_succeeds_where_there_are_no_rules(outcome):
    assert bench.never_succeeded(outcome) == []


def test_every_flow_is_there_without_rules(outcome):
    assert {key: names for key, names in outcome.cut.items() if key[1] == bench.NONE and names} == {}


@pytest.mark.parametrize("topology", bench.TOPOLOGIES)
def test_ours_stop_every_attack(outcome, topology):
    assert outcome.succeeded[topology, bench.OURS] == []


@pytest.mark.parametrize("topology", bench.TOPOLOGIES)
def test_ours_cut_nothing(outcome, topology):
    assert outcome.cut[topology, bench.OURS] == []


def test_the_guides_rules_leave_most_attacks_open(outcome):
    """As measured, and as the warning of this mode says; if that changed, the warning would be wrong."""
    blocked, tried = bench.counts(outcome)[bench.GUIDE]["attacks_blocked"].split("/")
    assert 0 < int(blocked) < int(tried) / 2


def test_no_drop_is_there_for_nothing(outcome):
    assert outcome.needless == []


def highest(outcome, ratio):
    """What it may be, as far as a busy machine lets it be known."""
    return outcome.throughput[ratio] + 2 * outcome.throughput[f"{ratio}, error"]


@pytest.mark.full
def test_throughput_is_within_five_percent(outcome):
    assert highest(outcome, "ours to none") >= bench.WITHIN


@pytest.mark.full
def test_rules_that_cost_much_are_seen_to(outcome):
    """Else the one above would say nothing."""
    assert highest(outcome, "burdened to none") < bench.NEAR


def test_it_is_quick_enough_for_every_run(outcome):
    assert outcome.processor_seconds < 90
