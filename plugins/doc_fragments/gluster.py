# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation of the modules that run the gluster command has in common."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  command_timeout:
    description:
      - How long one command may take, in seconds. gluster itself gives up after 120 s; starting a rebalance or a
        removal takes about 10 s, and listing what is to be healed as long just after a host has gone.
    type: int
    default: 180
  busy_timeout:
    description:
      - For how long a command is tried again that was turned away because another transaction held the lock, in
        seconds. Two controllers at once get in each other's way so.
    type: int
    default: 60
notes:
  - Runs as root on a server of the pool.
  - The behaviour was captured from GlusterFS 10.3; other releases are not proven.
"""

    CHANGE = r"""
attributes:
  check_mode:
    description: The state is read and the plan is reported; nothing is changed.
    support: full
    details:
      - Where gluster is not installed yet, the plan is that for a new pool, and a warning says so.
  diff_mode:
    description: What is planned is shown before and after.
    support: full
  platform:
    description: Runs on a server of the pool.
    platforms: posix
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
    description: Runs on a server of the pool.
    platforms: posix
    support: full
"""
