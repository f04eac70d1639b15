# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.module_utils import fstab
from ansible_collections.kvmcloud.stack.plugins.module_utils.datastore_mounts import Directory, Present
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_mounts import check_declarations, plan_mounts
from ansible_collections.kvmcloud.stack.plugins.module_utils.mountinfo import Mount
from ansible_collections.kvmcloud.stack.plugins.modules import gluster_mount


def vms(**changes: Any) -> dict[str, Any]:
    base = {"volume": "vms", "path": "/srv/vms", "servers": ["gs1", "gs2", "gs3"], "opts": "", "state": "mounted"}
    return {**base, **changes}


LINE = (
    "gs1:/vms /srv/vms glusterfs "
    "defaults,backup-volfile-servers=gs2:gs3,x-systemd.after=glusterd.service,_netdev,nofail 0 0\n"
)


def mounted(source: str = "gs1:/vms", fstype: str = "fuse.glusterfs") -> list[Mount]:
    return [Mount("/srv/vms", source, fstype, "0:50")]


def planned(present: Present, *mounts: dict[str, Any]) -> Any:
    return plan_mounts(mounts or (vms(),), present, lenient=False)


def test_a_new_mount_is_sealed_below_and_asks_further_servers() -> None:
    plan = planned(Present([], "", {}))
    assert plan.fstab == LINE
    assert [step.sentence for step in plan.steps] == [
        "seal the directory below /srv/vms",
        "write /etc/fstab",
        "let systemd read /etc/fstab",
        "mount gs1:/vms at /srv/vms",
    ]
    command = " ".join(map(str, plan.steps[-1].argv))
    assert command.endswith("mount -t glusterfs -o backup-volfile-servers=gs2:gs3 gs1:/vms /srv/vms")


@pytest.mark.parametrize("source", ["gs1:/vms", "gs1:vms", "gs9:/vms"])
def test_a_mount_goes_on_whichever_server_it_was_made_from(source: str) -> None:
    plan = planned(Present(mounted(source), LINE, {"/srv/vms": Directory(uid=9869)}))
    assert (plan.steps, plan.findings) == ([], [])


def test_servers_that_change_hold_from_the_next_mount_on() -> None:
    plan = planned(Present(mounted(), LINE, {"/srv/vms": Directory(uid=0)}), vms(servers=["gs2", "gs3"]))
    assert [step.sentence for step in plan.steps] == ["write /etc/fstab", "let systemd read /etc/fstab"]
    assert [entry.source for entry in fstab.entries(plan.fstab)] == ["gs2:/vms"]
    assert "stays mounted as it is" in plan.warnings[0]


def test_a_volume_may_be_mounted_at_several_places() -> None:
    plan = planned(Present([Mount("/mnt", "gs1:/vms", "fuse.glusterfs", "0:9")], "", {}))
    assert plan.findings == []


@pytest.mark.parametrize(
    ("present", "words"),
    [
        (
            Present(mounted("gs1:/other"), LINE, {"/srv/vms": Directory(uid=0)}),
            "gs1:/other (fuse.glusterfs) is mounted",
        ),
        (Present(mounted("nfs:/vms", "nfs4"), LINE, {"/srv/vms": Directory(uid=0)}), "nfs:/vms (nfs4) is mounted"),
        (Present(mounted(), LINE, {"/srv/vms": Directory(uid=None)}), "does not answer"),
        (Present([], "", {"/srv/vms": Directory(("a.img",), 0)}), "holds a.img, which the mount would hide"),
    ],
)
def test_what_is_in_the_way(present: Present, words: str) -> None:
    assert any(words in finding for finding in planned(present).findings)


def test_a_mount_that_goes() -> None:
    plan = planned(Present(mounted(), LINE, {"/srv/vms": Directory(uid=0)}), vms(state="absent", servers=[]))
    assert [step.sentence for step in plan.steps][:2] == [
        "unmount gs1:/vms from /srv/vms",
        "open the directory /srv/vms",
    ]
    assert plan.fstab == ""


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ([vms(path="srv")], "is no mount point"),
        ([vms(path="/srv/../etc")], "is no mount point"),
        ([vms(), vms(volume="b")], "/srv/vms is declared more than once"),
        ([vms(servers=[])], "servers is empty"),
        ([vms(opts="ro, acl")], "holds white space"),
        ([vms(opts="backup-volfile-servers=a")], "is made of servers"),
    ],
)
def test_declarations(wrong: list[dict[str, Any]], words: str) -> None:
    (finding,) = check_declarations(wrong)
    assert words in finding
    assert check_declarations([vms(), vms(path="/b"), vms(path="/c", state="absent", servers=[])]) == []


def test_check_mode_on_a_bare_host(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "vms"
    result = run_module(capsys, gluster_mount, check=True, mounts=[vms(path=str(path))])
    assert result["changed"] and not path.exists()
    assert result["mounts"] == [{"volume": "vms", "path": str(path), "source": "gs1:/vms"}]


def test_everything_wrong_is_told_at_once(capsys: Any) -> None:
    with pytest.raises(ModuleFailed, match=r"(?s)no mount point.*servers is empty"):
        run_module(capsys, gluster_mount, mounts=[vms(path="/", servers=[])])


def test_the_examples_are_accepted() -> None:
    (task,) = yaml.safe_load(gluster_mount.EXAMPLES)
    assert not ArgumentSpecValidator(gluster_mount.SPEC).validate(task["kvmcloud.stack.gluster_mount"]).error_messages
