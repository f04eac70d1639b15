# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.ssh_trust import (
    Identity,
    TrustError,
    check_identities,
    edited_authorized_keys,
    edited_config,
    edited_known_hosts,
    parse_key,
    private_key_is_encrypted,
)

ED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBTjQS0Fhf1K8wOBV98sRLWc3WoFy46BpNfP/wV4E027"
ED2 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH1JwRI4lsTb9y1AV8jYVlAAlqTV+AIEnxmJ/3kw5FJM"
EC = (
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBJAQK9ZfaMCAex/DasI0ZYsCL5p8c5rUJ+qpuK5"
    "H8OCED8unJyZS4pmFlGDskQ5RAwOdcQ2KL6nXpdBQ1N7boCA="
)
needs_ssh = pytest.mark.skipif(not shutil.which("ssh"), reason="the OpenSSH client is not installed")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ssh-ed25519",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        ED + "\n" + EC,
        'from="*" ' + ED,
        ED.replace("ssh-ed25519", "ssh-rsa"),  # says one type outside and another inside
        "ssh-ed25519 AAAA",
    ],
)
def test_what_is_no_public_key_is_refused(line: str) -> None:
    with pytest.raises(TrustError):
        parse_key(line)


@pytest.mark.parametrize(
    ("before", "keys", "revoked", "after"),
    [
        pytest.param("", [ED + " a@b"], [], ED + " a@b\n", id="empty file"),
        pytest.param(f"# mine\n{EC} me", [ED], [], f"# mine\n{EC} me\n{ED}\n", id="others' lines stay"),
        pytest.param(
            f"{ED} old comment\n", [ED + " new comment"], [], f"{ED} old comment\n", id="comments do not matter"
        ),
        pytest.param(
            f'from="10.0.0.1",no-pty {ED} x\n', [ED], [], f'from="10.0.0.1",no-pty {ED} x\n', id="options stay"
        ),
        pytest.param(f"# {ED}\n", [ED], [], f"# {ED}\n{ED}\n", id="commented out is not there"),
        pytest.param(f"{ED} x\n{EC} y\n", [], [ED], f"{EC} y\n", id="revoked"),
        pytest.param(f'command="x" {ED} x\n', [ED], [ED + " gone"], "", id="revoked wins, whatever its options"),
        pytest.param(f"{EC}", [], [], f"{EC}", id="nothing to do keeps even the missing newline"),
        pytest.param("", [ED, ED + " twice"], [], ED + "\n", id="the same key twice"),
    ],
)
def test_authorized_keys(before: str, keys: list[str], revoked: list[str], after: str) -> None:
    assert edited_authorized_keys(before, keys, revoked) == after
    assert edited_authorized_keys(after, keys, revoked) == after


def identity(names: str, *keys: str) -> Identity:
    (result,) = check_identities([{"names": names.split(), "host_keys": list(keys), "public_keys": []}])
    return result


NODE = identity("node1 10.0.0.11", ED, EC)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("", f"node1,10.0.0.11 {ED}\nnode1,10.0.0.11 {EC}\n", id="empty file"),
        pytest.param(
            f"other {ED2} c\n# x\n",
            f"other {ED2} c\n# x\nnode1,10.0.0.11 {ED}\nnode1,10.0.0.11 {EC}\n",
            id="others stay",
        ),
        pytest.param(f"node1 {ED2}\n", f"node1,10.0.0.11 {ED}\nnode1,10.0.0.11 {EC}\n", id="stale key goes"),
        pytest.param(
            f"node1,printer {ED2}\n",
            f"printer {ED2}\nnode1,10.0.0.11 {ED}\nnode1,10.0.0.11 {EC}\n",
            id="stale key of a shared line",
        ),
        pytest.param(
            f"NODE1 {ED} c\n10.0.0.11 {EC}\n",
            f"NODE1 {ED} c\n10.0.0.11 {EC}\n10.0.0.11 {ED}\nnode1 {EC}\n",
            id="lines that fit stay as they are",
        ),
        pytest.param(f"node1 {ED}\nnode1 {ED}\n", f"node1 {ED}\n10.0.0.11 {ED}\nnode1,10.0.0.11 {EC}\n", id="twice"),
        pytest.param(
            f"@revoked node1 {ED2}\n[node1]:2222 {ED2}\n",
            f"@revoked node1 {ED2}\n[node1]:2222 {ED2}\nnode1,10.0.0.11 {ED}\nnode1,10.0.0.11 {EC}\n",
            id="marked lines and other ports stay",
        ),
        pytest.param(
            f"* {ED2}\nnode?,!node1 {ED2}\n10.0.0.* {ED}\n",
            f"*,!node1,!10.0.0.11 {ED2}\nnode?,!node1 {ED2}\n10.0.0.* {ED}\n"
            f"node1,10.0.0.11 {ED}\nnode1,10.0.0.11 {EC}\n",
            id="patterns hold for others",
        ),
        pytest.param(
            "|1|rubbish line\n", f"|1|rubbish line\nnode1,10.0.0.11 {ED}\nnode1,10.0.0.11 {EC}\n", id="rubbish stays"
        ),
    ],
)
def test_known_hosts(before: str, after: str) -> None:
    assert edited_known_hosts(before, [NODE]) == after
    assert edited_known_hosts(after, [NODE]) == after


def test_an_identity_without_host_keys_changes_no_host_key() -> None:
    assert edited_known_hosts(f"node1 {ED2}\n", [identity("node1")]) == f"node1 {ED2}\n"


@needs_ssh
def test_hashed_entries_are_found_like_ssh_finds_them(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"node1 {ED2}\nother {ED2}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(path)], check=True, capture_output=True)
    assert "node1" not in path.read_text()
    path.write_text(edited_known_hosts(path.read_text(), [NODE]))

    def known(name: str) -> list[str]:
        command = ["ssh-keygen", "-F", name, "-f", str(path)]
        shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return [" ".join(line.split()[1:3]) for line in shown.splitlines() if not line.startswith("#")]

    assert known("node1") == known("10.0.0.11") == [ED, EC]
    assert known("other") == [ED2]


UPSTREAM = "# the packages' own\nHost *\n  StrictHostKeyChecking accept-new\n  ControlMaster no\n"


@pytest.mark.parametrize(
    "before",
    [UPSTREAM, "", "Include lax.conf\n", "Host *\n  UserKnownHostsFile none\n"],
    ids=["packages", "none", "Include", "no file"],
)
def test_config_gets_a_block_whatever_else_it_says(before: str) -> None:
    """What an Include, or /etc/ssh, lets through is not in the file."""
    after = edited_config(before, ["node1"])
    assert after.startswith("# BEGIN") and "Host node1\n  StrictHostKeyChecking yes\n" in after
    assert after.endswith(before)
    assert edited_config(after, ["node1"]) == after


def test_without_names_there_is_no_block() -> None:
    assert edited_config(UPSTREAM, []) == UPSTREAM


def test_a_limited_run_keeps_the_names_of_the_others() -> None:
    after = edited_config(edited_config(UPSTREAM, ["node2", "front1"]), ["node1"])
    assert "Host front1 node1 node2\n" in after
    assert after.count("# BEGIN") == 1


@needs_ssh
def test_a_pattern_means_no_pinned_host_to_ssh_itself(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(edited_known_hosts(f"* {ED2}\n", [NODE]))

    def keys(name: str) -> str:
        return subprocess.run(
            ["ssh-keygen", "-F", name, "-f", str(path)], check=True, capture_output=True, text=True
        ).stdout

    assert ED2 not in keys("node1") and ED in keys("node1")
    assert ED2 in keys("elsewhere")


@needs_ssh
def test_ssh_itself_is_strict_for_our_hosts_and_as_before_for_others(tmp_path: Path) -> None:
    path = tmp_path / "config"

    def effective(name: str) -> dict[str, str]:
        command = ["ssh", "-G", "-F", str(path), name]
        shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return dict(line.split(" ", 1) for line in shown.splitlines() if " " in line)

    path.write_text("ServerAliveInterval 17\n" + UPSTREAM)
    before = effective("elsewhere")
    path.write_text(edited_config(path.read_text(), ["node1"]))
    assert effective("elsewhere") == before
    ours = effective("node1")
    assert ours["stricthostkeychecking"] == "true"
    assert ours["serveraliveinterval"] == "17"
    assert before["stricthostkeychecking"] == "accept-new"


def test_one_name_with_two_hosts_is_a_contradiction() -> None:
    entries: list[dict[str, Any]] = [
        {"names": ["a", "node1"], "host_keys": [ED], "public_keys": []},
        {"names": ["NODE1"], "host_keys": [EC], "public_keys": []},
    ]
    with pytest.raises(TrustError, match="node1 is the name of two hosts"):
        check_identities(entries)
    with pytest.raises(TrustError, match="is no host name"):
        check_identities([{"names": ["a *"], "host_keys": [ED], "public_keys": []}])


@needs_ssh
@pytest.mark.parametrize("form", [[], ["-m", "PEM", "-t", "rsa"]])
@pytest.mark.parametrize("passphrase", ["", "a long one"])
def test_passphrases_are_noticed(form: list[str], passphrase: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", *form, "-N", passphrase, "-f", str(path)], check=True, capture_output=True)
    assert private_key_is_encrypted(path.read_text()) is bool(passphrase)
