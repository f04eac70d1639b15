# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The password of oneadmin lives twice: in oned's database, which counts, and in the auth file, which the commands use.

The file's password becomes the database's at the first start only. A run may have died between the two; this decides
what is left to do from what oned accepts.
"""

from __future__ import annotations

from enum import Enum
from typing import Callable

USER = "oneadmin"
# oned writes these beside one_auth when it creates its database, whatever the backend.
WRITTEN_AT_FIRST_START = ("sunstone_auth", "oneflow_auth", "onegate_auth")


class Reply(Enum):
    """What oned says to a pair of user and password."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    NONE = "none"  # oned is stopped, or frozen


class Action(Enum):
    NOTHING = "nothing"
    WRITE = "write the auth file"
    CHANGE_AND_WRITE = "change the password in oned, then write the auth file"


class AuthError(Exception):
    """Neither the file nor oned lets the password be set; the text is a sentence."""


class Unanswered(AuthError):
    """The password is to change and oned does not answer; once it does, all may be well."""


def line(password: str) -> str:
    """The content of the auth file. Only its first colon separates; the password may hold more."""
    return f"{USER}:{password}"


def decide(
    content: str | None,
    password: str,
    started_before: bool,
    ask_file: Callable[[], Reply],
    ask_wanted: Callable[[], Reply],
) -> Action:
    """What is left to do. oned is asked only where the answer matters: once on a converged host.

    One that does not answer is no reason to fail where the file is as wanted: whoever looks after its service is next.
    """
    written = content is not None and content.strip() == line(password)
    if not started_before:
        return Action.NOTHING if written else Action.WRITE
    if written:
        if ask_file() is Reply.REFUSED:
            raise AuthError(
                "The auth file holds the wanted password and oned does not accept it, so its database has another one. "
                "Put the password that oned knows into the auth file and run again."
            )
        return Action.NOTHING
    wanted = ask_wanted()
    if wanted is Reply.ACCEPTED:
        return Action.WRITE  # an earlier run died after the change in oned
    if wanted is Reply.NONE:
        raise Unanswered(
            "The password is to change and oned does not answer. It lives in oned's database since the first start, so "
            "start the service opennebula with the present auth file and run again."
        )
    if content is not None and ask_file() is Reply.ACCEPTED:
        return Action.CHANGE_AND_WRITE
    raise AuthError(
        "oned accepts neither the wanted password nor the one in the auth file. Put the password that oned knows into "
        "the auth file and run again."
    )
