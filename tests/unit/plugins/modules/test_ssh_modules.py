# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ssh_identity and ssh_trust with the real ssh-keygen, for a user whose home is a temporary directory."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.modules import ssh_identity, ssh_trust

pytestmark = [
    pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="the OpenSSH client is not installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="the modules set owners, so root is needed"),
]
UID, GID = 12345, 12346


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    genuine = pwd.getpwnam

    def getpwnam(name: str) -> pwd.struct_passwd:
        if name == "oneadmin":
            return pwd.struct_passwd(("oneadmin", "x", UID, GID, "", str(tmp_path / "home"), "/bin/sh"))
        return genuine(name)

    (tmp_path / "home").mkdir()
    host_key = tmp_path / "ssh_host_ed25519_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(host_key)], check=True)
    monkeypatch.setattr(pwd, "getpwnam", getpwnam)
    monkeypatch.setattr(ssh_identity, "HOST_KEYS", str(tmp_path / "ssh_host_*_key.pub"))
    return tmp_path / "home"


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the modules of this test warned of; Ansible itself keeps the warnings of a process in one heap."""
    told: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, text: told.append(text))
    return told


def state(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid


def test_pair_is_made_once(home: Path, capsys: Any) -> None:
    predicted = run_module(capsys, ssh_identity, check=True)
    assert predicted["changed"] and predicted["public_keys"] == []
    assert not (home / ".ssh").exists()

    made = run_module(capsys, ssh_identity)
    assert made["changed"] and made["key_file"] == str(home / ".ssh/id_ed25519") == predicted["key_file"]
    assert made["public_keys"] == [(home / ".ssh/id_ed25519.pub").read_text().strip()]
    assert made["host_keys"] == predicted["host_keys"]
    assert len(made["host_keys"][0].split()) == 2, "host keys come without comments"
    assert state(home / ".ssh") == (0o700, UID, GID)
    assert state(home / ".ssh/id_ed25519") == (0o600, UID, GID)
    assert state(home / ".ssh/id_ed25519.pub") == (0o644, UID, GID)
    assert "PRIVATE KEY" not in str(made), "the private half is in no result and in no diff"

    again = run_module(capsys, ssh_identity)
    assert not again["changed"] and again["public_keys"] == made["public_keys"]


def test_pair_of_the_packages_is_used(home: Path, capsys: Any) -> None:
    (home / ".ssh").mkdir()
    path = home / ".ssh/id_rsa"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-N", "", "-C", "x", "-f", str(path)], check=True)
    public = path.with_suffix(".pub").read_text().split()[:2]
    path.with_suffix(".pub").unlink()
    path.chmod(0o640)
    result = run_module(capsys, ssh_identity)
    assert result["public_keys"][0].split()[:2] == public, "a lost public half is derived from the private one"
    assert state(path) == (0o600, UID, GID)
    assert not (home / ".ssh/id_ed25519").exists()
    assert not run_module(capsys, ssh_identity)["changed"]


def test_passphrase_is_refused(home: Path, capsys: Any) -> None:
    (home / ".ssh").mkdir()
    path = home / ".ssh/id_rsa"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-N", "secret", "-f", str(path)], check=True)
    with pytest.raises(ModuleFailed, match="has a passphrase, so oneadmin cannot log in anywhere unattended"):
        run_module(capsys, ssh_identity)


@pytest.mark.parametrize("module", [ssh_identity, ssh_trust])
def test_links_are_refused(home: Path, capsys: Any, module: Any, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (home / ".ssh").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModuleFailed, match="is a symbolic link"):
        run_module(capsys, module)
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("module", [ssh_identity, ssh_trust])
def test_user_that_does_not_exist_yet(home: Path, capsys: Any, module: Any) -> None:
    assert run_module(capsys, module, check=True, user="no-such-user")["changed"]
    with pytest.raises(ModuleFailed, match="no-such-user does not exist; install the package"):
        run_module(capsys, module, user="no-such-user")


def test_trust_from_identity_to_identity(home: Path, capsys: Any) -> None:
    own = run_module(capsys, ssh_identity)
    (home / ".ssh/config").write_text("Host *\n  StrictHostKeyChecking accept-new\n")
    (home / ".ssh/config").chmod(0o644)
    wanted = [{"names": ["node1"], "host_keys": own["host_keys"], "public_keys": own["public_keys"]}]
    predicted = run_module(capsys, ssh_trust, check=True, identities=wanted)
    assert not (home / ".ssh/authorized_keys").exists()
    result = run_module(capsys, ssh_trust, identities=wanted)
    assert result["diff"] == predicted["diff"]
    assert [Path(path).name for path in result["files"]] == ["authorized_keys", "known_hosts", "config"]
    assert state(home / ".ssh/authorized_keys") == (0o600, UID, GID)
    assert state(home / ".ssh/known_hosts") == (0o600, UID, GID)
    assert state(home / ".ssh/config") == (0o644, UID, GID)
    assert (home / ".ssh/authorized_keys").read_text().strip() == own["public_keys"][0]
    assert (home / ".ssh/known_hosts").read_text() == f"node1 {own['host_keys'][0]}\n"
    assert not run_module(capsys, ssh_trust, identities=wanted)["changed"]

    assert run_module(capsys, ssh_trust, revoked_keys=own["public_keys"])["changed"]
    assert (home / ".ssh/authorized_keys").read_text() == ""


def test_hosts_left_out_of_the_run_are_named_when_a_key_changed(home: Path, capsys: Any, warnings: list[str]) -> None:
    """Under --limit node1, the others do not learn of node1's new key, nor does node1 learn theirs."""

    def trust(identities: list[dict[str, Any]], check: bool = False, **more: Any) -> list[str]:
        warnings.clear()
        run_module(capsys, ssh_trust, check=check, identities=identities, left_out=["front1", "node2"], **more)
        return list(warnings)

    own = run_module(capsys, ssh_identity)
    node1 = {"names": ["node1"], "host_keys": own["host_keys"], "public_keys": own["public_keys"]}
    for check in (True, False):
        (warning,) = trust([node1], check)
        assert warning.startswith("Not part of this run: front1, node2. They do not learn") and "--limit" in warning
    assert trust([node1]) == [], "nothing changed: nothing to tell"
    host_key = home.parent / "ssh_host_ed25519_key"
    host_key.unlink()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", host_key], check=True)
    node1["host_keys"] = run_module(capsys, ssh_identity)["host_keys"]
    assert trust([node1]), "a changed host key"
    node1["public_keys"] = [node1["host_keys"][0] + " new"]
    assert trust([node1]), "a new key of oneadmin"
    assert trust([], revoked_keys=node1["public_keys"]), "a key that the others still let in"
    assert trust([]) == []


def test_damaged_key_changes_nothing(home: Path, capsys: Any) -> None:
    wanted = [{"names": ["node1"], "host_keys": ["ssh-ed25519 AAAA"], "public_keys": []}]
    with pytest.raises(ModuleFailed, match="is damaged"):
        run_module(capsys, ssh_trust, identities=wanted)
    assert not (home / ".ssh").exists()
