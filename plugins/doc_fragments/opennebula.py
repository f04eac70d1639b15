# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation of all modules for resources of OpenNebula has in common."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  api_timeout:
    description:
      - How long oned may take to answer one call, in seconds. A command that needs 15 s more than this is stopped.
    type: int
    default: 30
  assume_fresh_in_check_mode:
    description:
      - What check mode does when the commands are installed and oned does not answer.
      - If V(true), it plans against a fresh OpenNebula and says so in a warning; if V(false), it fails.
      - Where the commands are not installed yet, check mode always plans against a fresh OpenNebula.
    type: bool
    default: false
notes:
  - Runs on a front-end, as root or oneadmin (whoever finds oneadmin's auth file). For check mode on a bare host run it
    as root, since the user oneadmin does not exist there yet.
  - Uses only what the commands of OpenNebula 5.12 to 7.4 have in common. The behaviour of 6.10.0 and 7.4.0 was captured
    from the real programs; that of 5.12 is not proven.
"""

    RESOURCE = r"""
attributes:
  check_mode:
    support: full
    description: The pool is read and the plan is reported; nothing is changed.
  diff_mode:
    support: full
    description: Each changed resource is shown before and after; values whose name says secret are hidden.
  platform:
    support: full
    description: Runs on the front-end.
    platforms: posix
notes:
  - In a template a value is a scalar, a dictionary (vector attribute), or a list of either (repeated attribute). Names
    are upper-cased as oned does, and booleans become V(YES) and V(NO). Only what is given is compared and changed.
"""

    INFO = r"""
attributes:
  check_mode:
    support: full
    description: Nothing is ever changed.
  diff_mode:
    support: N/A
    description: Nothing is ever changed.
  platform:
    support: full
    description: Runs on the front-end.
    platforms: posix
"""
