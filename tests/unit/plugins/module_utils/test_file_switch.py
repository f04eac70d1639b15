# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils import file_switch

NOTHING = b"nothing"
FORMER = {"10.yaml": b"former ten", "20.yaml": b"former twenty"}
CHANGES = {"10.yaml": None, "20.yaml": b"new twenty", "60.yaml": b"new sixty"}
NEW = {"20.yaml": b"new twenty", "60.yaml": b"new sixty"}


@pytest.fixture
def directory(tmp_path):
    for name, text in FORMER.items():
        (tmp_path / name).write_bytes(text)
    (tmp_path / "90.yaml").write_bytes(b"of somebody else")
    return tmp_path


def read(directory):
    """What a reader of the files finds, one that says nothing being as good as none."""
    found = {path.name: path.read_bytes() for path in directory.glob("*.yaml")}
    assert found.pop("90.yaml") == b"of somebody else"
    return {name: text for name, text in found.items() if text != NOTHING}


def switched(directory, changes, elsewhere=()):
    yield from file_switch.preparation(str(directory), changes, NOTHING, elsewhere)
    yield from file_switch.completion(str(directory), NOTHING, elsewhere)


def test_the_files_change(directory):
    file_switch.prepare(str(directory), CHANGES, NOTHING)
    assert read(directory) == FORMER
    file_switch.finish(str(directory), NOTHING)
    assert read(directory) == NEW
    assert not any(path.is_symlink() for path in directory.iterdir())
    assert sorted(os.listdir(directory)) == ["20.yaml", "60.yaml", "90.yaml"]
    assert (directory / "60.yaml").stat().st_mode & 0o777 == 0o600


def cut_off(directory, position):
    """The power fails after this many steps."""
    made = []
    for step in switched(directory, CHANGES):
        made.append(step)
        if len(made) == position:
            break
    return made


POSITIONS = range(1, 12)


@pytest.mark.parametrize("position", POSITIONS)
def test_whenever_the_power_fails_all_is_read_as_before_or_all_as_new(directory, position):
    made = cut_off(directory, position)
    assert len(made) == min(position, 10)  # or this table ends too early
    assert read(directory) == (NEW if "turned" in made else FORMER)


@pytest.mark.parametrize("position", POSITIONS)
def test_what_was_cut_off_is_settled_by_the_next_run(directory, position):
    made = cut_off(directory, position)
    file_switch.go_back(str(directory), NOTHING)
    assert read(directory) == (NEW if "turned" in made else FORMER)
    assert not any(path.is_symlink() for path in directory.iterdir())
    assert not file_switch.is_unsettled(str(directory))


@pytest.mark.parametrize("position", POSITIONS)
def test_what_was_cut_off_can_be_repeated(directory, position):
    cut_off(directory, position)
    list(switched(directory, CHANGES))
    assert read(directory) == NEW
    assert not file_switch.is_unsettled(str(directory))


@pytest.mark.parametrize(("text", "after"), [(b"other", {"10.yaml": b"other"}), (None, {})])
def test_a_single_file(directory, text, after):
    (directory / "20.yaml").unlink()
    list(switched(directory, {"10.yaml": text}))
    assert read(directory) == after


@pytest.mark.parametrize("position", range(1, 7))
def test_what_is_prepared_can_be_finished_and_taken_back_on_a_full_disk(directory, monkeypatch, position):
    def full(*_arguments):
        raise OSError("No space left on device")

    made = cut_off(directory, position)
    monkeypatch.setattr(file_switch, "_write", full)
    monkeypatch.setattr(file_switch, "_link", full)
    end = file_switch.finish if "prepared" in made else file_switch.go_back
    end(str(directory), NOTHING)
    assert read(directory) == (NEW if "prepared" in made else FORMER)
    assert not file_switch.is_unsettled(str(directory))


# -- files in another directory, which are read by another program and change at the same moment


@pytest.fixture
def elsewhere(directory, tmp_path_factory):
    place = tmp_path_factory.mktemp("profiles")
    (place / "gone").write_bytes(b"former profile")
    (place / "stays").write_bytes(b"of somebody else")
    (place / "link").symlink_to("stays")
    return place


def both(directory, elsewhere):
    """Everything that is read at both places."""
    found = {path.name: path.read_bytes() for path in elsewhere.iterdir()}
    assert (found.pop("stays"), found.pop("link")) == (b"of somebody else", b"of somebody else")
    return {**read(directory), **{name: text for name, text in found.items() if text != NOTHING}}


def changes(elsewhere):
    return {"60.yaml": b"new sixty", str(elsewhere / "gone"): None}


@pytest.mark.parametrize("position", range(1, 9))
def test_files_elsewhere_change_at_the_same_moment(directory, elsewhere, position):
    made = []
    for step in switched(directory, changes(elsewhere), [str(elsewhere)]):
        made.append(step)
        if len(made) == position:
            break
    assert len(made) == min(position, 8)
    new = {**FORMER, "60.yaml": b"new sixty"}
    expected = new if "turned" in made else {**FORMER, "gone": b"former profile"}
    assert both(directory, elsewhere) == expected
    file_switch.go_back(str(directory), NOTHING, [str(elsewhere), str(elsewhere / "absent")])
    assert both(directory, elsewhere) == expected
    assert [path.name for path in elsewhere.iterdir() if path.is_symlink()] == ["link"]
    assert not file_switch.is_unsettled(str(directory))
