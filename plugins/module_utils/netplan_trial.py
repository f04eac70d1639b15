# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tries a network configuration on the host itself, and takes it back when nobody says that it works.

This file is also a program of its own: the module netplan lays a copy of it below /run, where systemd starts it, once
to apply the trial and once, by a timer, to roll it back. So it imports nothing but Python's own library, and needs
neither the connection nor the process that laid it there.

The trial lives below /run, where its files shadow those of /etc: a host that is restarted in the middle of it comes up
as it was. Whether a trial is confirmed or rolled back is decided by one rename of the file `armed`, which one of them
only can win. The directory is the lock: there is one trial at a time, until it came to its end.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from typing import Any, Callable, Iterator, Mapping, Sequence

TRIAL = "/run/kvmcloud-netplan"
LAST = f"{TRIAL}.last"  # the trial that came to its end last, either way
ARMED, CONFIRMING, ROLLING_BACK, APPLIED = "armed", "confirming", "rolling-back", "applied"
RECORD, PROGRAM = "trial.json", "trial.py"
# What the controller missed when it looked last, and what the host itself saw before it took all back.
LOOKED, FOUND = "looked", "found"
# Why it could not be kept, and what could not be done after it was.
UNKEPT, UNFINISHED = "unkept", "unfinished"
LOOKS = (
    ("ip", "-brief", "address", "show"),
    ("ip", "route", "show"),
    ("timeout", "2", "networkctl", "--no-pager", "list"),
)
COMMAND_SECONDS = 120
LEASE_SECONDS = 5  # for addresses by DHCP to come, before they are asked for once more
RETURN_SECONDS = 10  # for the former addresses to be back, before stronger means are tried
KEEP_SECONDS = 2  # in which the daemons drop addresses of others, after netplan has ended
ASK_SECONDS = 0.5  # for an answer to an ARP probe, of which there are two
ARP = 0x0806
BACKENDS = ("systemd-networkd.service", "NetworkManager.service")

Run = Callable[..., "tuple[int, str]"]
Wait = Callable[[float], None]
Asked = Sequence["tuple[str, str, str]"]  # device, its MAC address, the address in question
Ask = Callable[[Asked], "set[str]"]


def run(argv: Sequence[str], seconds: float = COMMAND_SECONDS) -> tuple[int, str]:
    """Return code and all output; a command that hangs or is not there must not end the rollback."""
    try:
        done = subprocess.run(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return 1, str(error)
    return done.returncode, done.stdout.decode("utf-8", "replace")


def now() -> float:
    """Seconds since boot: no clock that is set meanwhile can lengthen or shorten a trial."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def decide(trial: str, verdict: str) -> bool:
    """Whether it is this verdict that the trial ends with."""
    try:
        os.rename(os.path.join(trial, ARMED), os.path.join(trial, verdict))
    except FileNotFoundError:
        return os.path.exists(os.path.join(trial, verdict))  # a former attempt at the same, which was cut off
    return True


def record_of(trial: str) -> dict[str, Any] | None:
    try:
        with open(os.path.join(trial, RECORD), encoding="utf-8") as stream:
            found: dict[str, Any] = json.load(stream)
            return found
    except FileNotFoundError:
        return None


def write(path: str, text: str, mode: int = 0o600) -> None:
    beside = f"{path}.new"
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)
        os.fchmod(stream.fileno(), mode)
    os.replace(beside, path)


@contextlib.contextmanager
def alone(trial: str, name: str) -> Iterator[dict[str, Any] | None]:
    """The record of this trial, or None where it is over; a rollback waits for an apply that is still at work."""
    with contextlib.ExitStack() as held:
        record = None
        with contextlib.suppress(FileNotFoundError):  # the directory may vanish at any moment
            lock = held.enter_context(open(os.path.join(trial, "lock"), "w", encoding="utf-8"))
            fcntl.flock(lock, fcntl.LOCK_EX)
            record = record_of(trial)
        yield record if record is not None and record["id"] == name else None


def answered(asked: Asked) -> set[str]:
    """Addresses that other hosts have, by an ARP probe (RFC 5227): it names no sender, so nobody learns from it."""
    found: set[str] = set()
    own = {device: _mac(mac) for device, mac, _address in asked}
    with contextlib.suppress(OSError), socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ARP)) as wire:
        for _probe in range(2):
            for device, _text, address in asked:
                there = socket.inet_aton(address)
                question = struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, own[device], b"", b"", there)
                with contextlib.suppress(OSError):  # a link that is down has nobody to ask
                    wire.sendto(question, (device, ARP, 0, 0, b"\xff" * 6))
            end = time.monotonic() + ASK_SECONDS
            while time.monotonic() < end:
                wire.settimeout(max(0.01, end - time.monotonic()))
                with contextlib.suppress(socket.timeout):
                    answer, sender = wire.recvfrom(128)
                    if len(answer) >= 28 and answer[8:14] not in own.values():
                        claimed = socket.inet_ntoa(answer[14:18])
                        found |= {one for device, _text, one in asked if (device, one) == (sender[0], claimed)}
    return found


def _mac(text: str) -> bytes:
    try:
        return bytes.fromhex(text.replace(":", ""))
    except ValueError:
        return b""  # of a tunnel, which has another kind of address, and nobody to ask


def apply(name: str, trial: str = TRIAL, run: Run = run, wait: Wait = time.sleep, ask: Ask = answered) -> int:
    with alone(trial, name) as record:
        if record is None or not os.path.exists(os.path.join(trial, ARMED)):
            return 0
        for path, (text, mode) in record["files"].items():
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            write(path, text, mode)
        for command in record["before"]:
            run(["ip", *command])
        make_anew(record, run)
        returncode, output = run(["netplan", "apply"], max(1, record["deadline"] - now()))
        if returncode == 0:
            for command in record["after"]:
                run(["ip", *command])  # mostly done by then
        answer = {"returncode": returncode, "output": output.strip(), "at": now()}
        write(os.path.join(trial, APPLIED), json.dumps(answer))
        if returncode == 0:
            put_back(record["kept"], run, ask)
            ask_again(record["leased"], run, wait)
            keep(record["kept"], run, wait, ask)
    return rollback(name, trial, run) if returncode else 0


def make_anew(record: Mapping[str, Any], run: Run) -> None:
    """systemd-networkd remembers a VLAN that was deleted, and makes it with its former id whatever its file says by
    then; only its restart makes it forget.
    """
    if record["anew"]:
        run(["netplan", "generate"])
        run(["systemctl", "restart", "systemd-networkd.service"])


def keep(kept: list[Any], run: Run, wait: Wait, ask: Ask) -> None:
    for _look in range(int(KEEP_SECONDS / 0.5) if kept else 0):
        wait(0.5)
        put_back(kept, run, ask)


def put_back(kept: list[Any], run: Run, ask: Ask) -> None:
    """Addresses that others put on links: netplan has its daemons set up all their links anew, which drops them. What
    another host answers for has moved there meanwhile, and leaves the list.
    """
    present = {link.get("ifname"): link for link in _read(run, "-details", "address", "show")} if kept else {}
    here = {one.get("local") for link in present.values() for one in link.get("addr_info", [])}
    gone = [one for one in kept if one[0] in present and one[1].split("/")[0] not in here]
    asked = [
        (device, present[device].get("address", ""), address.split("/")[0])
        for device, address, described in gone
        if not described and ":" not in address and len(_mac(present[device].get("address", ""))) == 6
    ]
    elsewhere = ask(asked) if asked else set()
    for one in gone:
        if one[1].split("/")[0] in elsewhere:
            kept.remove(one)
        else:
            run(["ip", "address", "add", one[1], "dev", one[0]])


def ask_again(leased: Sequence[str], run: Run, wait: Wait) -> None:
    """`netplan apply` has systemd-networkd configure a new link twice. It may then drop the address that the first
    lease brought after it took the same one from the second, and wait for ever (version 252, about one move in ten).
    """
    lacking = list(leased)
    for _look in range(int(LEASE_SECONDS / 0.5)):
        present = {link.get("ifname"): link for link in _read(run, "address", "show")} if lacking else {}
        lacking = [
            name
            for name in lacking
            if not any(
                one.get("family") == "inet" and one.get("dynamic") for one in present.get(name, {}).get("addr_info", [])
            )
        ]
        if not lacking:
            return
        wait(0.5)
    for name in lacking:
        run(["networkctl", "reconfigure", name])


def rollback(name: str, trial: str = TRIAL, run: Run = run, wait: Wait = time.sleep, ask: Ask = answered) -> int:
    with alone(trial, name) as record:
        if record is None or not decide(trial, ROLLING_BACK):
            return 0
        with contextlib.suppress(OSError):  # a full disk must not keep the host cut off
            write(os.path.join(trial, FOUND), "".join(run(command)[1] for command in LOOKS))
        for path in record["files"]:
            if os.path.exists(path):
                os.unlink(path)
        for command in record["undo"]:
            run(["ip", *command])
        make_anew(record, run)
        run(["netplan", "apply"])
        restore(record["saved"], run, wait, ask)
        run(["systemctl", "stop", f"{unit_of(name, 'rollback')}.timer"])
        forget(trial)
    return 0


def unit_of(name: str, action: str) -> str:
    """Each trial has its own: one that is left over must not end another's."""
    return f"kvmcloud-netplan-{name}-{action}"


def forget(trial: str) -> None:
    """The trial is over, and remembered for a controller that comes back late."""
    last = f"{trial}.last"
    shutil.rmtree(last, ignore_errors=True)
    os.rename(trial, last)


def restore(saved: Mapping[str, Any], run: Run, wait: Wait, ask: Ask) -> None:
    """See that what the host had before is there again; each means is stronger than the one before."""
    for name, values in saved["links"].items():
        # What netplan has no word for any more, it leaves as the trial made it.
        run(["ip", "link", "set", "dev", name, "mtu", str(values["mtu"])])
        if values["bridge"]:
            run(["ip", "link", "set", "dev", name, "type", "bridge", *values["bridge"]])
        if values["master"] is None:
            run(["ip", "link", "set", "dev", name, "nomaster"])
        if not values["up"]:
            run(["ip", "link", "set", "dev", name, "down"])
    if not returned(saved, run, wait, ask):
        for unit in BACKENDS:
            if run(["systemctl", "is-active", "--quiet", unit])[0] == 0:
                run(["systemctl", "restart", unit])
        if not returned(saved, run, wait, ask):
            for command in missing(saved, run):
                run(["ip", *command])
    keep(saved["foreign"], run, wait, ask)


def returned(saved: Mapping[str, Any], run: Run, wait: Wait, ask: Ask) -> bool:
    for _look in range(int(RETURN_SECONDS / 0.5)):
        put_back(saved["foreign"], run, ask)  # routes may need them
        if not missing(saved, run):
            return True
        wait(0.5)
    return False


def missing(saved: Mapping[str, Any], run: Run) -> list[list[str]]:
    """What is not there of what was saved, as the commands that would bring it back."""
    present = {link.get("ifname"): link for link in _read(run, "-details", "address", "show")}
    routes = {
        (route.get("dst"), hop.get("gateway"), hop.get("dev"))
        for family in ("-4", "-6")
        for route in _read(run, family, "route", "show")
        for hop in route.get("nexthops") or [route]
    }
    commands = []
    for name, values in saved["links"].items():
        link = present.get(name, {})
        if ("UP" in link.get("flags", [])) != values["up"]:
            commands.append(["link", "set", "dev", name, "up" if values["up"] else "down"])
        if link.get("master") != values["master"]:
            commands.append(
                ["link", "set", "dev", name, *(["master", values["master"]] if values["master"] else ["nomaster"])]
            )
        found = {f"{one.get('local')}/{one.get('prefixlen')}" for one in link.get("addr_info", [])}
        commands += [["address", "add", one, "dev", name] for one in values["addresses"] if one not in found]
    for to, via, device in saved["routes"]:
        if (to, via, device) not in routes:
            commands.append(["route", "add", to, "via", via, "dev", device])
    return commands


def _read(run: Run, *arguments: str) -> list[dict[str, Any]]:
    returncode, output = run(["ip", "-json", *arguments])
    try:
        found: list[dict[str, Any]] = json.loads(output or "[]") if returncode == 0 else []
    except ValueError:
        return []
    return found


if __name__ == "__main__":
    _program, action, wanted = sys.argv
    raise SystemExit({"apply": apply, "rollback": rollback}[action](wanted))
