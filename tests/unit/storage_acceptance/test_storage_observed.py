# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the storage itself is seen, by its driver and by the tools that there are."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_observed import RowFailed, storage_of

VOLUMES = {"data": {"volumes": [{"name": "one-img-5", "size": 64 << 20}, {"name": "one-sys-7-2-raw", "size": 1 << 20}]}}
SNAPSHOTS = {"data": [{"name": "one-img-5-snap0", "size": 64 << 20}]}


class Tools:
    """Answers by the words of a command; whatever is not among them is not installed."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {words.replace("_", " "): answer for words, answer in answers.items()}
        self.calls: list[str] = []

    def __call__(self, argv: list[str]) -> tuple[int, str, str]:
        self.calls.append(" ".join(argv))
        if argv[0] == "which":
            return (0 if any(argv[1] in words for words in self.answers) else 1), "", ""
        for words, answer in self.answers.items():
            if all(word in " ".join(argv).split() for word in words.split()):
                return (0, answer, "") if isinstance(answer, str) else (1, "", str(answer))
        return 1, "", "no such command"


def store(driver: str, **template: str) -> ElementTree.Element:
    inside = "".join(f"<{name}>{value}</{name}>" for name, value in template.items())
    return ElementTree.fromstring(f"<DATASTORE><TM_MAD>{driver}</TM_MAD><TEMPLATE>{inside}</TEMPLATE></DATASTORE>")


def disk(**values: str) -> ElementTree.Element:
    return ElementTree.fromstring("<DISK>" + "".join(f"<{k}>{v}</{k}>" for k, v in values.items()) + "</DISK>")


def storpool(**answers: Any) -> Any:
    given = {"storpool_volume_list": json.dumps(VOLUMES), "storpool_snapshot_list": json.dumps(SNAPSHOTS), **answers}
    return storage_of(Tools(**given), store("storpool"))


def test_names_of_storpool() -> None:
    seen = storpool()
    assert seen.disk("7", disk(DISK_ID="0", SOURCE="one-ds-100/one-img-5", CLONE="NO")) == "one-ds-100/one-img-5"
    assert seen.disk("7", disk(DISK_ID="1", SOURCE="one-ds-100/one-img-6", CLONE="YES")).endswith("/one-img-6-7-1")
    assert seen.disk("7", disk(DISK_ID="2")) == "one-sys-7-2-raw"
    assert seen.snapshot("one-ds-100/one-img-5", "0") == "one-ds-100/one-img-5-snap0"


def test_volumes_and_snapshots_of_storpool() -> None:
    seen = storpool()
    assert seen.find("one-ds-100/one-img-5") == {"size": 64 << 20} and seen.find("one-sys-7-2-raw")
    assert seen.find("one-ds-100/one-img-5-snap0") and seen.find("one-ds-100/one-img-9") is None
    assert seen.digest("one-ds-100/one-img-5") is None, "its devices are on no front-end"
    with pytest.raises(RowFailed, match="the storage does not answer: Error: not authorised"):
        storpool(storpool_volume_list=RuntimeError("Error: not authorised")).find("one-img-5")


def test_vitastor_is_asked_with_the_datastores_own_configuration_and_prefix() -> None:
    tools = Tools(**{"vitastor-cli_ls": 'Pool 2 is gone\n[{"name": "two-5", "size": 4096}]\n'})
    seen = storage_of(tools, store("vitastor", VITASTOR_CONF="/etc/v2.conf", IMAGE_PREFIX="two"))
    assert seen.find("two-5") == {"name": "two-5", "size": 4096} and seen.find("two-6") is None
    assert "vitastor-cli --config_path /etc/v2.conf ls --json two-5" in tools.calls
    assert seen.disk("7", disk(DISK_ID="2")) == "two-sys-7-2"
    with pytest.raises(RowFailed, match="the storage does not answer"):
        seen.digest("two-5")


def test_the_content_of_vitastors_images_comes_through_a_pipe_that_cannot_hide_a_failure() -> None:
    tools = Tools(bash="abc  -\n", **{"vitastor-cli_ls": "[]"})
    assert storage_of(tools, store("vitastor")).digest("one-5") == "abc"
    assert tools.calls[-1].startswith("bash -c set -o pipefail;") and tools.calls[-1].endswith("dd iimg=one-5")


@pytest.mark.parametrize("driver", ["vitastor", "storpool", "ceph", "ssh"])
def test_without_its_tool_a_storage_is_not_seen(driver: str) -> None:
    seen = storage_of(Tools(sha256sum="abc  /d/5\n"), store(driver))
    with pytest.raises(KeyError):
        seen.find("one-5")
    assert seen.digest("one-5") is None and seen.digest("/d/5") == "abc"
    assert storage_of(Tools(), store(driver)).digest("/d/5") is None
