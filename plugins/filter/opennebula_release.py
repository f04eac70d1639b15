# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter opennebula_release: what one release is on one operating system."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.kvmcloud.stack.plugins.module_utils.opennebula_releases import ReleaseError, describe

DOCUMENTATION = r"""
name: opennebula_release
short_description: Packages, units and repository of an OpenNebula release on an operating system
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Looks an OpenNebula release up in the table of releases and operating systems.
  - Fails with a sentence that names the fitting releases where the pair does not exist.
  - A pair that no platform notes mention is not refused; RV(_value.warnings) says that it is not known.
positional: system
options:
  _input:
    description: Release as C(X.Y), or C(X.Y.Z) of the Enterprise Edition. Quote it, an unquoted 6.10 is the number 6.1.
    type: str
    required: true
  system:
    description:
      - The operating system. Either facts with C(distribution) and C(distribution_version),
        or C(os_release) as M(kvmcloud.stack.host_probe) returns it, with C(id) and C(version_id).
      - C(architecture) is used for the names of Red Hat's subscription repositories only.
    type: dict
    required: true
  role:
    description: What the host becomes. Some systems are certified as front-end and not as KVM node.
    type: str
    choices: [frontend, node]
    default: frontend
"""

EXAMPLES = r"""
- name: Install the front-end
  ansible.builtin.package:
    name: "{{ (opennebula_release | kvmcloud.stack.opennebula_release(ansible_facts)).packages.frontend }}"
"""

RETURN = r"""
_value:
  description: What the release is on that system.
  type: dict
  contains:
    release:
      description: Release as C(X.Y).
      type: str
    status:
      description: V(certified) or V(not known).
      type: str
    warnings:
      description: Sentences to show.
      type: list
      elements: str
    package_manager:
      description: V(apt) or V(dnf).
      type: str
    repository_path:
      description: Path below the base address of the repository.
      type: str
      sample: 7.4/Debian/12
    packages:
      description: Package names under C(frontend), C(node) and C(open_vswitch).
      type: dict
    frontend_units:
      description: Units of a front-end as M(kvmcloud.stack.guarded_service) takes them, oned first.
      type: list
      elements: dict
    leader_units:
      description: Names of the units that, of several front-ends, only the leader runs.
      type: list
      elements: str
    node_units:
      description: Units of a node as M(kvmcloud.stack.guarded_service) takes them.
      type: list
      elements: dict
    onegate_bind_key:
      description: Path of OneGate's listen address in onegate-server.conf.
      type: str
    scheduler_config:
      description: Configuration file of the scheduler.
      type: str
    default_datastore_driver:
      description: Transfer driver of the datastores that a fresh installation has.
      type: str
    apt:
      description: C(suite), C(components) and C(pins); null on Enterprise Linux.
      type: dict
    enterprise_linux:
      description: Further repositories and packages that OpenNebula needs there; null on Debian and Ubuntu.
      type: dict
"""


def opennebula_release(release: Any, system: dict[str, Any], role: str = "frontend") -> dict[str, Any]:
    if role not in ("frontend", "node"):
        raise AnsibleFilterError(f"opennebula_release: role is {role!r}; wanted frontend or node.")
    distribution = system.get("distribution") or system.get("id")
    version = system.get("distribution_version") or system.get("version_id")
    if not distribution or not version:
        raise AnsibleFilterError(
            "opennebula_release: the system has no distribution and distribution_version (or id and version_id); "
            "gather the facts of the subset 'distribution', or pass the os_release of host_probe."
        )
    try:
        return describe(release, str(distribution), str(version), role, system.get("architecture"))
    except ReleaseError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"opennebula_release": opennebula_release}
