"""Starts the driver processes that oned.conf names and waits for their INIT message, as oned does."""

import os
import select
import shlex
import subprocess
import time

from .log import write
from .paths import real

MADS = "/usr/lib/one/mads"
INIT_SECONDS = 10
# section of oned.conf, module in the log, what it is called there
SECTIONS = [
    ("HM_MAD", "HKM", "hook_exe"),
    ("VM_MAD", "VMM", None),
    ("TM_MAD", "TrM", "transfer_exe"),
    ("DATASTORE_MAD", "ImM", "image_exe"),
    ("MARKET_MAD", "MKP", "market_exe"),
    ("IPAM_MAD", "IPM", "ipam_exe"),
    ("AUTH_MAD", "AuM", "auth_exe"),
    ("IM_MAD", "InM", "monitord"),
]


class DriverProblem(Exception):
    """A driver did not start. `hangs`: oned does not end after it but waits for ever."""

    def __init__(self, text, hangs):
        super().__init__(text)
        self.hangs = hangs


class Drivers:
    def __init__(self, conf, release):
        self.conf, self.release = conf, release
        self.running = []

    def start(self):
        for section, module, name in SECTIONS:
            vectors = self.conf.vectors(section)
            if section == "HM_MAD" and not vectors:
                write("HKM", "I", "Failed to load Hook Manager driver.")
                write("ONE", "E", "Could not load driver")
                raise DriverProblem("no HM_MAD in oned.conf", hangs=False)
            if section != "VM_MAD":
                vectors = vectors[:1]  # of two TM_MAD sections the first is used
            self._check_names(section, vectors)
            for vector in vectors:
                self._start(module, name or vector.get("NAME", ""), vector)

    def _check_names(self, section, vectors):
        names = [vector.get("NAME") for vector in vectors]
        for name in names:
            if section == "VM_MAD" and names.count(name) > 1:
                write("VMM", "E", f"\tDriver already exists, name: {name}")
                write("ONE", "E", "Could not load driver")
                raise DriverProblem(f"two VM_MAD of one NAME {name}", self.release.hangs_on_duplicate_vm_mad)

    def _start(self, module, name, vector):
        executable = vector.get("EXECUTABLE", "")
        path = executable if executable.startswith("/") else f"{MADS}/{executable}"
        write(module, "I", f"Loading driver: {name}")
        if not os.access(real(path), os.X_OK):
            write(module, "E", f"File not exists: {path}")
            self._fail(name, "Error starting driver, No such file or directory", hangs=True)
        # oned gives a driver a process group of its own
        process = subprocess.Popen(
            [real(path), *shlex.split(vector.get("ARGUMENTS", ""))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.running.append(process)
        answer = _init(process)
        if answer is None:
            self._fail(name, "Driver initialization time out", self.release.crashes_on_bad_start)
        if not answer.startswith("INIT SUCCESS"):
            self._fail(name, "Driver initialization failed", self.release.crashes_on_bad_start)
        write(module, "I", f"\tDriver loaded: {name}")

    @staticmethod
    def _fail(name, text, hangs):
        write("DrM", "E", f"Unable to start driver '{name}': {text}")
        raise DriverProblem(text, hangs)

    def stop(self):
        for process in self.running:
            process.stdin.close()
        deadline = time.monotonic() + 2
        for process in self.running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _init(process):
    """The driver's answer to INIT, an empty one if it died, None if it stayed silent."""
    try:
        process.stdin.write(b"INIT - - -\n")
        process.stdin.flush()
    except OSError:
        return ""
    if not select.select([process.stdout], [], [], INIT_SECONDS)[0]:
        return None
    return process.stdout.readline().decode("ascii", "replace")
