# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of an engine's host."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import read_file
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_engine_state import (
    POST_CONF,
    EngineState,
    engine_state,
)

RUN = "/var/lib/kvmcloud.stack/engine-setup"
RESTORED = "/var/lib/kvmcloud.stack/engine-is-restored"  # made by the role after engine-backup, ended by setup


def read_engine(module: Any) -> EngineState:
    found = read_file(POST_CONF)
    installed = None
    if module.get_bin_path("rpm"):
        status, out, _err = module.run_command(["rpm", "-q", "--qf", "%{VERSION}", "ovirt-engine-setup"])
        installed = out.strip() if status == 0 else None
    post_conf = found.content.decode("utf-8", "replace") if found else None
    return engine_state(post_conf, installed, os.path.exists(RESTORED))
