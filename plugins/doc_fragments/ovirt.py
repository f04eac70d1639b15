# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation of the modules for hosts of oVirt has in common."""

from __future__ import annotations


class ModuleDocFragment:
    AUTH = r"""
options:
  auth:
    description: How the engine is reached, as C(ovirt.ovirt.ovirt_auth) returns it in C(ovirt_auth).
    type: dict
    required: true
    suboptions:
      url:
        description: URL of the API, such as V(https://engine.example.org/ovirt-engine/api).
        type: str
        required: true
      token:
        description: Token of a login. Otherwise give O(auth.username) and O(auth.password).
        type: str
      username:
        description: User of the API.
        type: str
      password:
        description: Password of the user.
        type: str
      ca_file:
        description: CA that the engine's certificate is verified by.
        type: path
      insecure:
        description: Whether the certificate is not verified.
        type: bool
        default: false
      timeout:
        description: How long an answer may take, in seconds. V(0) is without a limit.
        type: int
        default: 60
      compress:
        description: Whether answers are compressed.
        type: bool
        default: true
      kerberos:
        description: Whether the login is by Kerberos.
        type: bool
        default: false
      headers:
        description: Further headers of each request.
        type: dict
      hostname:
        description: Not used; C(ovirt_auth) may have it.
        type: str
      state:
        description: Not used; C(ovirt_auth) may have it.
        type: str
"""

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
