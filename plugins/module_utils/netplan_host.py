# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of the live host: reads what is planned from, asks netplan for its opinion, starts and ends trials."""

from __future__ import annotations

import contextlib
import glob
import inspect
import json
import os
import re
import shutil
import sys
import tempfile
import time
import uuid
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils import file_switch, netplan_trial, network_profiles
from ansible_collections.kvmcloud.stack.plugins.module_utils.netplan_files import (
    NETWORK_MANAGER,
    NETWORKD,
    OWN,
    Described,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.netplan_trial import (
    APPLIED,
    ARMED,
    CONFIRMING,
    FOUND,
    LAST,
    LOOKED,
    PROGRAM,
    RECORD,
    TRIAL,
    UNFINISHED,
    UNKEPT,
    unit_of,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_profiles import (
    Profile,
    is_profile,
    parse_loaded,
    parse_profile,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_state import (
    READ_LINKS,
    READ_ROUTES,
    LiveState,
    parse_state,
)

ETC, RUN = "/etc/netplan", "/run/netplan"
INTERFACES = "/etc/network/interfaces"
IFCFG = "/etc/sysconfig/network-scripts"
ETC_NETWORKD, RUN_NETWORKD = "/etc/systemd/network", "/run/systemd/network"
NETWORKD_PLACES = (ETC_NETWORKD, RUN_NETWORKD)  # those of distributions, in /usr/lib, are for what nothing else is for
ELSEWHERE = (network_profiles.ETC_PROFILES,)  # whose files change together with those of netplan
PROFILES = (network_profiles.ETC_PROFILES, network_profiles.RUN_PROFILES, network_profiles.LIB_PROFILES)
# In the order in which netplan lets one shadow the other.
DIRECTORIES = (RUN, ETC, "/lib/netplan")
START_SECONDS = 1  # in which the answer of the module that starts a trial reaches the controller
OVERDUE_SECONDS = 60  # after which a trial that should have ended by itself has nobody left who would end it
NOTHING = b"network: {version: 2}\n"


class NetplanError(Exception):
    """The text is a sentence."""


class NoRoom(Exception):
    """Why a network that works is not kept."""


class Unfinished(NetplanError):
    """The new network is there to stay."""


class NetplanHost:
    def __init__(self, module: Any) -> None:
        self.module = module

    # -- reading -----------------------------------------------------------------------------------------------------

    def state(self) -> LiveState:
        return parse_state(self._read(READ_LINKS), *(self._read(command) for command in READ_ROUTES))

    def _read(self, command: Sequence[str]) -> str:
        returncode, out, err = self.module.run_command(list(command))
        if returncode:
            raise NetplanError(f"{' '.join(command)} failed: {(err or out).strip()}")
        return str(out)

    def files(self, parse: Any) -> dict[str, Described]:
        """By name the file that netplan reads, with its document; what is shadowed is not among them."""
        found: dict[str, Described] = {}
        for directory in DIRECTORIES:
            for path in sorted(glob.glob(os.path.join(directory, "*.yaml"))):
                name = os.path.basename(path)
                if name not in found:
                    found[name] = Described(path, self._document(path, parse))
        return found

    def _document(self, path: str, parse: Any) -> Any:
        try:
            with open(path, encoding="utf-8") as stream:
                return parse(stream.read())
        except (OSError, ValueError) as error:
            raise NetplanError(
                f"{path} cannot be read, so it is not known which links it describes: {error}. Correct or remove it; "
                "nothing was changed."
            ) from error

    def ifupdown(self) -> dict[str, str]:
        """By link, the file of ifupdown that describes it."""
        found: dict[str, str] = {}
        for path in (INTERFACES, *sorted(glob.glob(f"{INTERFACES}.d/*"))):
            with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as stream:
                for name in re.findall(r"^\s*iface\s+(\S+)", stream.read(), re.MULTILINE):
                    found.setdefault(name, path)
        return found

    def ifcfg(self) -> dict[str, str]:
        """By link, the file of the former network scripts that describes it."""
        found: dict[str, str] = {}
        for path in sorted(glob.glob(f"{IFCFG}/ifcfg-*")):
            name = path.rpartition("/ifcfg-")[2]
            with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as stream:
                device = re.search(r"^\s*DEVICE=[\"']?([^\"'\s]+)", stream.read(), re.MULTILINE)
                found[device.group(1) if device else name] = path
        return found

    def networkd(self) -> dict[str, str]:
        """By path the files of networkd that people wrote, and not netplan."""
        found: dict[str, str] = {}
        for path in (one for place in NETWORKD_PLACES for one in sorted(glob.glob(f"{place}/*.network"))):
            if not path.startswith(f"{RUN_NETWORKD}/10-netplan-"):
                with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as stream:
                    found[path] = stream.read()
        return found

    def renderer(self, wanted: str) -> str:
        """What makes the links: of the two that netplan knows the one that runs, networkd where that is not clear."""
        if wanted != "auto":
            return wanted
        units = ["NetworkManager.service", "systemd-networkd.service"]
        _returncode, out, _err = self.module.run_command(["systemctl", "is-active", *units])
        runs = [line == "active" for line in out.split()]
        return NETWORK_MANAGER if runs == [True, False] else NETWORKD

    def profiles(self) -> list[Profile]:
        """Those of NetworkManager that netplan did not write."""
        if self.module.get_bin_path("nmcli") is None:
            raise NetplanError(
                "Links are to be made by NetworkManager, which is not on this host; install it (network-manager on "
                "Debian and Ubuntu), or let networkd make them. Nothing was changed."
            )
        command = ["nmcli", "--terse", "--fields", "UUID,DEVICE,FILENAME", "connection", "show"]
        returncode, out, err = self.module.run_command(command)
        if returncode:
            raise NetplanError(
                f"NetworkManager does not tell its profiles: {(err or out).strip()}. It must run, as links are made by "
                "it (systemctl status NetworkManager). Nothing was changed."
            )
        loaded = parse_loaded(out)
        found = []
        for directory in PROFILES:
            for path in sorted(glob.glob(f"{directory}/*")):
                if is_profile(os.path.basename(path)):
                    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as stream:
                        found.append(parse_profile(path, stream.read(), loaded.get(path)))
        return [one for one in found if one is not None]

    # -- the opinion of netplan --------------------------------------------------------------------------------------

    def validate(self, changes: Mapping[str, bytes | None]) -> None:
        """Let netplan read what its files are going to be, in a place where it changes nothing."""
        root = tempfile.mkdtemp(prefix="netplan-", dir=self.module.tmpdir)
        try:
            for directory in DIRECTORIES:
                place = os.path.join(root, directory.lstrip("/"))
                os.makedirs(place)
                for path in glob.glob(os.path.join(directory, "*.yaml")):
                    shutil.copy(path, place)  # follows links
            for name, text in changes.items():
                place = os.path.join(root, ETC.lstrip("/"), name)
                if text is None:
                    os.unlink(place)
                else:
                    with open(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
                        stream.write(text)
            returncode, out, err = self.module.run_command(["netplan", "generate", "--root-dir", root])
        finally:
            shutil.rmtree(root)
        if returncode:
            said = (err or out).replace(root, "").strip()
            raise NetplanError(f"netplan refuses the configuration, and nothing was changed: {said}")

    # -- a trial -----------------------------------------------------------------------------------------------------

    def begin(self, record: Mapping[str, Any], seconds: int) -> dict[str, Any]:
        """Arm the rollback, then start the trial. Nothing of the network has changed yet when this returns."""
        name = uuid.uuid4().hex[:12]
        deadline = netplan_trial.now() + START_SECONDS + seconds
        full = {**record, "id": name, "boot": boot_id(), "deadline": deadline, "seconds": seconds, "clock": time.time()}
        beside = tempfile.mkdtemp(prefix="kvmcloud-netplan-", dir=os.path.dirname(TRIAL))
        try:
            netplan_trial.write(os.path.join(beside, RECORD), json.dumps(full, indent=1))
            netplan_trial.write(os.path.join(beside, PROGRAM), inspect.getsource(netplan_trial))
            netplan_trial.write(os.path.join(beside, ARMED), "")
            os.rename(beside, TRIAL)  # fails where there is a trial: its directory is not empty
        except OSError as error:
            shutil.rmtree(beside, ignore_errors=True)
            raise NetplanError(self.busy() or f"The trial cannot be prepared: {error}. Nothing was changed.") from error
        try:
            self._start("rollback", name, START_SECONDS + seconds)
            self._start("apply", name, START_SECONDS)
        except NetplanError:
            self.disarm(name)
            shutil.rmtree(TRIAL)
            raise
        return {"id": name, "boot": full["boot"], "seconds": seconds, "start_seconds": START_SECONDS}

    def _start(self, action: str, name: str, seconds: int) -> None:
        command = ["systemd-run", "--quiet", "--collect", f"--unit={unit_of(name, action)}"]
        command += [f"--on-active={seconds}", "--timer-property=AccuracySec=100ms"]
        # A program that is not there any more ends with 2.
        restart = ("Restart=on-failure", "RestartSec=2", "RestartPreventExitStatus=2")
        command += [f"--property={one}" for one in restart]
        command += [sys.executable, os.path.join(TRIAL, PROGRAM), action, name]
        returncode, out, err = self.module.run_command(command)
        if returncode:
            raise NetplanError(
                "systemd does not take the rollback that a change of the network needs, so nothing was changed: "
                f"{(err or out).strip()}"
            )

    def disarm(self, name: str) -> None:
        self.module.run_command(["systemctl", "stop", f"{unit_of(name, 'rollback')}.timer"])

    def busy(self) -> str | None:
        """A sentence when a trial is under way."""
        record = netplan_trial.record_of(TRIAL)
        if record is None:
            return None
        began = time.strftime("%H:%M:%S", time.localtime(record["clock"]))
        left = max(0, round(record["deadline"] - netplan_trial.now()))
        return (
            f"Another run tries a configuration of this host's network since {began}; it is confirmed or rolled back "
            f"within {left} s. Nothing was changed by this run; wait for the other one, then run again."
        )

    def clear_overdue(self, follow: Callable[[Mapping[str, Any]], None]) -> None:
        """End a trial that nobody else is going to end, because what should have done so was killed."""
        record = netplan_trial.record_of(TRIAL)
        if record is not None and netplan_trial.now() > record["deadline"] + OVERDUE_SECONDS:
            if self.is_decided():
                self.finish(record, lambda: follow(record))
            else:
                self.module.run_command([sys.executable, os.path.join(TRIAL, PROGRAM), "rollback", record["id"]])

    def trial(self, id: str, boot: str) -> dict[str, Any]:
        """The record of the trial, or a sentence about what became of it."""
        record = netplan_trial.record_of(TRIAL)
        if record is not None and record["id"] == id:
            return record
        last = netplan_trial.record_of(LAST)
        if last is not None and last["id"] == id:
            raise NetplanError(self.rolled_back(last, LAST))
        if boot_id() != boot:
            raise NetplanError(
                "The host was restarted before its new network was confirmed, and came up with the former one; its "
                "files are as before. See why it restarted, then run again."
            )
        raise NetplanError("The host knows nothing of this trial any more; its network is as the last confirmed one.")

    def was_confirmed(self, id: str) -> bool:
        """Whether the answer to its confirmation was all that got lost; raises where something was left undone."""
        last = netplan_trial.record_of(LAST)
        if last is None or last["id"] != id or not os.path.exists(os.path.join(LAST, CONFIRMING)):
            return False
        left = said(LAST, UNFINISHED)
        if left:
            raise Unfinished(
                f"The new network is confirmed and kept, and something that belongs to it is not: {left} Run again "
                "when that is mended."
            )
        return True

    def is_decided(self) -> bool:
        """Whether the trial is confirmed, and whoever did so was cut off before all was kept."""
        return os.path.exists(os.path.join(TRIAL, CONFIRMING))

    def applied(self, trial: str) -> dict[str, Any] | None:
        try:
            with open(os.path.join(trial, APPLIED), encoding="utf-8") as stream:
                found: dict[str, Any] = json.load(stream)
                return found
        except FileNotFoundError:
            return None

    def is_open(self) -> bool:
        """Whether it was applied, and nothing is decided yet."""
        return self.applied(TRIAL) is not None and os.path.exists(os.path.join(TRIAL, ARMED))

    def looked(self, lacks: Sequence[str]) -> None:
        """For the sentence about a rollback, if it comes to that."""
        with contextlib.suppress(FileNotFoundError):  # the directory may vanish at any moment
            netplan_trial.write(os.path.join(TRIAL, LOOKED), "; ".join(lacks))

    def rolled_back(self, record: Mapping[str, Any], trial: str) -> str:
        applied = self.applied(trial)
        why = f"nobody confirmed it from outside within {record['seconds']} s"
        if applied and applied["returncode"]:
            why = f"netplan could not apply it: {applied['output'] or 'it said nothing'}"
        elif applied is None:
            why = f"netplan had not applied it within {record['seconds']} s"
        elif said(trial, UNKEPT):
            why = f"it works, and its files cannot be kept below /etc: {said(trial, UNKEPT)}"
        else:
            lacks = said(trial, LOOKED)
            if lacks is None:
                why += f", so it had most likely cut the host off (its links and routes at that time: {LAST}/{FOUND})"
            else:
                why += f"; after it was applied, {lacks}" if lacks else ""
        tried = "; ".join(record["steps"]) or "the same files again"
        return f"The new network was rolled back: {why}. Files and links are as before. Tried was: {tried}."

    def confirm(self, record: Mapping[str, Any], follow: Callable[[], None]) -> list[str]:
        """Decide that the trial is kept, and keep it; returns the backups. Raises where the rollback was faster, and
        where there is no room: whatever needs some is written before the decision.
        """
        with netplan_trial.alone(TRIAL, record["id"]) as mine:
            if mine is None:
                return []  # another process was asked for the same
            backups: list[str] = []
            if not self.is_decided():
                try:
                    self._prepare(record, backups)
                except OSError as error:
                    self._withdraw(backups)
                    netplan_trial.write(os.path.join(TRIAL, UNKEPT), str(error))
                    rollback = f"{unit_of(record['id'], 'rollback')}.service"
                    self.module.run_command(["systemctl", "start", "--no-block", rollback])
                    raise NoRoom(str(error)) from error
                if not netplan_trial.decide(TRIAL, CONFIRMING):
                    self._withdraw(backups)
                    raise NetplanError(self.rolled_back(record, TRIAL))
            self._keep(record, follow)
            return backups

    def _prepare(self, record: Mapping[str, Any], backups: list[str]) -> None:
        changes = {name: None if text is None else text.encode() for name, text in record["etc"].items()}
        changes.update(dict.fromkeys(record["profiles"]))
        os.makedirs(ETC, mode=0o755, exist_ok=True)
        file_switch.go_back(ETC, NOTHING, ELSEWHERE)  # a link of a confirmation that was cut off would be no backup
        moment = time.strftime("%Y-%m-%d@%H:%M:%S~")
        for name in changes:
            path = os.path.join(ETC, name)
            if name != OWN and os.path.exists(path):
                backups.append(f"{path}.{os.getpid()}.{moment}")
                os.link(path, backups[-1])  # the file itself, in whose place another one comes
        file_switch.prepare(ETC, changes, NOTHING, ELSEWHERE)

    def _withdraw(self, backups: Sequence[str]) -> None:
        """As far as the disk lets it: what stays reads as before, and the next run clears it away."""
        with contextlib.suppress(OSError):
            file_switch.go_back(ETC, NOTHING, ELSEWHERE)
        for path in backups:
            with contextlib.suppress(OSError):
                os.unlink(path)

    def finish(self, record: Mapping[str, Any], follow: Callable[[], None]) -> None:
        """What was decided, and cut off then."""
        with netplan_trial.alone(TRIAL, record["id"]) as mine:
            if mine is not None:
                self._keep(record, follow)

    def _keep(self, record: Mapping[str, Any], follow: Callable[[], None]) -> None:
        """From /run to /etc, which is the same to a reader of netplan's files; safe to repeat."""
        try:
            file_switch.finish(ETC, NOTHING, ELSEWHERE)
        except OSError as error:
            raise Unfinished(
                f"The new network is confirmed and in force, and its files cannot be moved to {ETC}: {error}. Mend "
                "that and run again, before this host is restarted."
            ) from error
        for path in record["files"]:
            if os.path.exists(path):
                os.unlink(path)
        if record["profiles"]:
            self.module.run_command(["nmcli", "connection", "reload"])  # brings nothing up or down
        self.disarm(record["id"])
        try:
            follow()
        except NetplanError as error:
            netplan_trial.write(os.path.join(TRIAL, UNFINISHED), str(error))
        netplan_trial.forget(TRIAL)


def said(trial: str, name: str) -> str | None:
    try:
        with open(os.path.join(trial, name), encoding="utf-8") as stream:
            return stream.read()
    except FileNotFoundError:
        return None


def boot_id() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="utf-8") as stream:
        return stream.read().strip()
