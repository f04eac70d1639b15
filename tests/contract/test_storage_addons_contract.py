# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Storage add-ons come to OpenNebula's own configuration and go again without a trace."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.declared_addons import storage_addon_edits
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.opennebula import Vector, parse
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.plan import plan_edits
from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_addons import ONED_CONF

EVERYTHING = {
    "vitastor": {
        "domain_types": ["kvm", "qemu"],
        "corrections": ["deploy", "attach_disk"],
    },
    "storpool": {
        "version": "26.04.0",
        "domain_types": ["kvm"],
        "overrides": ["deploy", "attach_disk", "detach_disk", "save", "restore"],
        "restricted_attributes": ["T_OS"],
    },
}
# As little as can be asked for.
MINIMAL = {"vitastor": {"corrections": []}, "storpool": {"version": "26.04.0"}}


def configurations(contract_dir: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted((contract_dir / "opennebula").rglob("oned.conf")):
        yield path.parent.parent.name, path


def absent(settings: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: {**one, "state": "absent"} if name in names else one for name, one in settings.items()}


def edited(texts: dict[str, str], names: list[str], release: str, settings: dict[str, Any]) -> dict[str, str]:
    for path, edits in storage_addon_edits(names, release, settings).items():
        name = Path(path).name
        texts = {**texts, name: plan_edits(name, texts[name], edits).after}
    return texts


@pytest.mark.parametrize("settings", [EVERYTHING, MINIMAL], ids=["everything", "minimal"])
def test_they_come_one_by_one_and_go_together_without_a_trace(contract_dir, settings):
    found = list(configurations(contract_dir))
    assert len(found) >= 2, "the captures have an oned.conf of two releases"
    for version, path in found:
        release = version.rpartition(".")[0]
        # StorPool's installer does not know 7.4 yet; what its edits do to the file can be seen all the same.
        release = "7.2" if release == "7.4" else release
        start = {name: (path.parent / name).read_bytes().decode("utf-8", "surrogateescape") for name in FILES}
        one = edited(start, ["vitastor"], release, settings)
        both = edited(one, ["vitastor", "storpool"], release, settings)
        again = edited(both, ["vitastor", "storpool"], release, settings)
        none = edited(again, ["vitastor", "storpool"], release, absent(settings, "vitastor", "storpool"))
        assert start != one != both
        assert again == both, f"{version}: a second run changes something"
        assert none == start, f"{version}: something is left behind"


FILES = ("oned.conf", "vmm_execrc")


@pytest.mark.parametrize("first, second", [("vitastor", "storpool"), ("storpool", "vitastor")])
def test_one_goes_and_the_other_has_what_it_would_have_alone(contract_dir, first, second):
    """Whoever came first: what is left means the same as the other add-on alone."""
    for version, path in configurations(contract_dir):
        release = "7.2" if version.startswith("7.4") else version.rpartition(".")[0]
        start = {name: (path.parent / name).read_bytes().decode("utf-8", "surrogateescape") for name in FILES}
        both = edited(edited(start, [first], release, MINIMAL), [first, second], release, MINIMAL)
        left = edited(both, [first, second], release, absent(MINIMAL, first))
        alone = edited(start, [second], release, MINIMAL)
        assert meaning(left["oned.conf"]) == meaning(alone["oned.conf"])
        assert left["vmm_execrc"] == alone["vmm_execrc"]


def meaning(text: str) -> list[Any]:
    return [
        (node.name, [(entry.name, entry.value) for entry in node.entries])
        if isinstance(node, Vector)
        else (node.name, node.value)
        for node in parse(text).nodes
    ]


def test_the_keys_of_the_release_that_stand_beside_are_those_of_its_own_drivers(contract_dir):
    """A TM_MAD_CONF of an add-on has only keys that the release's own entries have; from 7.2 on the new ones."""
    for version, path in configurations(contract_dir):
        release = version.rpartition(".")[0]
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        own = {
            entry.name
            for node in parse(text).named("TM_MAD_CONF")
            if isinstance(node, Vector)
            for entry in node.entries
        }
        edits = storage_addon_edits(["vitastor"], release, MINIMAL)[ONED_CONF]
        (edit,) = [edit for edit in edits if edit["attribute"] == "TM_MAD_CONF"]
        by_system = {key for key in edit["values"] if key.endswith(("_SSH", "_SHARED"))}
        assert set(edit["values"]) - by_system <= own
        assert ("DS_LIVE_MIGRATE" in edit["values"]) == ("DS_LIVE_MIGRATE" in own)
