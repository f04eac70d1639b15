# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of the lab. Each command imports what it needs: Ansible alone takes half a second."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kvmcloud_lab.paths import object_name
from kvmcloud_lab.prerequisites import refuse_unless_root
from kvmcloud_lab.programs import LabError

if TYPE_CHECKING:
    from kvmcloud_lab.inventory import Inventory
    from kvmcloud_lab.model import Lab

DESCRIPTION = "Lab hosts for kvmcloud.stack. The inventory is the only input: what is in it is what is made."


def main() -> int:
    arguments = _parse(sys.argv[1:])
    os.umask(0o022)  # files made here become files of lab hosts
    try:
        refuse_unless_root()
        return arguments.work(arguments)
    except LabError as error:
        for sentence in str(error).splitlines():
            print(f"lab: {sentence}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("lab: interrupted; `lab up` completes what was begun, `lab down` removes it", file=sys.stderr)
        return 130


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="lab", description=DESCRIPTION)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, work: object, text: str, *, inventory: bool = True) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(work=work)
        if inventory:
            sub.add_argument("-i", "--inventory", action="append", type=Path, help="default: inventories/lab")
        return sub

    up = command("up", _up, "make the hosts of the inventory, or what is missing of them")
    up.add_argument("--limit", default="all", metavar="PATTERN", help="only these hosts")
    down = command("down", _down, "remove the hosts, their disks, networks and all they wrote")
    down.add_argument("--limit", default="", metavar="PATTERN", help="only these hosts; the rest of the lab stays")
    down.add_argument("--name", default="", help="the lab's name, where there is no inventory any more")
    status = command("status", _status, "what is up; exit code 0 if all hosts are, 1 otherwise")
    status.add_argument("--json", action="store_true", help="for programs")
    for name, text in (
        ("start", "power on a host that was stopped or killed"),
        ("stop", "shut a host down in order; its files and disks stay"),
        ("kill", "power loss: the host is gone at once; its files and disks stay"),
        ("restart", "stop and start"),
    ):
        command(name, _power, text).add_argument("host", nargs="+")
        commands.choices[name].set_defaults(action=name)
    shell = command("ssh", _ssh, "a shell, or one command, on a host")
    shell.add_argument("host")
    shell.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND")
    command("purge", _purge, "remove all labs, all images and all else the lab keeps on this machine", inventory=False)
    command("prerequisites", _prerequisites, "install what the lab needs on this machine", inventory=False)
    return parser.parse_args(argv)


def _describe(arguments: argparse.Namespace) -> tuple[Lab, Inventory]:
    from kvmcloud_lab.describe import describe
    from kvmcloud_lab.images import known_images
    from kvmcloud_lab.inventory import Inventory

    inventory = Inventory(arguments.inventory or [Path("inventories/lab")])
    kinds = {name: image.kind for name, image in known_images().items()}
    return describe(inventory.variables(), kinds), inventory


def _say(lab: str) -> Callable[[str], None]:
    return lambda sentence: print(f"lab {lab}: {sentence}", flush=True)


def _up(arguments: argparse.Namespace) -> int:
    from kvmcloud_lab.images import known_images
    from kvmcloud_lab.model import VM
    from kvmcloud_lab.prerequisites import ensure_prerequisites
    from kvmcloud_lab.state import only_one
    from kvmcloud_lab.up import up

    lab, inventory = _describe(arguments)
    chosen = inventory.matching(arguments.limit)
    ensure_prerequisites(guests=any(host.kind == VM for host in lab.hosts if host.name in chosen))
    with only_one(lab.name):
        up(lab, known_images(), chosen, _say(lab.name))
    return 0


def _down(arguments: argparse.Namespace) -> int:
    from kvmcloud_lab.down import down
    from kvmcloud_lab.ssh import write_client_files
    from kvmcloud_lab.state import only_one
    from kvmcloud_lab.up import forget_host

    if arguments.limit:
        lab, inventory = _describe(arguments)
        with only_one(lab.name):
            for host in inventory.matching(arguments.limit):
                forget_host(lab.name, host)
            write_client_files(lab)
        return 0
    name = arguments.name or _describe(arguments)[0].name
    with only_one(name):
        down(name)
    _say(name)("down")
    return 0


def _status(arguments: argparse.Namespace) -> int:
    from kvmcloud_lab.status import as_table, status

    lab, _inventory = _describe(arguments)
    found = status(lab)
    print(json.dumps(found, indent=2) if arguments.json else as_table(found))
    return 0 if all(host["answers"] for host in found["hosts"]) else 1


def _power(arguments: argparse.Namespace) -> int:
    from kvmcloud_lab.power import power
    from kvmcloud_lab.state import only_one

    lab, inventory = _describe(arguments)
    chosen = set().union(*(inventory.matching(pattern) for pattern in arguments.host))
    with only_one(lab.name):
        power(lab, [host for host in lab.hosts if host.name in chosen], arguments.action)
    return 0


def _ssh(arguments: argparse.Namespace) -> int:
    from kvmcloud_lab.ssh import ssh_command

    lab, inventory = _describe(arguments)
    for host in lab.hosts:
        if host.name in inventory.matching(arguments.host):
            os.execvp("ssh", [*ssh_command(lab.name, host), *arguments.words])
    raise LabError(f"{object_name(lab.name)} has no host {arguments.host}.")


def _purge(arguments: argparse.Namespace) -> int:
    from kvmcloud_lab.down import purge

    purge()
    return 0


def _prerequisites(arguments: argparse.Namespace) -> int:
    from kvmcloud_lab.prerequisites import ensure_prerequisites

    ensure_prerequisites(guests=False)  # QEMU follows when an inventory has a guest
    return 0
