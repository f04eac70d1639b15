"""Replays captured sessions of the real command line against the emulated one, in a temporary root, as any user.

A session is a sequence: what a record answers depends on the records before it. The captures were taken on two
machines per release, each with a new database: `SESSIONS` says which files follow one another on one machine.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

EMULATOR = Path(__file__).resolve().parents[1] / "lab/emulator"
SHARED = Path(__file__).resolve().parents[2].parent / "shared"
CONTRACT = SHARED / "contract/opennebula"
RELEASES = ("6.10.0", "7.4.0")
# For tests of the emulator by itself, which changes rarely, and of whole modules on it: CI's tier takes the current
# release. What planners make of the captures is tested with both.
BY_TIER = (pytest.param("6.10.0", marks=pytest.mark.full), "7.4.0")
SESSIONS = (
    ("zone_user", "datastore", "cluster", "auth", "hook", "host", "vnet", "secgroup", "vm"),
    ("json", "hook2", "vnet2", "timing", "auth2"),
    ("down",),
)
PID_FILE = "run/one/oned.pid"
PASSWORD = "replay-of-captures"
# compiled once, and not beside the sources
BYTE_CODE = ("-X", f"pycache_prefix={Path(__file__).resolve().parents[2] / '.cache/emulator-bytecode'}")


@dataclass
class Record:
    """One captured command: what was called and what the real program answered."""

    release: str
    source: str
    number: int
    argv: list
    env: dict
    files: dict
    stdin: str | None
    rc: int
    stdout: str
    stderr: str
    note: str = ""
    user: str = ""

    @property
    def name(self):
        return f"{self.source}#{self.number}"

    @property
    def command(self):
        return self.argv[0]

    @property
    def verb(self):
        return next((word for word in self.argv[1:] if not word.startswith("-")), "")


def records(release, source):
    path = CONTRACT / release / "cli" / f"{source}.jsonl"
    if not path.exists():
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        captured = json.loads(line)
        fields = {key: captured.get(key) for key in ("argv", "env", "files", "stdin", "rc", "stdout", "stderr")}
        yield Record(
            release, source, number, **fields, note=captured.get("note") or "", user=captured.get("user") or ""
        )


@dataclass
class Answer:
    rc: int
    stdout: str
    stderr: str


@dataclass
class Machine:
    """The files of an emulated front-end below `root`, its daemon, and a way to run its commands."""

    release: str
    root: Path
    port: int = 0
    process: subprocess.Popen | None = None

    def prepare(self):
        sys.path.insert(0, str(EMULATOR))
        try:
            import build
            import deb

            for package in build.definitions(self.release):
                deb.lay_out(package, self.root)
        finally:
            sys.path.remove(str(EMULATOR))
        for directory in ("var/lock/one", "run/one", "var/log/one", "var/lib/one/.one", "work/cap", "home"):
            (self.root / directory).mkdir(parents=True, exist_ok=True)
        self.write_auth(f"oneadmin:{PASSWORD}")
        self.port = free_port()
        self.edit("oned.conf", lambda text: text.replace("PORT = 2633", f"PORT = {self.port}", 1))
        # hosts are probed when they are made or enabled, never in between: the captures do not show such a moment
        self.edit("monitord.conf", lambda text: re.sub(r"BEACON_HOST(\s*)= \"30\"", r'BEACON_HOST\1= "9999"', text))
        # as on the machine of the captures, no host can be reached
        ssh = self.root / "bin/ssh"
        ssh.parent.mkdir()
        ssh.write_text("#!/bin/sh\necho 'ssh: Could not resolve hostname' >&2\nexit 255\n", encoding="ascii")
        ssh.chmod(0o755)

    def write_auth(self, text):
        auth = self.root / "var/lib/one/.one/one_auth"
        auth.write_text(text + "\n", encoding="utf-8")
        auth.chmod(0o600)

    def edit(self, name, change):
        path = self.root / "etc/one" / name
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")

    def environment(self):
        return {
            "PATH": f"{self.root}/bin:{os.environ['PATH']}",
            "LANG": "C.UTF-8",
            "HOME": str(self.root / "home"),
            "ONE_EMULATOR_ROOT": str(self.root),
            "ONE_EMULATOR_RELEASE": self.release,
            "ONE_XMLRPC": f"http://localhost:{self.port}/RPC2",
        }

    # -- the daemon ---------------------------------------------------------------------------------------------

    def launch(self, *arguments):
        (self.root / PID_FILE).unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [
                sys.executable,
                *BYTE_CODE,
                "-I",
                "-c",
                RUN.format(library=str(EMULATOR), module="oned", arguments=["oned", *arguments]),
            ],
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return self.process

    def start(self, seconds=20.0):
        """Start oned and wait until it serves; False if it ended or did not open its port in time."""
        self.launch("-f")
        return self.serves(seconds)

    def serves(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            # the file is written once the port is open: another daemon's port is not taken for this one's
            if (self.root / PID_FILE).exists() and port_open(self.port):
                return True
            time.sleep(0.05)
        return False

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def settle(self, seconds=20.0):
        """Wait until every host that can be probed was: the captures were taken seconds after one another."""
        listing = Record(self.release, "", 0, ["onehost", "list", "-x"], {}, {}, None, 0, "", "")
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            hosts = re.findall(r"<STATE>(\d)</STATE>.*?<IM_MAD><!\[CDATA\[(\w+)", self.run(listing).stdout, re.DOTALL)
            if not any(state == "0" and driver != "nosuch" for state, driver in hosts):
                return
            time.sleep(0.2)

    # -- commands -----------------------------------------------------------------------------------------------

    def install(self, folder, names, log=None):
        """The commands as programs in a folder of their own; with a log, every call adds its words to it as a line."""
        folder.mkdir()
        note = f"print(*sys.argv, file=open({str(log)!r}, 'a'))\n" if log else ""
        for name in names:
            program = RUN_COMMAND.replace("{name!r}", repr(name)).replace("{arguments!r}", "sys.argv[1:]")
            text = program.format(library=str(EMULATOR)).replace("sys.exit(", note + "sys.exit(", 1)
            (folder / name).write_text(f"#!{sys.executable} -IS\n{text}", encoding="utf-8")
            (folder / name).chmod(0o755)

    def run(self, record):
        for path, content in (record.files or {}).items():
            (self.root / "work" / path).write_text(content, encoding="utf-8")
        environment = self.environment()
        for key, value in (record.env or {}).items():
            if value is None:
                environment.pop(key, None)
            else:
                environment[key] = value.replace(":2633/", f":{self.port}/")
        if record.command == "oned":
            program = RUN.format(library=str(EMULATOR), module="oned", arguments=record.argv)
        else:
            program = RUN_COMMAND.format(library=str(EMULATOR), name=record.command, arguments=record.argv[1:])
        argv = [sys.executable, *BYTE_CODE, "-I", "-S", "-c", program]
        done = subprocess.run(
            argv,
            cwd=self.root / "work",
            env=environment,
            input=record.stdin.encode() if record.stdin is not None else None,
            stdin=subprocess.DEVNULL if record.stdin is None else None,
            capture_output=True,
            check=False,
            timeout=60,
        )
        return Answer(
            done.returncode,
            done.stdout.decode("utf-8", "surrogateescape"),
            done.stderr.decode("utf-8", "surrogateescape"),
        )


RUN = """import sys
sys.path.insert(0, {library!r})
from one_emulator.{module} import main
sys.exit(main({arguments!r}))
"""
RUN_COMMAND = RUN.replace("{module}", "cli.main").replace("main({arguments!r})", "main({name!r}, {arguments!r})")


# Processes that replay at the same time begin at different places, threads of one share the iterator.
_PORTS = iter(range(3000 + os.getpid() * 37 % 6000, 9999))
_PORTS_GUARD = threading.Lock()


def free_port():
    """A free port of four digits, as long as the real one: tables are laid out by the length of what is in them."""
    with _PORTS_GUARD:
        for port in _PORTS:
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
                return port
    raise RuntimeError("no free port below 10000 is left")


def port_open(port):
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def remove(root):
    shutil.rmtree(root, ignore_errors=True)
