# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner says of orders and volumes what the real GlusterFS said of them."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any, Iterator

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_form import (
    Form,
    FormError,
    form_from_counts,
    form_of,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_layout import check_order
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_picture import read_back, shared_places

# What an order of bricks, or a form, was refused for; other refusals are about hosts, paths and names.
OF_THE_ORDER = re.compile(
    r"Multiple bricks of a replicate volume|Failed to create volume files|Found duplicate exports|redundancy must be|"
    r"Wrong brick type|Incorrect number of bricks"
)
COUNTS = ("replica", "arbiter", "disperse", "redundancy", "stripe")


@pytest.fixture(scope="module")
def captures(contract_dir: Path) -> list[dict[str, Any]]:
    files = sorted((contract_dir / "gluster").glob("*.json"))
    if not files:
        pytest.skip("no captures of GlusterFS are beside this checkout")
    return [json.loads(file.read_text()) for file in files]


def creations(captures: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, int], list[str], str]]:
    for capture in captures:
        argv = capture["argv"]
        if argv[0] != "gluster" or ["volume", "create"] not in [argv[at : at + 2] for at in range(len(argv))]:
            continue
        words = argv[argv.index("create") + 2 :]
        counts = {}
        while words and words[0] in COUNTS:
            counts[words[0]] = int(words[1])
            words = words[2:]
        bricks = [word for word in words if word != "force"]
        if bricks and "force" not in words and "--mode=script" in argv:
            yield capture["name"], counts, bricks, capture["stdout"] + capture["stderr"]


def test_what_gluster_refuses_of_an_order_is_refused_here_and_nothing_else(captures):
    seen = 0
    for name, counts, bricks, said in creations(captures):
        refused = bool(OF_THE_ORDER.search(said))
        try:
            findings = check_order(bricks, _form(counts), "v")
        except FormError as error:
            findings = [str(error)]
        assert bool(findings) == refused, (name, bricks, findings, said)
        seen += 1
    assert seen >= 40


def _form(counts: dict[str, int]) -> Form:
    if counts.get("disperse") and "redundancy" not in counts:
        counts = {**counts, "redundancy": 1}  # which gluster chooses by itself for 4
    return form_of({"name": "v", "accept_split_brain_risk": True, **counts})


def test_volumes_are_read_back_with_their_arbiters(captures):
    seen = 0
    for capture in captures:
        if "--xml" not in capture["argv"] or capture["argv"][-2:-1] != ["info"] and capture["argv"][-1] != "info":
            continue
        if "<volInfo>" not in capture["stdout"]:
            continue
        for node in ElementTree.fromstring(capture["stdout"]).iter("volume"):
            form = form_from_counts(*(int(node.findtext(f"{kind}Count") or 0) for kind in COUNTS[:4]))
            bricks = [brick.findtext("name") or "" for brick in node.iter("brick")]
            arbiters = [brick.findtext("isArbiter") == "1" for brick in node.iter("brick")]
            if len(bricks) % form.width:
                assert node.findtext("name") == "vn", "only the ghost of a wrong count"
                continue
            picture = read_back(bricks, form)
            assert picture.order == bricks
            assert [brick.arbiter for brick in picture.bricks] == arbiters
            assert bool(shared_places(picture)) == (node.findtext("name") == "vw"), "only what was forced"
            seen += 1
    assert seen >= 15
