# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter acceptance_report: results of acceptance checks in a form for people or programs."""

from __future__ import annotations

from typing import Any, Mapping

from ansible.errors import AnsibleFilterError

from ansible_collections.kvmcloud.stack.plugins.module_utils.acceptance_report import FORMATS, Window, counts, rows_of

DOCUMENTATION = r"""
name: acceptance_report
short_description: Results of acceptance checks as table, JUnit XML, JSON or counts
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Renders what M(kvmcloud.stack.acceptance) returned on several hosts.
  - A check that holds on an emulated OpenNebula is shown as emulated and never counted as passed. In JUnit XML it is a
    skipped test.
  - A host that could not be reached, or whose task failed, has one failed check. A host without the variable was left
    out of this run and is not in the report.
positional: hostvars
options:
  _input:
    description: Names of the hosts.
    type: list
    elements: str
    required: true
  hostvars:
    description: Ansible's C(hostvars).
    type: dict
    required: true
  register:
    description: Variable in which the result was registered on each host.
    type: str
    default: acceptance
  format:
    description: The form. V(counts) is a dictionary of numbers.
    type: str
    choices: [text, junit, json, counts]
    default: text
  started:
    description:
      - The controller's clock before the hosts were asked, in seconds since 1970. Without it clocks are not compared.
    type: float
  finished:
    description: The controller's clock after they answered.
    type: float
  clock_skew:
    description: Largest difference of clocks that is accepted, in seconds.
    type: float
    default: 2
"""

EXAMPLES = r"""
- name: Acceptance as JUnit XML
  ansible.builtin.copy:
    content: "{{ groups['all'] | kvmcloud.stack.acceptance_report(hostvars, format='junit') }}"
    dest: acceptance.xml
    mode: "0644"

- name: Everything holds
  ansible.builtin.assert:
    that: (groups['all'] | kvmcloud.stack.acceptance_report(hostvars, format='counts')).failed == 0
    fail_msg: "{{ groups['all'] | kvmcloud.stack.acceptance_report(hostvars) }}"
"""

RETURN = r"""
_value:
  description: The report as text; with O(format=counts) the numbers of all, passed, emulated, skipped, failed checks.
  type: raw
"""


def acceptance_report(
    hosts: list[str],
    hostvars: Mapping[str, Mapping[str, Any]],
    register: str = "acceptance",
    format: str = "text",
    started: float | None = None,
    finished: float | None = None,
    clock_skew: float = 2.0,
) -> Any:
    if format not in (*FORMATS, "counts"):
        raise AnsibleFilterError(f"acceptance_report: format is {format!r}; wanted {', '.join(FORMATS)} or counts.")
    window = None if started is None or finished is None else Window(float(started), float(finished), float(clock_skew))
    rows = rows_of({host: hostvars[host][register] for host in hosts if register in hostvars[host]}, window)
    return counts(rows) if format == "counts" else FORMATS[format](rows)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"acceptance_report": acceptance_report}
