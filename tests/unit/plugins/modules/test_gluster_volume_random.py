# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random changes of random volumes, cut off anywhere: they converge, and the last complete copy is never taken away."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from small_gluster import Killed, SmallGluster

from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_bricks_change import sets_of
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_command import Gluster
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_form import Form
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_options import begun
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_steps import GlusterSteps
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_volume_plan import Known, VolumePlanner
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_volumes import parse_status, parse_volumes

FORMS = [Form(1), Form(2), Form(3), Form(3, 1), Form(0, 0, 3, 1), Form(0, 0, 6, 2)]
HOSTS = [f"gs{number}" for number in range(1, 9)]


class Case:
    def __init__(self, form: Form, present: list[str], wanted: list[str], kill: int, quota: bool) -> None:
        self.form, self.present, self.wanted, self.kill, self.quota = form, present, wanted, kill, quota

    def __repr__(self) -> str:
        return f"{self.form}: {' '.join(self.present)} -> {' '.join(self.wanted)}, killed after {self.kill}"

    def declared(self, bricks: list[str]) -> dict[str, Any]:
        return {
            **self.form._asdict(),
            "name": "v",
            "state": "started",
            "bricks": bricks,
            "accept_split_brain_risk": True,
            "confirm_remove": self.present,
            "options": {"auth.allow": "10.*"},
            "quota": [{"path": "/", "limit": "1GB"}] if self.quota and bricks is self.wanted else None,
        }


@st.composite
def cases(draw: st.DrawFn) -> Case:
    form = draw(st.sampled_from(FORMS))
    number = iter(range(1000))

    def new_set() -> list[str]:
        hosts = draw(st.permutations(HOSTS))[: form.width]
        return [f"{host}:/b{next(number)}/v" for host in hosts]

    present = [new_set() for _set in range(draw(st.integers(1, 3)))]
    wanted = []
    for one in present:
        fate = draw(st.sampled_from(["stays", "stays", "goes", "changes"]))
        if fate == "stays":
            wanted.append(one)
        elif fate == "changes":
            at = draw(st.integers(0, form.width - 1))
            # The same host, or one that the set is not on.
            free = [host for host in HOSTS if not any(brick.startswith(f"{host}:") for brick in one)]
            host = draw(st.sampled_from([one[at].partition(":")[0], *free]))
            wanted.append([*one[:at], f"{host}:/b{next(number)}/v", *one[at + 1 :]])
    wanted += [new_set() for _set in range(draw(st.integers(0 if wanted else 1, 2)))]
    flat = [brick for one in draw(st.permutations(wanted)) for brick in one]
    return Case(form, [b for one in present for b in one], flat, draw(st.integers(1, 12)), draw(st.booleans()))


def converge(pool: SmallGluster, declared: dict[str, Any]) -> bool:
    """One run of the module without what is around it; whether anything was done."""
    clock = iter(range(10**9))
    module = SimpleNamespace(
        params={"command_timeout": 10, "busy_timeout": 10},
        get_bin_path=lambda name: name,
        run_command=pool.run_command,
    )
    cli = Gluster(module, lambda: float(next(clock)), lambda _seconds: None)
    steps = GlusterSteps(cli, data_timeout=10**6)
    known = Known(
        volumes=parse_volumes(cli.tree("volume", "info")),
        pool=steps.pool(),
        own_names=frozenset({"gs1"}),
        status=parse_status(cli.tree("volume", "status", "all")),
    )
    plan = VolumePlanner(known).plan([declared])
    plan.apply(steps)
    return plan.changed


def shape(form: Form, bricks: list[str]) -> list[Any]:
    return sorted((sorted(one[: form.copies or None]), one[form.copies :]) for one in sets_of(bricks, form.width))


@settings(max_examples=200, deadline=None)
@given(cases())
def test_any_change_converges_from_wherever_it_was_cut_off(case: Case) -> None:
    pool = SmallGluster("gs1", tuple(HOSTS[1:]))
    converge(pool, case.declared(case.present))
    pool.log.clear()
    pool.kill_after = case.kill
    declared = case.declared(case.wanted)
    if not case.quota:
        del declared["quota"]
    try:
        converge(pool, declared)
    except Killed:
        pool.kill_after = None
        converge(pool, declared)
    pool.kill_after = None
    made = pool.volumes["v"]
    key = Form(case.form.width) if not case.form.arbiter else case.form
    assert shape(key, made.bricks) == shape(key, case.wanted)
    assert not made.incomplete and not made.removal
    assert made.options["auth.allow"] == "10.*" and "old.auth.allow" not in made.options
    assert not begun(made.options)
    declared = {**declared, "quota": None}
    assert not converge(pool, declared), "nothing is left to do"
