#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: netplan
short_description: Ethernets, bonds, VLANs and bridges by netplan, without locking oneself out
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Describes the declared links to netplan in a file of its own, C(/etc/netplan/60-kvmcloud.yaml).
  - Files that describe the same links are taken over. What they say about other links stays, a backup is kept beside
    them, and cloud-init does not write them again. Files about other links alone are left alone.
  - A change is tried before it is kept. The trial lives below C(/run), where it shadows the files of C(/etc), and the
    host takes it back by itself when the controller does not confirm it in time over a new connection, after all
    declared links, addresses and routes were seen to be there. A host that is restarted in between comes up as it was.
  - One trial at a time; a second run is refused while the first one lasts.
  - Links are found wanting by what the kernel says and not by the files alone, so that what was changed by hand is
    changed back. Addresses that something else put on a link are left there, and put back where C(netplan apply) drops
    them, unless another host answers for one by then.
options:
  renderer:
    description:
      - What netplan has the links made by.
      - V(auto) is what runs on the host, NetworkManager where networkd does not run beside it, and networkd otherwise.
    type: str
    choices: [auto, networkd, NetworkManager]
    default: auto
  bridge_netfilter:
    description:
      - Whether frames that cross a bridge are shown to the packet filter, as OpenNebula's security groups need.
      - Loads C(br_netfilter) and sets C(net.bridge.bridge-nf-call-iptables) and its like, now and at each boot. What is
        not in force any more is put in force again; a host that cannot do so fails.
    type: bool
    default: false
  confirm_timeout:
    description: Seconds after which the host takes back what was not confirmed, at least 10.
    type: int
    default: 60
  install:
    description:
      - Whether netplan is installed where it is missing, by the package manager of the host, and not before the links
        as declared were found to fit the host.
      - On Debian and Ubuntu this is C(netplan.io), on Enterprise Linux C(netplan) with its part for NetworkManager,
        from EPEL, which has to be among the repositories of the host.
    type: bool
    default: false
extends_documentation_fragment:
  - kvmcloud.stack.armed_change
  - kvmcloud.stack.network_links
  - ansible.builtin.action_common_attributes
requirements:
  - netplan with PyYAML, and systemd
attributes:
  check_mode:
    support: full
    details:
      - Whether netplan takes the files is asked in check mode too, where netplan is installed.
  diff_mode:
    support: full
    details:
      - Shows the files, and what becomes of the links.
"""

EXAMPLES = r"""
---
- name: One card for the host, one for guests
  kvmcloud.stack.netplan:
    ethernets:
      - name: eno0
        addresses: [10.0.0.1/16]
        gateways: [10.0.0.254]
        name_servers: [10.0.0.53]
    bridges:
      - name: br0
        interfaces: [eno1]

- name: The host's own address on a bridge, over a VLAN of a bond
  kvmcloud.stack.netplan:
    bonds:
      - name: bond0
        interfaces: [eno0, eno1]
        mode: 802.3ad
    vlans:
      - name: bond0.12
        id: 12
        link: bond0
    bridges:
      - name: br12
        interfaces: [bond0.12]
        addresses: [10.12.0.1/24]
        gateways: [10.12.0.254]
"""

RETURN = r"""
---
actions:
  description: What becomes, or became, of the links, in order.
  returned: success
  type: list
  elements: str
  sample: [create bridge br0, enslave eno0 to br0, move 10.0.0.1/16 from eno0 to br0]
taken_over:
  description: Files that described declared links and do so no more.
  returned: success
  type: list
  elements: str
backups:
  description: Copies of files that were replaced.
  returned: when a change was confirmed
  type: list
  elements: str
confirmed_after:
  description: Seconds from the start of the trial to its confirmation.
  returned: when a change was confirmed
  type: float
findings:
  description: Every reason why the declaration was refused, before anything was changed.
  returned: when the declaration is refused
  type: list
  elements: str
"""

import os
import re

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.kvmcloud.stack.plugins.module_utils import file_switch, netplan_host, netplan_trial
from ansible_collections.kvmcloud.stack.plugins.module_utils.netplan_companions import keep_companions, kernel_modules
from ansible_collections.kvmcloud.stack.plugins.module_utils.netplan_files import Definition
from ansible_collections.kvmcloud.stack.plugins.module_utils.netplan_host import (
    NetplanError,
    NetplanHost,
    NoRoom,
    Unfinished,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.netplan_planned import PlannedNetwork, Refused
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_kept import Held, lost
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_links import BOND_MODES, declared_links
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_plan import Surroundings, differences

try:
    import yaml
except ImportError:
    yaml = None

TEXTS = {"type": "list", "elements": "str", "default": []}
NO = {"type": "bool", "default": False}
ROUTE = {
    "to": {"type": "str", "required": True},
    "via": {"type": "str", "required": True},
    "metric": {"type": "int"},
    "on_link": NO,
}
COMMON = {
    "name": {"type": "str", "required": True},
    "addresses": TEXTS,
    "dhcp4": NO,
    "dhcp6": NO,
    "gateways": TEXTS,
    "routes": {"type": "list", "elements": "dict", "default": [], "options": ROUTE},
    "name_servers": TEXTS,
    "search_domains": TEXTS,
    "mtu": {"type": "int"},
    "optional": NO,
    "ipv6": {"type": "bool"},
    "extra": {"type": "dict", "default": {}},
}
OPTIONS = {
    "ethernets": {**COMMON, "mac": {"type": "str"}},
    "bonds": {
        **COMMON,
        "interfaces": {"type": "list", "elements": "str", "required": True},
        "mode": {"type": "str", "choices": list(BOND_MODES), "default": "active-backup"},
    },
    "vlans": {**COMMON, "id": {"type": "int", "required": True}, "link": {"type": "str", "required": True}},
    "bridges": {
        **COMMON,
        "interfaces": TEXTS,
        "stp": NO,
        "forward_delay": {"type": "int", "default": 0},
        "lldp": NO,
    },
}
SPEC = {
    **{name: {"type": "list", "elements": "dict", "default": [], "options": one} for name, one in OPTIONS.items()},
    "renderer": {"type": "str", "choices": ["auto", "networkd", "NetworkManager"], "default": "auto"},
    "bridge_netfilter": NO,
    "confirm_timeout": {"type": "int", "default": 60},
    "install": NO,
    "phase": {"type": "str", "choices": ["begin", "look", "confirm"], "default": "begin"},
    "trial": {"type": "dict", "default": {}},
}
SHORTEST_TRIAL = 10  # seconds
RESOLVED = "/run/systemd/resolve"
# By the command that tells one family of systems from the other: how netplan is installed, and where from.
PACKAGES = {
    "apt-get": {
        "module": "ansible.legacy.apt",
        "arguments": {"name": "netplan.io", "state": "present", "install_recommends": False},
        "source": "On Debian and Ubuntu it is the package netplan.io.",
    },
    "dnf": {
        "module": "ansible.legacy.dnf",
        "arguments": {"name": ["netplan", "netplan-default-backend-NetworkManager"], "state": "present"},
        "source": "For Enterprise Linux it is in EPEL, which has to be among the repositories of this host.",
    },
}


def yaml_reader():
    if yaml is None:
        return without_yaml

    class Reader(yaml.SafeLoader):
        """As netplan reads: to YAML 1.1 the MAC address 52:54:00:12:34:56 would be a number of base 60."""

        yaml_implicit_resolvers = {
            first: [one for one in resolvers if not one[0].endswith((":int", ":float", ":timestamp"))]
            for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    Reader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"(?:0|[1-9][0-9]*)$"), list("0123456789"))

    def parse(text):
        try:
            return yaml.load(text, Reader)
        except yaml.YAMLError as error:
            # Its own text quotes the line, and there may be a password in it.
            mark = getattr(error, "problem_mark", None)
            place = f" in line {mark.line + 1}" if mark else ""
            raise ValueError(f"{getattr(error, 'problem', None) or 'it is no YAML'}{place}") from error

    return parse


def without_yaml(_text):
    raise ValueError(missing_required_lib("PyYAML"))


def control_address():
    """The address of this host by which the controller reached it; sudo hides it, its parents know."""
    pid = os.getpid()
    while pid > 1:
        try:
            with open(f"/proc/{pid}/environ", "rb") as stream:
                found = [one for one in stream.read().split(b"\0") if one.startswith(b"SSH_CONNECTION=")]
            with open(f"/proc/{pid}/stat", "rb") as stream:
                parent = int(stream.read().rpartition(b")")[2].split()[1])
        except OSError:
            return None
        if found:
            return found[0].decode().split(" ")[2]
        pid = parent
    return None


def begin(module, host):
    if module.params["confirm_timeout"] < SHORTEST_TRIAL:
        raise NetplanError(
            f"confirm_timeout is {module.params['confirm_timeout']}; wanted are at least {SHORTEST_TRIAL} seconds, in "
            "which the controller can come back. Nothing was changed."
        )
    missing = [command for command in ("ip", "netplan", "systemd-run") if module.get_bin_path(command) is None]
    package = next((package for command, package in PACKAGES.items() if module.get_bin_path(command)), None)
    install = missing == ["netplan"] and module.params["install"] and package and not module.check_mode
    if missing and not (install or (module.check_mode and missing == ["netplan"])):
        source = package["source"] if package else "It is packaged for Debian, Ubuntu and Enterprise Linux."
        raise NetplanError(
            f"{' and '.join(missing)} cannot be found on this host; links are made by netplan with systemd. {source} "
            "Nothing was changed."
        )
    if not module.check_mode:
        host.clear_overdue(lambda record: keep_companions(module, record["companions"]))
    busy = host.busy()
    if busy:
        raise NetplanError(busy)
    if file_switch.is_unsettled(netplan_host.ETC) and not module.check_mode:
        file_switch.go_back(netplan_host.ETC, netplan_host.NOTHING, netplan_host.ELSEWHERE)
    planned = PlannedNetwork(module.params, host, yaml_reader(), control_address())
    if install:
        return {"install": package}  # now that nothing speaks against the declaration
    result = {
        "changed": planned.changed,
        "actions": planned.steps,
        "taken_over": planned.taken_over,
        "diff": planned.diff(),
    }
    for warning in planned.warnings:
        module.warn(warning)
    named = not planned.by_manager and any(link.name_servers for link in planned.links)
    if named and not os.path.isdir(RESOLVED):
        module.warn(
            "Name servers are declared, and systemd-resolved, by which they are used, does not run on this host."
        )
    if planned.etc and "netplan" not in missing:
        host.validate(planned.etc)
    if module.check_mode or not planned.changed:
        return result
    if planned.changes_network:
        for name in kernel_modules(planned.links, False):
            module.run_command(["modprobe", "--quiet", name])  # what cannot be loaded shows in the links
        return {**result, "trial": host.begin(planned.record(), module.params["confirm_timeout"])}
    keep_companions(module, planned.kept_files())
    return result


def lacks(module, record, host):
    """What is not there yet of what was declared, and what undeclared links have lost."""
    live = host.state()
    around = Surroundings({name: Definition(*values) for name, values in record["former"].items()})
    found = [one.lack for one in differences(declared_links(module.params), live, around)]
    return found + list(lost([Held(*one) for one in record["held"]], live))


def look(module, host):
    """How far the trial has come."""
    if host.was_confirmed(module.params["trial"]["id"]):
        return {"state": "confirmed"}
    record = host.trial(**module.params["trial"])
    if host.is_decided():
        host.finish(record, lambda: keep_companions(module, record["companions"]))
        return {"state": "confirmed" if host.was_confirmed(record["id"]) else "pending"}
    if not host.is_open():
        return {"state": "pending"}
    found = lacks(module, record, host)
    host.looked(found)
    return {"state": "lacking" if found else "settled", "msg": "; ".join(found)}


def confirm(module, host):
    """The controller came over a connection that it made after all was there."""
    record = host.trial(**module.params["trial"])
    found = lacks(module, record, host)
    if found:
        return {"state": "lacking", "msg": "; ".join(found)}
    after = round(netplan_trial.now() - record["deadline"] + record["seconds"], 1)
    try:
        backups = host.confirm(record, lambda: keep_companions(module, record["companions"]))
    except NoRoom as error:
        return {"state": "lacking", "msg": f"It cannot be kept, and is taken back: {error}"}
    return {**look(module, host), "backups": backups, "confirmed_after": after}


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    # Every command is asked for in plain English, which is quoted when it fails.
    module.run_command_environ_update = {"LC_ALL": "C"}
    phase = {"begin": begin, "look": look, "confirm": confirm}[module.params["phase"]]
    try:
        module.exit_json(**{"changed": False, **phase(module, NetplanHost(module))})
    except Refused as refusal:
        module.fail_json(msg=str(refusal), findings=refusal.findings)
    except Unfinished as error:
        module.fail_json(msg=str(error), state="ended", changed=True)
    except NetplanError as error:
        module.fail_json(msg=str(error), state="ended")
    except OSError as error:
        module.fail_json(msg=f"The network of this host cannot be looked after: {error}. Mend that, then run again.")


if __name__ == "__main__":
    main()
