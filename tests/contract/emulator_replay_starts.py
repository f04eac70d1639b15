"""Replays captured starts of oned with changed configuration files against the emulated oned.

The cases of a release follow one another on one machine and share its database, as they did when they were captured.
The emulated oned reads OpenNebula's own configuration here, so that lines and columns in messages can be compared.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from emulator_replay import CONTRACT, Machine, Record, remove
from emulator_replay_masks import mask

# Where the captured changes belong.
CHANGED = {
    "diff_oned": "oned.conf",
    "diff_monitord": "monitord.conf",
    "diff_kvm": "vmm_exec/vmm_exec_kvm.conf",
    "diff_execrc": "vmm_exec/vmm_execrc",
}
# Datastores that had been made on the machine before the first case.
MADE_BEFORE = {"6.10.0": 0, "7.4.0": 2}
PATIENCE = 3.0
OVERLOADED = "captured while the machine was overloaded; the same case was captured again"
EXCLUSIONS = {
    ("7.4.0", 0): OVERLOADED,
    ("7.4.0", 3): OVERLOADED,
    ("6.10.0", 20): OVERLOADED,
    ("6.10.0", 27): "the wording of the help is OpenNebula's own",
    ("7.4.0", 15): "the wording of the help is OpenNebula's own",
}
# Cases of which only the start is compared, not the commands after it.
COMMANDS_EXCLUDED = {("6.10.0", 32): "lists a datastore whose creation was not captured"}


@dataclass
class Start:
    """How one start went: `running` with an open port, hanging without one, or ended with `rc`."""

    rc: int | None
    up: bool
    stdout: str
    stderr: str
    stopped: str
    commands: list


def cases(release):
    text = (CONTRACT / release / "oned_conf_tests.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def wanted(case):
    stopped = re.sub(r" in [\d.]+s| for \d+s", "", case["stop"])
    commands = [(c["cmd"], c["rc"], _masked(c["stdout"]), _masked(c["stderr"])) for c in case["cmds"]]
    rc, up = case["exited_rc"], case["xmlrpc_up_after"] is not None
    return Start(rc, up, _masked(case["stdout"]), _masked(case["stderr"]), stopped, _without_sleeps(commands))


def _without_sleeps(commands):
    return [command for command in commands if not command[0].startswith("sleep")]


def _masked(text):
    # sizes: whether a datastore was measured already depends on the moment
    return re.sub(r"(?m) +(\d+M|<SIZE>) +-? *(?=\d)", " <SIZE> ", mask(text))


class Starts:
    """The machine on which the cases of a release are tried one after the other."""

    def __init__(self, release, root):
        self.machine = Machine(release, root)
        self.machine.prepare()
        self.pristine = {
            name: (CONTRACT / release / "etc" / Path(name).name).read_text(encoding="utf-8")
            for name in CHANGED.values()
        }
        self._restore()
        if MADE_BEFORE[release]:
            self._make_datastores(MADE_BEFORE[release])

    def _make_datastores(self, count):
        assert self.machine.start()
        for number in range(count):
            template = f"NAME=before{number}\nDS_MAD=fs\nTM_MAD=ssh\n"
            self._command("onedatastore create /tmp/t.tmpl", template)
            self._command(f"onedatastore delete before{number}", None)
        self.machine.stop()

    def _restore(self):
        for name, text in self.pristine.items():
            self._write(name, text)
        self.machine.write_auth("oneadmin:replay-of-captures")
        (self.machine.root / "var/lock/one/one").unlink(missing_ok=True)

    def _write(self, name, text):
        path = self.machine.root / "etc/one" / name
        remove(path) if path.is_dir() else path.unlink(missing_ok=True)
        # a port of the same length leaves the columns of the messages as they were
        path.write_text(text.replace("PORT = 2633", f"PORT = {self.machine.port}"), encoding="utf-8")

    def _prepare(self, case):
        self._restore()
        for key, name in CHANGED.items():
            if case[key]:
                self._write(name, apply_diff(self.pristine[name], case[key]))
        etc = self.machine.root / "etc/one"
        special = {
            "conf_missing": lambda: (etc / "oned.conf").unlink(),
            "conf_unreadable": lambda: self._make_unreadable(etc / "oned.conf"),
            "vmm_exec_kvm_missing": lambda: (etc / "vmm_exec/vmm_exec_kvm.conf").unlink(),
            "no_one_auth": lambda: (self.machine.root / "var/lib/one/.one/one_auth").unlink(),
            "one_auth_changed": lambda: self.machine.write_auth("oneadmin:changed-after-bootstrap"),
            "lockfile_present": lambda: (self.machine.root / "var/lock/one/one").touch(),
        }
        special.get(case["case"], lambda: None)()

    @staticmethod
    def _make_unreadable(path):
        """To root every file is readable; a directory is to nobody."""
        path.unlink()
        path.mkdir()

    def try_case(self, case):
        self._prepare(case)
        option = {"help": "-h", "version": "-v", "bad_option": "--nosuch"}.get(case["case"], "-f")
        process = self.machine.launch(option)
        # a start that never opens its port is given up sooner than one that has to
        up = self.machine.serves(PATIENCE)
        commands = [self._answer(command) for command in case["cmds"]] if up else []
        stopped, rc = self._stop(process, up)
        stdout, stderr = process.communicate()
        return Start(rc, up, _masked(stdout), _masked(stderr), stopped, _without_sleeps(commands))

    @staticmethod
    def _stop(process, up):
        if process.poll() is not None:
            return "not running", process.returncode
        process.terminate()
        try:
            return f"SIGTERM -> rc {process.wait(8 if up else 1.5)}", None
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return "SIGTERM ignored; SIGKILL used", None

    def _answer(self, captured):
        answer = self._command(captured["cmd"], captured["template"])
        return captured["cmd"], answer.rc, _masked(answer.stdout), _masked(answer.stderr)

    def _command(self, line, template):
        words = shlex.split(line)
        if words[0] == "sleep":
            words = ["onedatastore", "--help"]
        files = {}
        if template is not None:
            files["cap/t.tmpl"] = template
            words = ["cap/t.tmpl" if word == "/tmp/t.tmpl" else word for word in words]
        return self.machine.run(Record(self.machine.release, "conf", 0, words, {}, files, None, 0, "", ""))


def apply_diff(text, diff):
    """Apply a unified diff without context to a text."""
    lines = text.splitlines(keepends=True)
    result, position = [], 0
    for hunk in re.split(r"(?m)^(?=@@ )", diff)[1:]:
        head, *body = hunk.splitlines(keepends=True)
        start, removed = re.match(r"@@ -(\d+)(?:,(\d+))? ", head).groups()
        first = int(start) - (0 if removed == "0" else 1)
        result += lines[position:first]
        position = first + sum(1 for line in body if line.startswith("-"))
        result += [line[1:] for line in body if line.startswith("+")]
    return "".join(result + lines[position:])
