# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes that the host takes back by itself unless the controller confirms them over a new connection."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  phase:
    description: Of the module itself, which runs once more to confirm a change. Leave it out.
    type: str
    choices: [begin, look, confirm]
    default: begin
  trial:
    description: Of the module itself. Leave it out.
    type: dict
    default: {}
attributes:
  action:
    description: >-
      Indicates this has a corresponding action plugin so some parts of the options can be executed on the controller.
    support: full
  async:
    description: Supports being used with the C(async) keyword.
    support: none
  platform:
    platforms: linux
    support: full
"""
