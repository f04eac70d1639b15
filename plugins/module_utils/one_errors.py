# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the commands of OpenNebula say when they fail, as sentences: what was found, and what to do."""

from __future__ import annotations

import re
from typing import NamedTuple

UNREACHABLE = "unreachable"
AUTHENTICATION = "authentication"
TIMEOUT = "timeout"
REFUSED = "refused"

# 'timeout' of coreutils ends with these when it had to stop the command: by SIGTERM, by SIGKILL.
_STOPPED = (124, 137)
# An unknown sub-command prints its help and ends with 0; only this line tells.
_UNKNOWN_COMMAND = re.compile(r"^Command '.*' not found$", re.MULTILINE)
# Ruby's own remarks, which come with successes too.
_RUBY_REMARK = re.compile(r"^nil versions are discouraged.*$", re.MULTILINE)

_SENTENCES: tuple[tuple[str, str, str], ...] = (
    (
        r"Failed to open TCP connection|HTTP-Error|Connection refused",
        UNREACHABLE,
        "oned does not answer. Look at 'systemctl status opennebula' and /var/log/one/oned.log.",
    ),
    (
        r"Net::ReadTimeout|Net::OpenTimeout|execution expired",
        TIMEOUT,
        "oned took the connection and did not answer in time. It hangs or is overloaded; see /var/log/one/oned.log.",
    ),
    (
        r"couldn't be authenticated",
        AUTHENTICATION,
        "oned does not accept the user or password of the auth file. The password lives in oned's database and not in "
        "the file: put the right one into /var/lib/one/.one/one_auth, or set it with the oneadmin_password module.",
    ),
    (
        r"ONE_AUTH file not present",
        AUTHENTICATION,
        "No auth file was found ($ONE_AUTH, ~/.one/one_auth, /var/lib/one/.one/one_auth). Run as root or oneadmin on "
        "the front-end, after its password was set.",
    ),
    (
        r"Permission denied @ rb_sysopen",
        AUTHENTICATION,
        "The auth file or the template file cannot be read by this user. Run as root or oneadmin.",
    ),
    (r"Not authorized to perform", REFUSED, "The user of the auth file lacks this right; run as oneadmin."),
    (r"is not defined in oned\.conf", REFUSED, "Add the driver to oned.conf and restart oned, or correct the name."),
    (r"is already taken by", REFUSED, "Something of this name was created since the pool was read. Run again."),
    (r"because it collides with", REFUSED, "The new name belongs to another resource; choose a different one."),
    (
        r"is locked\. \[",
        REFUSED,
        "Unlock it first with the 'unlock' sub-command; even oneadmin cannot change it locked.",
    ),
    (r"is not empty|contains \d+", REFUSED, "Move or delete what it contains first."),
    (r"leases in use", REFUSED, "Detach the VMs, reservations and held addresses of the network first."),
    (r"invalid byte sequence in US-ASCII", REFUSED, "The locale C.UTF-8 is missing on this host; install it."),
    (
        r"\[one\.hook\.\w+\] Error getting hook",
        REFUSED,
        "oned lists this hook and cannot load it: an update has changed its RESOURCE. Neither show nor delete works on "
        "such a hook; only its row in hook_pool of the database can be removed, with oned stopped.",
    ),
    (
        r"\w+ named .+ not found\.|\] Error getting [\w ]+ \[\d+\]",
        REFUSED,
        "It does not exist, or this user may not see it, or it was deleted since the pool was read. Correct the name, "
        "or run again.",
    ),
    (
        r"Groups cannot be manually managed",
        REFUSED,
        "The service that this user logs in with says its groups; leave out 'group' and 'groups', or set "
        "DRIVER_MANAGED_GROUPS of the driver in oned.conf to NO.",
    ),
    (r"has VMs using it", REFUSED, "Detach the NICs of these VMs from the security group first."),
    (r"Parse error: ", REFUSED, "oned could not parse the template; the line number in its text is random."),
)


class Failure(NamedTuple):
    kind: str
    sentence: str


def failure(command: str, rc: int, stdout: str, stderr: str, limit: int) -> Failure | None:
    """Why the command failed, or None if it did not. Release 5.12 prints errors on stdout, later ones on stderr."""
    if rc in _STOPPED:
        return Failure(
            TIMEOUT, f"'{command}' did not end within {limit} s and was stopped. oned hangs or is overloaded."
        )
    if rc == 0 and not _UNKNOWN_COMMAND.search(stderr) and not _UNKNOWN_COMMAND.search(stdout):
        return None
    unknown = _UNKNOWN_COMMAND.search(stderr) or _UNKNOWN_COMMAND.search(stdout)
    if unknown:
        return Failure(REFUSED, f"this release of OpenNebula does not know '{command}' ({unknown.group(0)}).")
    said = " ".join(_RUBY_REMARK.sub("", stderr + "\n" + stdout).split())
    for pattern, kind, advice in _SENTENCES:
        if re.search(pattern, said):
            return Failure(kind, f"'{command}' said: {said[:500]} - {advice}")
    return Failure(REFUSED, f"'{command}' ended with {rc} and said: {said[:500].rstrip('.') or 'nothing'}.")
