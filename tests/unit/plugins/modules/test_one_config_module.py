# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module on real files: what it writes, keeps, returns and hides."""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path

import pytest
import yaml
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config import plan as planning
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.edits import read_edit
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.errors import Refused
from ansible_collections.kvmcloud.stack.plugins.modules import one_config

TEXT = '# oned\nPORT = 2633\nDB = [ BACKEND = "sqlite" ]\n'
PORT = {"attribute": "PORT", "value": 9}
SECRET = "s'e\"c#r et\\\\x ü"
PASSWORD = {"attribute": "DB", "values": {"PASSWD": SECRET}}


@pytest.fixture
def conf(tmp_path):
    path = tmp_path / "oned.conf"
    path.write_text(TEXT)
    path.chmod(0o640)
    return path


def run(capsys, path, *edits, **params):
    return run_module(capsys, one_config, path=str(path), edits=list(edits), **params)


def test_it_writes_what_is_planned_and_says_so(capsys, conf):
    result = run(capsys, conf, PORT)
    assert result["changed"] and result["format"] == "opennebula"
    assert result["edits"] == ["set PORT = '9' (was '2633')"]
    assert conf.read_text() == TEXT.replace("2633", "9")
    diff = result["diff"]
    assert (diff["before"], diff["after"], diff["before_header"]) == (TEXT, conf.read_text(), str(conf))


def test_what_is_written_is_on_disk_before_it_has_its_name(capsys, conf, monkeypatch):
    """Else a power loss leaves an empty oned.conf, and the front-end does not start."""
    synced = []

    def fsync(descriptor):
        synced.append((os.readlink(f"/proc/self/fd/{descriptor}"), conf.read_text(), os.fstat(descriptor).st_size))

    monkeypatch.setattr(os, "fsync", fsync)
    run(capsys, conf, PORT, backup=False)
    ((path, former, size),) = synced
    assert (os.path.dirname(path), former, size) == (str(conf.parent), TEXT, len(conf.read_text()))


def test_a_file_that_cannot_be_renamed_over_is_written_in_place_only_where_that_is_allowed(capsys, conf, monkeypatch):
    """Such as one that is mounted into a container."""

    def busy(*_arguments):
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(os, "replace", busy)
    with pytest.raises(ModuleFailed, match="Cannot write .*oned.conf: Device or resource busy"):
        run(capsys, conf, PORT, backup=False)
    assert conf.read_text() == TEXT
    run(capsys, conf, PORT, backup=False, unsafe_writes=True)
    assert conf.read_text() == TEXT.replace("2633", "9")


def test_a_second_run_writes_nothing(capsys, conf):
    run(capsys, conf, PORT)
    before = os.stat(conf)
    result = run(capsys, conf, PORT)
    assert not result["changed"] and result["edits"] == [] and "diff" not in result and "backup_file" not in result
    assert (before.st_ino, before.st_mtime_ns) == (os.stat(conf).st_ino, os.stat(conf).st_mtime_ns)
    assert len(list(conf.parent.iterdir())) == 2, "the file and one backup"


def test_check_mode_reports_the_same_and_writes_nothing(capsys, conf):
    checked = run(capsys, conf, PORT, check=True)
    assert conf.read_text() == TEXT and list(conf.parent.iterdir()) == [conf]
    done = run(capsys, conf, PORT)
    assert {name: checked[name] for name in ("changed", "edits", "diff")} == {
        name: done[name] for name in ("changed", "edits", "diff")
    }


def test_a_backup_with_a_time_stamp_keeps_mode_and_text(capsys, conf):
    backup = run(capsys, conf, PORT)["backup_file"]
    assert re.search(r"oned\.conf\.\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d\.\d{6}Z\.one_config~$", backup)
    with open(backup) as stream:
        assert stream.read() == TEXT
    assert stat.S_IMODE(os.stat(backup).st_mode) == 0o640


def test_old_backups_go_and_those_of_others_stay(capsys, conf):
    """A password that was changed is not to stay in copies for ever."""
    others = [conf.with_name(name) for name in ("oned.conf.17.2020-01-01@00:00:00~", "oned.conf.bak", "oned.conf2")]
    others.append(conf.with_name("oned.conf2.2020-01-01@00:00:00.000000Z.one_config~"))
    for path in others:
        path.write_text("x")
    oldest = conf.with_name("oned.conf.2020-01-01@00:00:00.000000Z.one_config~")
    oldest.write_text("PASSWD")
    made = [run(capsys, conf, {"attribute": "PORT", "value": n}, backup_count=3)["backup_file"] for n in range(4)]
    assert not oldest.exists()
    assert sorted(str(path) for path in conf.parent.glob("oned.conf.20*")) == made[1:] == sorted(made[1:])
    assert all(path.exists() for path in others)
    run(capsys, conf, {"attribute": "PORT", "value": 9}, backup_count=0)
    assert all(os.path.exists(path) for path in made[1:]), "0 keeps them all"


def test_no_backup_when_none_is_wanted(capsys, conf):
    assert "backup_file" not in run(capsys, conf, PORT, backup=False)
    assert list(conf.parent.iterdir()) == [conf]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_owner_and_mode_stay(capsys, conf):
    os.chown(conf, 1234, 4321)
    run(capsys, conf, PORT)
    now = os.stat(conf)
    assert (now.st_uid, now.st_gid, stat.S_IMODE(now.st_mode)) == (1234, 4321, 0o640)
    (backup,) = [path.stat() for path in conf.parent.iterdir() if path != conf]
    assert (backup.st_uid, backup.st_gid, stat.S_IMODE(backup.st_mode)) == (1234, 4321, 0o640)


def test_the_name_of_a_link_tells_the_format(capsys, conf, tmp_path):
    (tmp_path / "oned.conf-ours").write_text(TEXT)
    conf.unlink()
    conf.symlink_to("oned.conf-ours")
    assert run(capsys, conf, PORT)["format"] == "opennebula"
    (tmp_path / "monitord.conf").write_text(TEXT)
    (tmp_path / "ours").symlink_to(tmp_path / "monitord.conf")
    assert run(capsys, tmp_path / "ours", PORT)["format"] == "opennebula"


def test_a_link_stays_a_link(capsys, conf, tmp_path):
    link = tmp_path / "link.conf"
    link.symlink_to(conf)
    run(capsys, link, PORT, format="opennebula")
    assert link.is_symlink() and "PORT = 9" in conf.read_text()


def test_the_task_may_set_the_mode(capsys, conf):
    assert run(capsys, conf, {"attribute": "PORT", "value": 2633}, mode="0600")["changed"]
    assert stat.S_IMODE(os.stat(conf).st_mode) == 0o600


def test_bytes_that_are_not_utf8_survive(capsys, conf):
    conf.write_bytes(b"# caf\xe9\nPORT = 2633\n")
    run(capsys, conf, PORT)
    assert conf.read_bytes() == b"# caf\xe9\nPORT = 9\n"


@pytest.mark.parametrize("password", ["p'w\"#, ] =[\\\\ ü", "one", "back\\slash", "a\nb", "%s {{ x }}"])
def test_a_password_survives_the_way_into_the_file_and_back(capsys, conf, password):
    run(capsys, conf, {"attribute": "DB", "values": {"PASSWD": password}})
    (vector,) = planning.open_editor(conf.read_text(), "opennebula").document.named("DB")
    assert vector.value_of("PASSWD") == password


def test_a_secret_is_in_no_output_and_no_log(capsys, conf, monkeypatch):
    logged = []
    monkeypatch.setattr(
        one_config.AnsibleModule, "log", lambda self, msg, log_args=None: logged.append(f"{msg} {log_args}")
    )
    capsys.readouterr()
    result = run(capsys, conf, PASSWORD)
    assert 'PASSWD = "' in conf.read_text(), "it is in the file"
    assert "add DB/PASSWD (its value is not shown)" in result["edits"]
    assert len(logged) == 1 and "oned.conf" in logged[0], "the call itself is logged"
    for output in (str(result), logged[0]):
        assert "r et" not in output


def test_a_key_that_the_user_calls_secret_is_one(capsys, conf):
    result = run(capsys, conf, {"attribute": "LICENCE", "value": "abcdef"}, secret_keys=["licence"])
    assert "abcdef" not in str(result) and "abcdef" in conf.read_text()


def test_a_missing_file_is_an_error(capsys, tmp_path):
    with pytest.raises(ModuleFailed, match="oned.conf does not exist; install its package first, or set create"):
        run(capsys, tmp_path / "oned.conf", PORT)


def test_a_missing_file_is_a_planned_change_in_check_mode(capsys, tmp_path):
    """On a bare host the package that brings the file is not installed yet."""
    result = run(capsys, tmp_path / "oned.conf", PORT, PASSWORD, check=True)
    assert result["changed"] and result["edits"] == ["edit PORT", "edit DB"]
    assert "does not exist yet: the 2 edits will be made once its package is installed" in result["msg"]
    assert "r et" not in str(result)


def test_a_senseless_edit_is_an_error_also_for_a_missing_file_in_check_mode(capsys, tmp_path):
    with pytest.raises(ModuleFailed, match="says nothing about what shall be there"):
        run(capsys, tmp_path / "oned.conf", {"attribute": "A"}, check=True)


def test_a_file_may_be_made(capsys, tmp_path):
    path = tmp_path / "addon-storpoolrc"
    edit = {"attribute": "SP_AUTH_TOKEN", "value": "x y"}
    assert run(capsys, path, edit, create=True, check=True)["changed"] and not path.exists()
    assert run(capsys, path, edit, create=True)["changed"]
    assert path.read_text() == 'SP_AUTH_TOKEN="x y"\n' and stat.S_IMODE(path.stat().st_mode) == 0o640
    assert not run(capsys, path, edit, create=True)["changed"]


@pytest.mark.parametrize(
    "text, says",
    [
        ('PORT = 1\nV = [\n  A = "1"\n  B = 2\n]\n', "line 4, column 3: a comma is missing after the value of A in V"),
        ("", "looks truncated"),
        ("PORT = 1\r\n", "carriage return"),
    ],
)
def test_a_file_that_oned_would_refuse_or_misread_is_left_alone(capsys, conf, text, says):
    conf.write_bytes(text.encode())
    with pytest.raises(ModuleFailed, match=says):
        run(capsys, conf, PORT)
    assert conf.read_bytes() == text.encode() and list(conf.parent.iterdir()) == [conf]


def test_one_impossible_edit_stops_all(capsys, conf):
    with pytest.raises(ModuleFailed, match=r"edit 2 \(DB\): DB is a vector attribute \(line 3\)"):
        run(capsys, conf, PORT, {"attribute": "DB", "value": "x"})
    assert conf.read_text() == TEXT


def test_a_directory_is_no_file(capsys, tmp_path):
    with pytest.raises(ModuleFailed, match="is a directory, wanted a file"):
        run(capsys, tmp_path, PORT, format="opennebula")


def test_without_the_yaml_library_the_package_is_named(capsys, tmp_path, monkeypatch):
    path = tmp_path / "onegate-server.conf"
    path.write_text(":host: x\n")
    monkeypatch.setattr(
        "ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.yaml_positions.HAVE_RUAMEL", False
    )
    with pytest.raises(ModuleFailed, match="ruamel.yaml.*python3-ruamel.yaml"):
        run(capsys, path, {"attribute": ":host", "value": "y"})


def several(capsys, *files, **params):
    entries = [{"path": str(path), "edits": list(edits)} for path, *edits in files]
    return run_module(capsys, one_config, files=entries, **params)


def test_several_files_in_one_run(capsys, conf):
    kvmrc = conf.with_name("kvmrc")
    kvmrc.write_text("#DEFAULT_ATTACH_IO=\n")
    wanted = [(conf, PORT, PASSWORD), (kvmrc, {"attribute": "DEFAULT_ATTACH_IO", "value": "native"})]
    planned = several(capsys, *wanted, check=True)
    assert conf.read_text() == TEXT and len(list(conf.parent.iterdir())) == 2
    done = several(capsys, *wanted)
    assert done["changed"] and done["diff"] == planned["diff"]
    assert [entry["before_header"] for entry in done["diff"]] == [str(conf), str(kvmrc)]
    assert [(file["path"], file["changed"]) for file in done["files"]] == [(str(conf), True), (str(kvmrc), True)]
    assert "r et" not in str(done) and "r et" in conf.read_text()
    assert kvmrc.read_text() == "#DEFAULT_ATTACH_IO=\nDEFAULT_ATTACH_IO=native\n"

    kvmrc.write_text("DEFAULT_ATTACH_IO=threads\n")
    again = several(capsys, *wanted)
    assert [file["changed"] for file in again["files"]] == [False, True]
    assert not several(capsys, *wanted)["changed"]


def test_what_is_wrong_with_several_files_is_told_at_once_and_stops_all(capsys, conf):
    broken = conf.with_name("rank.conf")
    broken.write_text("A = [\n")
    with pytest.raises(ModuleFailed) as caught:
        several(capsys, (conf, PORT), (broken, PORT), (conf.with_name("sched.conf"), PORT), (conf, PORT))
    assert [line.split(":")[0].split(" ")[0] for line in str(caught.value).splitlines()] == [
        str(broken),
        str(conf.with_name("sched.conf")),
        str(conf),
    ]
    assert "named 2 times" in str(caught.value)
    assert conf.read_text() == TEXT


def test_files_of_packages_that_are_not_there_yet(capsys, conf):
    result = several(capsys, (conf, PORT), (conf.with_name("kvmrc"), {"attribute": "A", "value": "b"}), check=True)
    assert [file.get("msg", "").endswith("once its package is installed") for file in result["files"]] == [False, True]
    assert result["changed"] and conf.read_text() == TEXT


@pytest.mark.parametrize(
    "params, says",
    [
        ({}, "one of the following is required: path, files"),
        ({"path": "/x", "edits": [PORT], "files": []}, "mutually exclusive"),
        ({"path": "/x"}, "required by 'path': edits"),
        ({"files": [], "edits": [PORT]}, "mutually exclusive"),
    ],
)
def test_one_file_or_several(capsys, params, says):
    with pytest.raises(ModuleFailed, match=says):
        run_module(capsys, one_config, **params)


def options(spec):
    """What documentation and argument_spec must agree on, in the words of the documentation."""
    return {
        name: {
            "type": option.get("type", "str"),
            "required": option.get("required", False),
            "default": option.get("default"),
            "choices": option.get("choices"),
            "elements": option.get("elements"),
            "suboptions": options(option.get("options") or option.get("suboptions") or {}),
        }
        for name, option in spec.items()
    }


def test_the_documentation_says_what_the_module_takes():
    assert options(yaml.safe_load(one_config.DOCUMENTATION)["options"]) == options(one_config.ARGUMENTS)


def test_the_edits_of_the_guide_make_sense():
    guide = Path(__file__).parents[4] / "docs" / "one_config.md"
    edits = [yaml.safe_load(edit) for edit in re.findall(r"\| `(\{attribute: .*\})` \|", guide.read_text())]
    assert len(edits) >= 15
    for number, edit in enumerate(edits, 1):
        assert edit.keys() <= one_config.EDIT.keys()
        formats = ("opennebula", "shell", "yaml")
        assert any(accepted(number, edit, file_format) for file_format in formats), edit


def accepted(number, edit, file_format):
    try:
        return read_edit(number, edit, file_format)
    except Refused:
        return None


def test_the_examples_run(capsys, tmp_path):
    """Each on a file as the release ships it, in its own words."""
    oned = (
        'PORT = 1\nDB = [ A = "" ]\nTM_MAD = [ ARGUMENTS = "-d ssh" ]\nVM_MAD = [ NAME = "kvm", ARGUMENTS = "kvm" ]\n'
    )
    present = {
        "oned.conf": oned,
        "vmm_execrc": 'LIVE_DISK_SNAPSHOTS="kvm-ssh"\n',
        "vmm_exec_kvm.conf": 'DISK = [ DRIVER = "raw" ]\n',
        "kvmrc": "#DEFAULT_ATTACH_IO=\n",
        "onegate-server.conf": ":host: x\n",
    }
    for name, text in present.items():
        (tmp_path / name).write_text(text)
    for task in yaml.safe_load(one_config.EXAMPLES):
        params = dict(task["kvmcloud.stack.one_config"])
        for file in params.get("files", [params]):
            file["path"] = str(tmp_path / os.path.basename(file["path"]))
        assert run_module(capsys, one_config, **params)["changed"], task["name"]
