"""The emulated services beside oned: real ports, real configuration files, and no start with a bad one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from emulator_replay import BYTE_CODE, EMULATOR, Machine, free_port, port_open  # noqa: E402

PROGRAM = """import sys
sys.path.insert(0, {library!r})
from one_emulator.services.daemon import main
sys.exit(main({name!r}))
"""

# service -> its file, the line that names the port, the port it listens on by default
SERVICES = [
    ("fireedge", "fireedge-server.conf", "port: 2616", "7.4.0"),
    ("flow", "oneflow-server.conf", ":port: 2474", "7.4.0"),
    ("gate", "onegate-server.conf", "  :port: 5030", "7.4.0"),
    ("gate", "onegate-server.conf", ":port: 5030", "6.10.0"),
    ("sunstone", "sunstone-server.conf", ":port: 9869", "6.10.0"),
    ("novnc", "sunstone-server.conf", ":vnc_proxy_port: 29876", "6.10.0"),
]


@pytest.fixture
def machine(tmp_path):
    def make(release):
        made = Machine(release, tmp_path)
        made.prepare()
        return made

    return make


def start(machine, name):
    environment = {**machine.environment(), "PATH": os.environ["PATH"]}
    return subprocess.Popen(
        [sys.executable, *BYTE_CODE, "-I", "-c", PROGRAM.format(library=str(EMULATOR), name=name)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(("name", "conf", "line", "release"), SERVICES)
def test_service_listens_where_its_file_says(machine, name, conf, line, release):
    machine, port = machine(release), free_port()
    text = (machine.root / "etc/one" / conf).read_text(encoding="utf-8")
    assert f"{line}\n" in text
    machine.edit(conf, lambda text: text.replace(f"{line}\n", f"{line.rpartition(' ')[0]} {port}\n"))
    service = start(machine, name)
    try:
        deadline = time.monotonic() + 10
        while not port_open(port) and time.monotonic() < deadline and service.poll() is None:
            time.sleep(0.05)
        assert port_open(port)
        service.send_signal(signal.SIGTERM)
        assert service.wait(10) == 0
    finally:
        service.kill()
        service.communicate()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda text: text + "this is garbage\n", "could not find expected ':'"),
        (lambda text: text.replace(":port: 2474", ":port: many"), "many is no port"),
        (lambda text: text.replace(":one_xmlrpc: http://localhost:2633/RPC2\n", ""), ":one_xmlrpc is missing"),
        (lambda text: text.replace(":host: 127.0.0.1", ':host: "127.0.0.1'), "unexpected end of a quoted value"),
        (lambda text: text.replace(":log:", " :log:"), "mapping values are not allowed"),
        (lambda text: text.replace(":host: 127.0.0.1", ":host: 192.0.2.1"), "Cannot assign requested address"),
    ],
)
def test_service_does_not_start_with_a_bad_file(machine, damage, words):
    machine = machine("7.4.0")
    machine.edit("oneflow-server.conf", damage)
    service = start(machine, "flow")
    _, complaint = service.communicate(timeout=20)
    assert service.returncode == 1
    assert words in complaint


def test_the_bind_key_of_onegate_depends_on_the_release(machine, tmp_path):
    """`:host` until 7.2, `:server: :bind` from 7.3.80; the other form has no effect."""
    machine = machine("7.4.0")
    machine.edit("onegate-server.conf", lambda text: text + ":host: 192.0.2.1\n")
    port = free_port()
    machine.edit("onegate-server.conf", lambda text: text.replace(":port: 5030", f":port: {port}"))
    service = start(machine, "gate")
    try:
        deadline = time.monotonic() + 10
        while not port_open(port) and time.monotonic() < deadline and service.poll() is None:
            time.sleep(0.05)
        assert port_open(port)
    finally:
        service.kill()
        service.communicate()
