# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode of ovirt_resources while no engine answers: an engine that this run would set up is none to be asked, and
any other has to answer. The host's /etc is a copy on top of the machine's; hosted-engine is a double.
"""

from __future__ import annotations

import http.server
import os
import sys
import threading
from pathlib import Path
from typing import Any, Iterator

import pytest
from overlaid_host import OverlaidHost

from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_engine_state import POST_CONF

NOBODY = "http://127.0.0.1:9/ovirt-engine/api"
ENGINES, HOSTED = ["ovirt_engines"], ["ovirt_hosted_engine_hosts"]
SET_UP = """[environment:default]
OVESETUP_ENGINE_CORE/enable=bool:True
OVESETUP_CORE/generatedByVersion=str:4.5.7
OVESETUP_ENGINE_CONFIG/fqdn=str:engine.test
"""
# Deployed, and what it tells of its VM is nothing.
DEPLOYED = '#!/bin/sh\n[ "$1" = --check-deployed ] || { echo "{}"; exit 1; }\n'
UNDEPLOYED = "#!/bin/sh\nexit 1\n"
MISSING = "In an engine that is not there yet: data_centers"
SILENT = f"What is declared inside oVirt cannot be compared: {NOBODY} does not answer as an engine does"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a copy of /etc for itself, so root is needed")


class Starting(http.server.BaseHTTPRequestHandler):
    """Answers as the web server before an engine does that has not started yet."""

    def do_GET(self) -> None:  # noqa: N802
        self.send_error(503)

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture
def host(tmp_path: Path) -> Iterator[OverlaidHost]:
    (tmp_path / "bin").mkdir()
    found = OverlaidHost(tmp_path, tmp_path / "bin", ["/etc"])
    yield found
    found.end()


def check(host: OverlaidHost, groups: list[str], url: str = NOBODY, **more: Any) -> tuple[int, str]:
    variables = {
        "ovirt_engine_fqdn": "engine.test",
        "ovirt_resources_api_url": url,
        "ovirt_resources_api_insecure": True,
        "ovirt_resources_data_centers": [{"name": "dc1"}],
        "ansible_python_interpreter": sys.executable,
        **more,
    }
    changed, said = host.play("ovirt_resources", "main.yml", ["--check"], groups, vars=variables)
    return changed, " ".join(said.replace("\\n", " ").split())


@pytest.mark.parametrize(
    ("groups", "set_up", "hosted_engine", "planned"),
    [
        (ENGINES, False, None, True),
        (ENGINES, True, None, False),
        (HOSTED, False, None, True),
        (HOSTED, False, UNDEPLOYED, True),
        (HOSTED, False, DEPLOYED, False),
        ([], False, None, False),
    ],
    ids=[
        "to be set up here",
        "set up here and down",
        "to be deployed, packages and all",
        "to be deployed",
        "deployed and down",
        "elsewhere",
    ],
)
def test_an_engine_that_does_not_answer(
    host: OverlaidHost, groups: list[str], set_up: bool, hosted_engine: str | None, planned: bool
) -> None:
    if set_up:
        host.write(POST_CONF, SET_UP)
    if hosted_engine:
        program = host.programs / "hosted-engine"
        program.write_text(hosted_engine)
        program.chmod(0o755)
    changed, said = check(host, groups)
    assert changed == (1 if planned else -1), said
    assert (MISSING in said, SILENT in said) == (planned, not planned)
    assert planned or "Connection refused" in said, "the reason is told"


@pytest.mark.parametrize(
    ("groups", "ca"),
    [(ENGINES, "/etc/pki/ovirt-engine/ca.pem"), (HOSTED, "/etc/pki/vdsm/certs/cacert.pem")],
    ids=["engine", "host of a hosted engine"],
)
def test_the_engines_ca_is_where_such_a_host_has_it(host: OverlaidHost, groups: list[str], ca: str) -> None:
    host.write(ca, "no certificate\n")
    _changed, said = check(host, groups, "https://127.0.0.1:9/ovirt-engine/api", ovirt_resources_api_insecure=False)
    assert ca in said and "Connection refused" not in said
    assert "No such file" not in said and "NO_CERTIFICATE_OR_CRL_FOUND" in said, said


def test_a_web_server_without_its_engine_is_no_engine(host: OverlaidHost) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Starting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host.write(POST_CONF, SET_UP)
    changed, said = check(host, ENGINES, f"http://127.0.0.1:{server.server_port}/ovirt-engine/api")
    server.shutdown()
    assert changed == -1 and "does not answer as an engine does" in said and "503" in said
