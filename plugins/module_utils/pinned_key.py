# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The public key of a repository, from wherever the user keeps it, and only if its fingerprint is listed."""

from __future__ import annotations

import contextlib
import re
from typing import Any, Mapping

from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import PresentFile
from ansible_collections.kvmcloud.stack.plugins.module_utils.openpgp_keys import (
    KeyFileError,
    armored,
    read_keys,
    refuse_unlisted,
)

KEY_SIZE_LIMIT = 1 << 20


class KeyOutOfReach(Exception):
    """The key could not be fetched; nothing is known about its fingerprint."""


def fetch_key(source: str, timeout: int) -> bytes:
    """The bytes of the key file, from wherever the user keeps it."""
    if "-----BEGIN" in source:
        return source.encode()
    if source.startswith("/"):
        try:
            with open(source, "rb") as stream:
                return stream.read(KEY_SIZE_LIMIT)
        except OSError as error:
            raise KeyOutOfReach(f"The key file {source} cannot be read on the target: {error.strerror}.") from error
    if not re.match(r"^https?://", source):
        raise KeyFileError(
            "key is neither an armoured key, nor an https:// address, nor an absolute path on the target"
        )
    # Not at the top: it is the slowest import there is, and a converged run does not need it.
    from ansible.module_utils.urls import open_url

    try:
        data: bytes = open_url(source, timeout=timeout, follow_redirects="safe").read(KEY_SIZE_LIMIT)
        return data
    except Exception as error:
        raise KeyOutOfReach(
            f"The key {source} cannot be fetched: {error}. Check the address and the way there, or give the key itself."
        ) from error


def wanted_key(params: Mapping[str, Any], on_target: PresentFile | None) -> tuple[bytes, list[str]]:
    """(armoured key, fingerprints): the key on the target if it will do, else the given one; refused if not pinned."""
    fetches = params["key"].startswith("http") and not params["refresh_key"]
    if fetches and on_target is not None:
        with contextlib.suppress(KeyFileError):
            keys, packets = read_keys(on_target.content)
            refuse_unlisted(keys, params["key_fingerprint"], "the target")
            return armored(packets), [key.fingerprint for key in keys]
    source = "key" if "-----BEGIN" in params["key"] else params["key"]
    data = fetch_key(params["key"], params["timeout"])
    try:
        keys, packets = read_keys(data)
    except KeyFileError as error:
        raise KeyFileError(f"The key of {source} cannot be used: {error}. Nothing was changed.") from error
    refuse_unlisted(keys, params["key_fingerprint"], source)
    return armored(packets), [key.fingerprint for key in keys]
