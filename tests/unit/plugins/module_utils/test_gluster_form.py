# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_form import (
    Form,
    FormError,
    form_from_counts,
    form_of,
)


@pytest.mark.parametrize(
    ("declared", "form", "text"),
    [
        ({}, Form(1), "distribute"),
        ({"replica": 1}, Form(1), "distribute"),
        ({"replica": 3}, Form(3), "replica 3"),
        ({"replica": "3"}, Form(3), "replica 3"),
        ({"replica": 2, "accept_split_brain_risk": True}, Form(2), "replica 2"),
        ({"replica": 3, "arbiter": 1}, Form(3, 1), "replica 3 arbiter 1"),
        ({"replica": 2, "arbiter": 1}, Form(3, 1), "replica 3 arbiter 1"),
        ({"disperse": 6, "redundancy": 2}, Form(0, 0, 6, 2), "disperse 6 redundancy 2"),
        ({"replica": None, "disperse": None}, Form(1), "distribute"),
    ],
)
def test_forms(declared, form, text):
    assert form_of({"name": "v", **declared}) == form
    assert str(form) == text


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"stripe": 2}, "volume v: stripe is gone .*features.shard: 'on'"),
        ({"stripe": 2, "replica": 2}, "stripe is gone"),
        ({"replica": 2}, "prone to split-brain.*accept_split_brain_risk: true"),
        ({"replica": 4, "arbiter": 1}, "replica 4 arbiter 1 does not exist"),
        ({"replica": 3, "arbiter": 2}, "does not exist"),
        ({"arbiter": 1}, "replica 0 arbiter 1 does not exist"),
        ({"replica": 3, "disperse": 6, "redundancy": 2}, "exclude each other"),
        ({"disperse": 6}, "needs redundancy"),
        ({"redundancy": 2}, "needs disperse"),
        # gluster: 'redundancy must be greater than or equal to 1 and less than 2 for a disperse 3 volume'
        ({"disperse": 3, "redundancy": 2}, "redundancy 2 must be less than half of disperse 3"),
        ({"disperse": 4, "redundancy": 2}, "less than half"),
        ({"disperse": 3, "redundancy": 1, "arbiter": 1}, "an arbiter is part of a replica"),
        ({"replica": "three"}, "replica is 'three'; write a whole number"),
        ({"replica": -3}, "whole number"),
        ({"replica": True}, "whole number"),
        ({"replica": 2.5}, "whole number"),
    ],
)
def test_forms_that_do_not_exist(declared, said):
    with pytest.raises(FormError, match=said):
        form_of({"name": "v", **declared})


@pytest.mark.parametrize(
    ("form", "width", "copies", "shares", "spare", "writable", "per_rack"),
    [
        (Form(1), 1, 1, 1, 0, 0, 1),
        (Form(2), 2, 2, 1, 1, 0, 1),
        (Form(3), 3, 3, 1, 2, 1, 1),
        (Form(3, 1), 3, 2, 1, 1, 1, 1),
        (Form(0, 0, 6, 2), 6, 6, 4, 2, 2, 2),
    ],
)
def test_what_a_form_means(form, width, copies, shares, spare, writable, per_rack):
    found = (form.width, form.copies, form.shares, form.spare, form.writable, form.per_rack)
    assert found == (width, copies, shares, spare, writable, per_rack)


@pytest.mark.parametrize(
    ("counts", "form"),
    [((1, 0, 0, 0), Form(1)), ((0, 0, 0, 0), Form(1)), ((3, 1, 0, 0), Form(3, 1)), ((1, 0, 4, 1), Form(0, 0, 4, 1))],
    ids=["distribute", "counted from nothing", "arbiter", "disperse counts one replica"],
)
def test_as_volume_info_counts(counts, form):
    assert form_from_counts(*counts) == form
