# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.modules import storpool_templates

DOUBLES = Path(__file__).resolve().parents[3] / "doubles"
STORES = [{"name": "images", "id": 100}, {"name": "system", "id": 101}]
IMAGES = {"datastore": "images", "replication": 3, "place_head": "hdd", "place_all": "hdd", "place_tail": "ssd"}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: Any, capsys: Any) -> Any:
    monkeypatch.setenv("PATH", f"{DOUBLES}:{os.environ['PATH']}")
    monkeypatch.setenv("STORPOOL_DOUBLE", str(tmp_path / "state"))

    def run(*templates: dict[str, Any], check: bool = False, **changed: Any) -> dict[str, Any]:
        given = {"templates": list(templates), "datastores": STORES, **changed}
        return run_module(capsys, storpool_templates, check=check, **given)

    run.state = lambda: json.loads((tmp_path / "state").read_text()) if (tmp_path / "state").exists() else {}
    return run


def test_the_guides_template_is_made_with_the_id_of_the_datastore(run: Any) -> None:
    planned = run(IMAGES, check=True)
    assert planned["changed"] and run.state() == {}
    done = run(IMAGES)
    assert done["actions"][0]["command"][2:] == (
        ["template", "one-ds-100", "replication", "3", "placeHead", "hdd", "placeAll", "hdd", "placeTail", "ssd"]
    )
    assert run.state() == {"one-ds-100": {"replication": 3, "placeHead": "hdd", "placeAll": "hdd", "placeTail": "ssd"}}
    assert not run(IMAGES)["changed"] and not run(IMAGES, check=True)["changed"]


def test_only_what_differs_is_changed(run: Any) -> None:
    run(IMAGES)
    done = run({**IMAGES, "place_tail": "nvme"})
    assert done["actions"][0]["command"][2:] == ["template", "one-ds-100", "placeTail", "nvme"]
    assert not run({"datastore": "images"})["changed"], "what is not declared is left alone"


def test_several_opennebulas_on_one_cluster(run: Any) -> None:
    run(IMAGES, {**IMAGES, "datastore": "system"}, prefix="two")
    assert run.state().keys() == {"two-ds-100", "two-ds-101"}


def test_a_datastore_that_is_not_there(run: Any) -> None:
    with pytest.raises(ModuleFailed, match="OpenNebula has no datastore gone"):
        run({**IMAGES, "datastore": "gone"})
    assert run({**IMAGES, "datastore": "gone"}, check=True)["changed"], "it may be only planned"


def test_what_storpool_refuses_is_told(run: Any) -> None:
    with pytest.raises(ModuleFailed, match="Could not make template one-ds-100 .* invalid parameters"):
        run({"datastore": "images", "place_all": "hdd"})
