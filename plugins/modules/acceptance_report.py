# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# What it does is in plugins/action, on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: acceptance_report
short_description: One report of what acceptance found on all hosts
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Shows what M(kvmcloud.stack.acceptance) or one of its kin found on the hosts of the play as a table, writes it on
    the controller as text, JUnit XML and JSON, and fails when a check failed.
  - A check that holds on an emulated OpenNebula is shown as emulated and never counted as passed. In JUnit XML it is a
    skipped test.
  - A host that could not be reached, or whose task failed, has one failed check. A host without the variable was left
    out of this run and is not in the report. Without any result nothing was checked, which is an error.
  - Runs on the controller, once for all hosts (C(run_once)), and as the user that started Ansible.
options:
  register:
    description: Variable that the result was registered in on each host.
    type: str
    required: true
  directory:
    description: Directory on the controller. It is made where it is not there.
    type: path
    required: true
  name:
    description: What the three files are called, before C(.txt), C(.xml) and C(.json).
    type: str
    default: report
  started:
    description:
      - The controller's clock before the hosts were asked, in seconds since 1970. Without it clocks are not compared.
    type: float
  finished:
    description: The controller's clock after they answered. Needed with O(started).
    type: float
  clock_skew:
    description: Largest difference of clocks that is accepted, in seconds.
    type: float
    default: 2
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: partial
    details:
      - Shows the table and fails as ever; no file is written.
  diff_mode:
    support: none
  platform:
    support: full
    platforms: posix
notes:
  - Never says C(changed); the report of a run, with its times, is output and no state of the cloud.
seealso:
  - module: kvmcloud.stack.acceptance
  - module: kvmcloud.stack.storage_acceptance
  - module: kvmcloud.stack.vm_isolation_probe
"""

EXAMPLES = r"""
- name: The unit runs
  kvmcloud.stack.acceptance:
    checks:
      - type: unit_active
        unit: libvirtd.service
  register: acceptance
  ignore_unreachable: true

- name: Everything holds
  kvmcloud.stack.acceptance_report:
    register: acceptance
    directory: "{{ playbook_dir }}/report"
  run_once: true
"""

RETURN = r"""
msg:
  description: The counts as a sentence. Where a check failed, how many did and where the report is.
  returned: always
  type: str
  sample: 44 of 44 checks passed; 0 failed.
report:
  description: The table, line by line.
  returned: when the results are there
  type: list
  elements: str
counts:
  description: Numbers of all, passed, emulated, skipped and failed checks.
  returned: when the results are there
  type: dict
  sample: {total: 44, passed: 44, emulated: 0, skipped: 0, failed: 0}
"""
