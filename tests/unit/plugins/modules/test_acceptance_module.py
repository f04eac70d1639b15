# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks against real sockets, files, processes and an XML-RPC server."""

from __future__ import annotations

import os
import pwd
import socket
import threading
import time
import xmlrpc.server
from pathlib import Path
from typing import Any

import pytest
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.module_utils import acceptance_checks
from ansible_collections.kvmcloud.stack.plugins.modules import acceptance, ovirt_export_domain


def run(capsys: Any, *checks: dict[str, Any], check_mode: bool = False) -> list[dict[str, Any]]:
    result = run_module(capsys, acceptance, check=check_mode, checks=list(checks))
    assert result["changed"] is False
    found: list[dict[str, Any]] = result["checks"]
    return found


def one(capsys: Any, **check: Any) -> tuple[bool, str]:
    (found,) = run(capsys, check)
    return found["ok"], found["detail"]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts small programs first into PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def add(name: str, script: str) -> None:
        (folder / name).write_text("#!/bin/sh\n" + script)
        (folder / name).chmod(0o755)

    return add


def test_port(capsys: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert one(capsys, type="port_answers", port=port) == (True, f"127.0.0.1:{port}")
    assert one(capsys, type="port_answers", port=port) == (False, "Connection refused")


def test_wait_gives_a_service_time(capsys: Any) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        timer = threading.Timer(0.5, server.listen)
        timer.start()
        assert one(capsys, type="port_answers", port=port, wait=10)[0]
        timer.join()


def test_path(capsys: Any, tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    owner = pwd.getpwuid(os.geteuid()).pw_name
    assert one(capsys, type="path", path=str(tmp_path), mode="0750", owner=owner, kind="directory")[0]
    assert one(capsys, type="path", path=str(tmp_path / "x")) == (False, "does not exist")


def test_mount(capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: Any) -> None:
    owner = pwd.getpwuid(os.geteuid()).pw_name
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text(
        f"40 22 0:41 / {tmp_path} rw - nfs4 nfs1:/images rw\n41 22 1:3 / /nowhere rw - xfs /dev/x rw\n"
    )
    monkeypatch.setattr(acceptance_checks, "MOUNTINFO", str(mountinfo))
    images = {"type": "mounted", "path": str(tmp_path), "src": "nfs1:/images", "fstype": "nfs"}
    assert one(capsys, **images, owner=owner) == (True, f"nfs4, of {owner}")
    assert one(capsys, **{**images, "path": "/mnt/x"}) == (False, "nothing is mounted there")
    disk = {"type": "mounted", "path": "/nowhere", "fstype": "xfs"}
    assert one(capsys, **disk, src="/dev/null")[1] == "it is mounted and does not answer", "1:3 is /dev/null"
    assert one(capsys, **disk, src="/dev/zero")[1] == "mounted there is /dev/x (xfs)"
    assert one(capsys, **disk, src="/dev/no/such") == (False, "No such file or directory")
    programs("stat", "sleep 30")
    monkeypatch.setattr(acceptance_checks, "MOUNT_SECONDS", 1)
    assert one(capsys, **images) == (False, "stat did not end within 1 s")


ZONE = """<ZONE><ID>0</ID><TEMPLATE/><SERVER_POOL><SERVER><ID>0</ID><NAME>front1</NAME><ENDPOINT>http://f1/RPC2</ENDPOINT>
<STATE>3</STATE><TERM>4</TERM><LOG_INDEX>41</LOG_INDEX><COMMIT>41</COMMIT></SERVER></SERVER_POOL></ZONE>"""


def test_zone(capsys: Any, programs: Any) -> None:
    programs("onezone", f"cat <<'END'\n{ZONE}\nEND\n")
    check = {"type": "opennebula_zone", "expected": ["http://f1/RPC2"]}
    assert one(capsys, **check) == (True, "front1 leads 1")
    programs("onezone", "echo Connection refused")
    ok, detail = one(capsys, **check)
    assert not ok and "expected a zone and found: 'Connection refused'" in detail
    programs("onezone", "echo no leader >&2; exit 255")
    assert one(capsys, **check) == (False, "no leader")


def test_command(capsys: Any, programs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    programs("tool", "echo tool 7.4.0 >&2")
    assert one(capsys, type="command_output", argv=["tool"], contains="7.4") == (True, "tool 7.4.0")
    assert not one(capsys, type="command_output", argv=["no-such-tool"], contains="7.4")[0]
    programs("slow", "sleep 30")
    monkeypatch.setattr(acceptance_checks, "COMMAND_SECONDS", 1)
    assert one(capsys, type="command_output", argv=["slow"], contains="x") == (False, "slow did not end within 1 s")


def test_names(capsys: Any) -> None:
    assert one(capsys, type="names_resolve", names={"localhost": None})[0]
    assert one(capsys, type="names_resolve", names={"no-such-name.invalid": None}) == (
        False,
        "no-such-name.invalid does not resolve",
    )


def test_links(capsys: Any, programs: Any) -> None:
    addresses = '[{"ifname": "br0", "linkinfo": {"info_kind": "bridge"}, "flags": ["UP", "LOWER_UP"], "mtu": 1500}]'
    programs("ip", f"case $* in *address*) echo '{addresses}';; *) echo '[]';; esac")
    up, wrong = {"bridges": [{"name": "br0"}]}, {"bridges": [{"name": "br0", "addresses": ["10.0.0.1/16"]}]}
    assert one(capsys, type="links", network=up) == (True, "br0")
    assert one(capsys, type="links", network=wrong) == (False, "10.0.0.1/16 is not on br0")
    programs("ip", "echo no such thing >&2; exit 1")
    assert one(capsys, type="links", network=up) == (False, "no such thing")


def test_the_clock_is_read_before_the_checks(capsys: Any, programs: Any) -> None:
    programs("slow", "sleep 1; echo ok")
    before = time.time()
    check = {"type": "command_output", "argv": ["slow"], "contains": "ok"}
    result = run_module(capsys, acceptance, checks=[check])
    assert before <= result["epoch"] < before + 0.9


class Oned(threading.Thread):
    def __init__(self, answer: list[Any]) -> None:
        super().__init__(daemon=True)
        self.server = xmlrpc.server.SimpleXMLRPCServer(("127.0.0.1", 0), logRequests=False)
        self.sessions: list[str] = []

        def version(session: str) -> list[Any]:
            self.sessions.append(session)
            return answer

        self.server.register_function(version, "one.system.version")
        self.start()

    def run(self) -> None:
        self.server.serve_forever()


def test_api(capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    auth = tmp_path / "one_auth"
    auth.write_text("oneadmin:secret\n")
    oned = Oned([True, "7.4.0", 0])
    check = {"type": "opennebula_api", "auth_file": str(auth), "release": "7.4"}
    url = f"http://127.0.0.1:{oned.server.server_address[1]}/RPC2"
    assert one(capsys, url=url, **check) == (True, "release 7.4.0")
    assert oned.sessions == ["oneadmin:secret"]
    oned.server.shutdown()
    oned.server.server_close()
    assert one(capsys, url=url, **check) == (False, "Connection refused")
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        monkeypatch.setattr(acceptance_checks, "API_SECONDS", 1)
        ok, detail = one(capsys, url=f"http://127.0.0.1:{frozen.getsockname()[1]}/RPC2", **check)
        assert not ok and "timed out" in detail
    assert not one(capsys, type="opennebula_api", url=url, auth_file=str(tmp_path / "none"))[0]


@pytest.mark.parametrize(("version", "ok"), [("OpenNebula 7.4.0", False), ("OpenNebula 7.4.0 (emulated)", True)])
def test_datastores_that_the_emulator_does_not_measure(capsys: Any, programs: Any, version: str, ok: bool) -> None:
    inside = "<NAME>v</NAME><TYPE>1</TYPE><TOTAL_MB>0</TOTAL_MB><TM_MAD>storpool</TM_MAD>"
    programs("onedatastore", f"echo '<P><DATASTORE>{inside}</DATASTORE></P>'")
    programs("oned", f"echo '{version}'")
    (found,) = run(capsys, {"type": "opennebula_datastores", "expected": ["v"]})
    assert found["ok"] is ok


POOL = "<HOST_POOL><HOST><NAME>node1</NAME><STATE>2</STATE><TEMPLATE/></HOST></HOST_POOL>"


@pytest.mark.parametrize(
    ("version", "emulated"), [("OpenNebula 7.4.0", False), ("OpenNebula 7.4.0 (emulated)", True), (None, False)]
)
def test_an_emulated_opennebula_marks_what_it_says(
    capsys: Any, programs: Any, version: str | None, emulated: bool
) -> None:
    programs("onehost", f"echo '{POOL}'")
    if version:
        programs("oned", f"echo '{version}'")
    hosts, other, marked = run(
        capsys,
        {"type": "opennebula_hosts", "expected": ["node1"]},
        {"type": "names_resolve", "names": {"localhost": None}},
        {"type": "names_resolve", "names": {"localhost": None}, "opennebula": True},
    )
    assert (hosts["ok"], hosts["emulated"]) == (True, emulated)
    assert (other["emulated"], marked["emulated"]) == (False, emulated)
    (forced,) = run(capsys, {"type": "names_resolve", "names": {"localhost": None}, "emulated": True})
    assert forced["emulated"]


@pytest.mark.parametrize("stream", ["1", "2"])
def test_errors_of_the_commands_are_told(capsys: Any, programs: Any, stream: str) -> None:
    """5.12 prints errors on standard output, later releases on standard error."""
    programs("onedatastore", f"echo 'Failed to open TCP connection to localhost:2633' >&{stream}; exit 255")
    assert one(capsys, type="opennebula_datastores") == (False, "Failed to open TCP connection to localhost:2633")


VIRSH = """
echo "$@" >> {log}
case "$*" in
  *"list --name") echo acceptance-old; echo one-5;;
  *create*) {create};;
  *domstate*) echo {state};;
esac
"""


@pytest.mark.parametrize(
    ("create", "state", "ok", "detail"),
    [
        (":", "running", True, "type qemu"),
        (":", "crashed", False, "the guest is crashed after its start"),
        ("echo 'error: no KVM' >&2; exit 1", "x", False, "error: no KVM"),
    ],
)
def test_guest_is_always_removed(
    capsys: Any, programs: Any, tmp_path: Path, create: str, state: str, ok: bool, detail: str
) -> None:
    log = tmp_path / "log"
    programs("virsh", VIRSH.format(log=log, create=create, state=state))
    programs("runuser", 'shift 3; exec "$@"')
    assert one(capsys, type="libvirt_domain", domain_type="qemu") == (ok, detail)
    calls = [line.split("qemu:///system ")[1] for line in log.read_text().splitlines()]
    assert calls[1] == "destroy acceptance-old", "what a killed run left is removed, guests of others are not"
    assert calls[-1].startswith("destroy acceptance-")
    assert not any("one-5" in call for call in calls)


def test_check_mode_starts_no_guest(capsys: Any, programs: Any, tmp_path: Path) -> None:
    programs("virsh", f"touch {tmp_path}/called")
    (found,) = run(capsys, {"type": "libvirt_domain"}, check_mode=True)
    assert found["skipped"] and not (tmp_path / "called").exists()


def test_login(capsys: Any, programs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    programs(
        "ssh",
        'case "$*" in "-G lax") echo "stricthostkeychecking accept-new";; -G*) echo "stricthostkeychecking true";; '
        '*StrictHost*) exit 9;; *BatchMode=yes*"node1 true") exit 0;; *) echo refused >&2; exit 255;; esac',
    )
    user = pwd.getpwuid(os.geteuid()).pw_name
    assert one(capsys, type="ssh_login", user=user, hosts=["node1"]) == (True, "1 hosts")
    assert one(capsys, type="ssh_login", user=user, hosts=["node1", "node2"]) == (False, "node2: refused")
    ok, detail = one(capsys, type="ssh_login", user=user, hosts=["node1", "lax"])
    assert not ok and detail.startswith("lax: its host key is not checked")
    assert one(capsys, type="ssh_login", user="no-such-user", hosts=["node1"]) == (
        False,
        "the user no-such-user does not exist",
    )


def test_a_check_without_its_options_is_an_error_of_the_play(capsys: Any) -> None:
    with pytest.raises(ModuleFailed, match="'port_answers' needs port"):
        run(capsys, {"type": "port_answers"})


@pytest.mark.skipif(os.geteuid() != 0, reason="files are given to user 36, so root is needed")
def test_storage_domains_of_ovirt(capsys: Any, tmp_path: Path) -> None:
    check = {"type": "ovirt_domain", "path": str(tmp_path / "export")}
    assert one(capsys, **check) == (False, "there is no domain")
    made = run_module(capsys, ovirt_export_domain, path=check["path"], remote_path="nfs1:/export")
    assert one(capsys, **check) == (True, made["uuid"])
    metadata = tmp_path / "export" / made["uuid"] / "dom_md/metadata"
    metadata.write_text(metadata.read_text() + "X=1\n")
    ok, detail = one(capsys, **check)
    assert not ok and "vdsm refuses the domain" in detail
