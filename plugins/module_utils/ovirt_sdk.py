# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections to an engine through oVirt's SDK for Python."""

from __future__ import annotations

import contextlib
import traceback
from typing import Any, Iterator

from ansible.module_utils.basic import missing_required_lib

try:
    import ovirtsdk4

    SDK_ERROR = None
except ImportError:
    SDK_ERROR = traceback.format_exc()

AUTH = {
    "type": "dict",
    "required": True,
    "options": {
        "url": {"type": "str", "required": True},
        "token": {"type": "str", "no_log": True},
        "username": {"type": "str"},
        "password": {"type": "str", "no_log": True},
        "ca_file": {"type": "path"},
        "insecure": {"type": "bool", "default": False},
        "timeout": {"type": "int", "default": 60},
        "compress": {"type": "bool", "default": True},
        "kerberos": {"type": "bool", "default": False},
        "headers": {"type": "dict"},
        "hostname": {"type": "str"},
        "state": {"type": "str"},
    },
}


@contextlib.contextmanager
def engine_of(module: Any) -> Iterator[Any]:
    """A connection as the module's option auth describes it; what the engine refuses ends the module in its words."""
    if SDK_ERROR:
        module.fail_json(msg=missing_required_lib("ovirt-engine-sdk-python"), exception=SDK_ERROR)
    auth = {name: value for name, value in module.params["auth"].items() if name not in ("hostname", "state")}
    connection = None
    try:
        connection = ovirtsdk4.Connection(**auth)
        yield connection
    except ovirtsdk4.Error as error:
        module.fail_json(msg=f"The engine at {auth['url']} says: {error}")
    finally:
        if connection:
            connection.close(logout=not auth.get("token"))  # a token that was given is its owner's
