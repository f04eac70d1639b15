# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Doubles of the programs on a host of oVirt (tests/doubles/ovirt), in a folder of their own; beside them rpm, which
says what stands in the folder's file 'version'. And a double of the official role that deploys a hosted engine.
"""

from __future__ import annotations

from pathlib import Path

DOUBLES = Path(__file__).resolve().parents[1] / "doubles/ovirt"
FOLDER = "/var/lib/ovirt-double"  # where they keep what they are told and what they note
RPM = """#!/bin/sh
echo "rpm $*" >> {folder}/calls
[ -e {folder}/version ] || {{ echo "package ovirt-engine-setup is not installed"; exit 1; }}
printf %s "$(cat {folder}/version)"
"""
# A module that knows of no secrets. It tells whether its invocation is written into the journal of the host.
PROBE = """
from ansible.module_utils.basic import AnsibleModule

module = AnsibleModule(argument_spec={"auth": {"type": "dict"}})
module.exit_json(in_the_journal=not module.no_log)
"""
# Notes which variables it was given, and leaves a host on which a hosted engine is up.
OFFICIAL_ROLE = """
- name: What it was given
  ansible.builtin.copy:
    content: "{{{{ q('varnames', '^he_') | to_json }}}} {{{{ he_pause_after_failed_add_host }}}} {{{{ he_fqdn }}}}"
    dest: {folder}/given
    mode: "0600"

- name: A module that is given a login
  ovirt.ovirt.probe:
    auth: {{}}

- name: It is deployed
  ansible.builtin.shell: touch {folder}/deployed; cp {folder}/up {folder}/status; echo 0 > {folder}/code
"""

CLUSTER_UPGRADE = """
- name: A module that is given a login
  ovirt.ovirt.probe:
    auth: "{{ ovirt_auth }}"
"""
# A login that every engine takes.
LOGIN = """
from ansible.module_utils.basic import AnsibleModule

options = dict.fromkeys(["url", "username", "ca_file", "insecure", "state"], {})
module = AnsibleModule(argument_spec={**options, "password": {"no_log": True}, "ovirt_auth": {"type": "dict"}})
module.exit_json(ansible_facts={"ovirt_auth": {"token": "given"}})
"""


def install(folder: Path, *names: str) -> None:
    """The programs, into the folder's bin; all else is kept in the folder itself."""
    programs = folder / "bin"
    programs.mkdir(parents=True)
    texts = {name: (DOUBLES / name).read_text().replace(FOLDER, str(folder)) for name in names}
    for name, text in {"rpm": RPM.format(folder=folder), **texts}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)


def install_official_role(collections: Path, folder: Path) -> None:
    """As ovirt.ovirt.hosted_engine_setup, found there before the real one. folder: where hosted-engine looks."""
    _install_collection(collections, "hosted_engine_setup", OFFICIAL_ROLE.format(folder=folder))


def install_cluster_upgrade(collections: Path) -> None:
    """As ovirt.ovirt.cluster_upgrade; it upgrades nothing."""
    _install_collection(collections, "cluster_upgrade", CLUSTER_UPGRADE)


def _install_collection(collections: Path, role: str, text: str) -> None:
    collection = collections / "ansible_collections/ovirt/ovirt"
    modules = {"plugins/modules/probe.py": PROBE, "plugins/modules/ovirt_auth.py": LOGIN}
    for name, content in {f"roles/{role}/tasks/main.yml": text, **modules}.items():
        (collection / name).parent.mkdir(parents=True, exist_ok=True)
        (collection / name).write_text(content)
