"""Emulated oneds as servers of one zone on this machine, made and joined as an administrator would by hand."""

from __future__ import annotations

import re
import shutil
import sqlite3
import time
from xml.etree import ElementTree

from emulator_replay import Machine, Record

PROBE = "onezone rename 0 OpenNebula"  # any change: is passed on once the leader is known
TIMES = {"ELECTION_TIMEOUT_MS": 1000, "BROADCAST_TIMEOUT_MS": 200}


def until(condition, seconds=25.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


class Zone:
    """Servers on this machine, made and joined as an administrator would by hand."""

    def __init__(self, release, root):
        self.release, self.root, self.machines = release, root, {}

    def make(self, name):
        machine = Machine(self.release, self.root / name)
        machine.root.mkdir()
        machine.prepare()
        for key, value in TIMES.items():
            self.set(machine, key, value)
        self.machines[name] = machine
        return machine

    def endpoint(self, name):
        return f"http://127.0.0.1:{self.machines[name].port}/RPC2"

    def run(self, name, line, files=None):
        machine = self.machines[name]
        return machine.run(Record(self.release, "", 0, line.split(), {}, files or {}, None, 0, "", ""))

    def add(self, through, name):
        return self.run(through, f"onezone server-add 0 --name {name} --rpc {self.endpoint(name)}")

    def give_id(self, name, number):
        self.set(self.machines[name], "SERVER_ID", number)

    @staticmethod
    def set(machine, key, value):
        machine.edit(
            "oned.conf", lambda text: re.sub(rf'^(\s*{key}\s*= )"[-\d]+"', rf'\g<1>"{value}"', text, flags=re.M)
        )

    def seed(self, source, name):
        """What backup and restore come to."""
        with sqlite3.connect(self.machines[source].root / "var/lib/one/one.db") as database:
            target = self.machines[name].root / "var/lib/one/one.db"
            with sqlite3.connect(target) as copy:
                database.backup(copy)
        for file in ("sunstone_auth", "oneflow_auth", "onegate_auth"):
            shutil.copy(
                self.machines[source].root / f"var/lib/one/.one/{file}", self.machines[name].root / "var/lib/one/.one"
            )

    def found(self):
        first = self.make("one")
        assert first.start()
        assert self.add("one", "one").rc == 0
        first.stop()
        self.give_id("one", 0)
        assert first.start()
        assert until(lambda: self.states("one") == {"one": "3"})

    def join(self, name, number):
        self.make(name)
        assert self.add("one", name).rc == 0
        self.seed("one", name)
        self.give_id(name, number)
        assert self.machines[name].start()
        assert until(lambda: self.indexes("one")[name] == self.indexes("one")["one"] and self.run(name, PROBE).rc == 0)

    def servers(self, asked):
        answer = self.run(asked, "onezone show -x 0")
        assert answer.rc == 0, answer.stderr
        pool = ElementTree.fromstring(answer.stdout).find("SERVER_POOL")
        return {s.findtext("NAME"): {key.tag: key.text for key in s} for s in pool}

    def states(self, asked):
        return {name: server["STATE"] for name, server in self.servers(asked).items()}

    def indexes(self, asked):
        return {name: server["LOG_INDEX"] for name, server in self.servers(asked).items()}

    def leader(self, asked):
        return next((name for name, state in self.states(asked).items() if state == "3"), None)

    def rows(self, name, statement):
        with sqlite3.connect(self.machines[name].root / "var/lib/one/one.db") as database:
            return database.execute(statement).fetchall()
