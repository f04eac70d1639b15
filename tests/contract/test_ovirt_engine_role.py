# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role ovirt_engine, from its answers to the pinned CA, on doubles of rpm, engine-setup and engine-backup: there is
no engine. /etc, /run and others of the process are copies on top of the machine's, so nothing of it is changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any, Iterator

import ovirt_doubles
import pytest
from overlaid_host import OverlaidHost
from ovirt_engine_stand_in import StandIn

from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_engine_state import POST_CONF

PASSWORD = "pa%ss 'w\"d#;=7"
FQDN = "engine.test"
VARIABLES: dict[str, Any] = {
    "ovirt_engine_fqdn": FQDN,
    "ovirt_engine_admin_password": PASSWORD,
    "ovirt_engine_organization": "Example & Co; 100%",
    "ovirt_engine_health_timeout": 5,
    "ansible_python_interpreter": sys.executable,
}

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="mounts copies of /etc and others for itself, so root is needed"
)


class Engine:
    """A host of an engine: its doubles, and its own /etc, /run, /var/lib and /var/log."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.double = folder / "double"
        ovirt_doubles.install(self.double, "engine-setup", "engine-backup")
        self.host = OverlaidHost(folder, self.double / "bin", ["/etc", "/run", "/var/lib", "/var/log"])

    def calls(self, program: str) -> list[str]:
        text = (self.double / "calls").read_text() if (self.double / "calls").exists() else ""
        return [line for line in text.splitlines() if line.startswith(program + " ")]

    def run(self, *options: str, tasks: str = "engine.yml", **variables: Any) -> tuple[int, str]:
        proxy = {"http_proxy": f"http://127.0.0.1:{self.port}"}  # whatever name the engine has, this answers for it
        known = {**VARIABLES, "ovirt_engine_ca_file": str(self.folder / "ca.pem"), **variables}
        return self.host.play("ovirt_engine", tasks, options, vars=known, environment=proxy)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    server = StandIn("", "")  # for the engine's page of health
    host = Engine(tmp_path, server.server_port)
    (host.double / "version").write_text("4.5.7")
    yield host
    assert not host.host.path("/run/kvmcloud.stack/engine-secrets.conf").exists(), "a file of secrets was left"
    host.host.end()
    server.shutdown()
    for said in host.host.told:
        assert PASSWORD not in said and json.dumps(PASSWORD)[1:-1] not in said, "a secret was printed"
    assert not any(PASSWORD in call for call in host.calls("engine-setup")), "a secret was in a command line"
    if (host.double / "argv").exists():  # of all processes, while it ran
        seen = json.loads((host.double / "argv").read_text())
        assert seen["found"] == 0 and seen["processes"] > 3


@pytest.mark.full
def test_set_up_once_upgraded_after_a_backup(engine: Engine) -> None:
    changed, said = engine.run("--check", "--diff")
    assert changed > 0 and not engine.calls("engine-setup"), said
    changed, said = engine.run("--diff")
    assert changed > 0, said
    assert "127.0.0.1: [ INFO  ] Stage: Misc configuration" in said or "[ INFO  ] Stage: Misc configuration" in said
    (call,) = engine.calls("engine-setup")
    assert call.split()[1:] == [
        "--accept-defaults",
        "--config-append=/var/lib/kvmcloud.stack/engine-answers.conf:/run/kvmcloud.stack/engine-secrets.conf",
        "--offline",
    ]
    seen = json.loads((engine.double / "answers").read_text())
    assert seen["OVESETUP_CONFIG/adminPassword"] == hashlib.sha256(f"str:{PASSWORD}".encode()).hexdigest()
    assert seen["OVESETUP_PKI/organization"] == "str:Example & Co; 100%"
    assert (engine.folder / "ca.pem").read_text().startswith("-----BEGIN")
    assert not engine.calls("engine-backup")

    for options in ((), ("--check",)):
        changed, said = engine.run(*options)
        assert changed == 0 and len(engine.calls("engine-setup")) == 1, said

    (engine.double / "version").write_text("4.5.8")
    changed, said = engine.run()
    assert changed > 0 and len(engine.calls("engine-setup")) == 2, said
    assert [call.split()[1:3] for call in engine.calls("engine-backup")] == [["--mode=backup", "--scope=all"]]

    engine.host.write("/etc/pki/ovirt-engine/ca.pem", "another\n")
    changed, said = engine.run()
    assert changed == -1 and "The engine has another CA than" in said
    assert engine.run(ovirt_engine_ca_replace=True)[0] == 1, "the CA, and nothing else after the upgrade"


def test_a_setup_that_fails_leaves_no_secret_and_is_repeated(engine: Engine) -> None:
    (engine.double / "break").touch()
    changed, said = engine.run()
    assert changed == -1
    assert "engine-setup ended with status 1." in said and "psql says no to ********" in said
    assert re.search(r"Its log is /var/log/ovirt-engine/setup/ovirt-engine-setup-\d+-double\.log", said)
    (engine.double / "break").unlink()
    assert engine.run()[0] > 0


def test_status_0_is_not_enough(engine: Engine) -> None:
    (engine.double / "pretend").touch()
    changed, said = engine.run()
    assert changed == -1 and "says that it succeeded, but the file that it writes at its end does not say" in said


def test_bad_variables_end_before_setup_and_are_all_told(engine: Engine) -> None:
    changed, said = engine.run(
        ovirt_engine_fqdn="localhost.localdomain",
        ovirt_engine_admin_password=PASSWORD + "\nx",
        ovirt_engine_grafana_admin_password="blank ",
        ovirt_engine_extra_answers={"OVESETUP_AIO/configure": True, "OVESETUP_DWH_CORE/enable": "no"},
    )
    assert changed == -1 and not engine.calls("engine-setup")
    for words in (
        "names every host itself",
        "adminPassword: the value has a line break",
        "OVESETUP_GRAFANA_CONFIG/adminPassword: the value ends with a blank",
        "OVESETUP_AIO/configure: oVirt 4.5.7 knows no such answer",
        "'no' as text is true to otopi",
    ):
        assert words in said.replace("''", "'"), words


def test_a_database_of_another_version(engine: Engine) -> None:
    post = "OVESETUP_ENGINE_CORE/enable=bool:True\nOVESETUP_CORE/generatedByVersion=str:4.5.9\n"
    engine.host.write(POST_CONF, f"[environment:default]\n{post}")
    changed, said = engine.run()
    assert changed == -1 and "older. A database is never taken" in said and not engine.calls("engine-setup")
    assert "Engine is healthy" not in said, "the run went on"


@pytest.mark.full
def test_a_setup_that_outlives_the_run_is_taken_up_by_the_next(engine: Engine) -> None:
    (engine.double / "wait").touch()
    for _attempt in range(2):  # the second looks after what the first has begun
        changed, said = engine.run(ovirt_engine_setup_timeout=1)
        assert changed == -1 and "is left running" in said and len(engine.calls("engine-setup")) == 1, said
    (engine.double / "wait").unlink()
    output = engine.host.path("/var/lib/kvmcloud.stack/engine-setup")
    deadline = time.monotonic() + 30
    while not (output / "status").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    changed, said = engine.run()
    assert changed > 0 and len(engine.calls("engine-setup")) == 1 and "Stage: Misc configuration" in said, said
    assert not output.exists(), "what it printed, which may quote a secret, is left on the host"
    assert not engine.calls("engine-backup") and engine.run()[0] == 0


def test_an_engine_that_was_set_up_by_hand_is_taken_as_it_is(engine: Engine) -> None:
    enabled = "OVESETUP_ENGINE_CORE/enable=bool:True\nOVESETUP_CORE/generatedByVersion=str:4.5.7\n"
    post = f"[environment:default]\n{enabled}OVESETUP_ENGINE_CONFIG/fqdn=str:{FQDN}\n"
    engine.host.write(POST_CONF, post)
    engine.host.write("/etc/pki/ovirt-engine/ca.pem", "ca\n")
    changed, said = engine.run()
    assert changed == 1 and not engine.calls("engine-setup"), said  # the CA on the controller


@pytest.mark.full
def test_an_engine_from_a_backup(engine: Engine) -> None:
    enabled = "OVESETUP_ENGINE_CORE/enable=bool:True\nOVESETUP_CORE/generatedByVersion=str:4.5.7\n"
    backup = f"[environment:default]\n{enabled}OVESETUP_ENGINE_CONFIG/fqdn=str:{FQDN}\n"
    restored = {"tasks": "restore.yml", "ovirt_engine_restore_file": "/var/lib/engine.backup"}
    changed, said = engine.run(tasks="restore.yml")
    assert changed == -1 and "Say which backup on this host is restored" in said
    changed, said = engine.run(**restored)
    assert changed == -1 and "does not exist" in said and not engine.calls("engine-setup")

    engine.host.write("/var/lib/engine.backup", backup)
    (engine.double / "break").touch()
    changed, said = engine.run(**restored)
    assert changed == -1 and "engine-setup ended with status 1." in said
    assert "--provision-all-databases" in engine.calls("engine-backup")[-1]
    (engine.double / "break").unlink()
    changed, said = engine.run(**restored)
    assert changed > 0 and len(engine.calls("engine-setup")) == 2, said
    assert len(engine.calls("engine-backup")) == 2, "restored once"
    changed, said = engine.run(**restored)
    assert changed == -1 and "a restore would overwrite it" in said
    assert engine.run()[0] == 0
