# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation of the modules for hosts of oVirt has in common."""

from __future__ import annotations


class ModuleDocFragment:
    CHANGE = r"""
attributes:
  check_mode:
    description: The state is read and the plan is reported; nothing is changed.
    support: full
  diff_mode:
    description: What is done is told by the returned values.
    support: none
  platform:
    description: Runs on the host that it is about.
    platforms: linux
    support: full
"""

    CHANGE_WITH_DIFF = r"""
attributes:
  check_mode:
    description: The state is read and the plan is reported; nothing is changed.
    support: full
  diff_mode:
    description: What is planned is shown before and after; secrets are hidden.
    support: full
  platform:
    description: Runs on the host that it is about.
    platforms: linux
    support: full
"""

    INFO = r"""
attributes:
  check_mode:
    description: Nothing is ever changed.
    support: full
  diff_mode:
    description: Nothing is ever changed.
    support: N/A
  platform:
    description: Runs on the host that it is about.
    platforms: linux
    support: full
"""
