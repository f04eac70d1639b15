# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine of oVirt on its host: whether it is set up, by which version, and what engine-setup has to do. No I/O."""

from __future__ import annotations

import re
from typing import Any, Mapping, NamedTuple, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_answer_keys import Key
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_answers import (
    ENABLE,
    ENGINE_FQDN,
    HOST_FQDN,
    parse_text,
)

POST_CONF = "/etc/ovirt-engine-setup.conf.d/20-setup-ovirt-post.conf"  # written by setup as its last deed
VERSION = "OVESETUP_CORE/generatedByVersion"
OLDEST_SCHEMA = (4, 2)
NOTHING, SET_UP, UPGRADE = "none", "setup", "upgrade"

SUCCESS = "Execution of setup completed successfully"
FAILURE = "Execution of setup failed"
_LOG_FILE = re.compile(r"Log file(?: is located at|:) (/\S+)")


class EngineState(NamedTuple):
    installed: str | None = None  # version of the package ovirt-engine-setup
    configured: bool = False
    configured_by: str | None = None  # version that set it up
    fqdn: str | None = None
    restored: bool = False  # from a backup, and no setup has come to its end since

    @property
    def upgrade_due(self) -> bool:
        return self.configured and self.installed is not None and self.configured_by != self.installed


class Decision(NamedTuple):
    action: str
    refusal: str = ""


def engine_state(post_conf: str | None, installed: str | None, restored: bool = False) -> EngineState:
    """post_conf: text of POST_CONF, None if there is none."""
    if post_conf is None:
        return EngineState(installed, restored=restored)
    values = {one.key: one.value for one in parse_text(post_conf, POST_CONF)[0]}
    fqdn = values.get(ENGINE_FQDN) or values.get(HOST_FQDN)
    return EngineState(installed, values.get(ENABLE) is True, values.get(VERSION), fqdn, restored)


def numbers(version: str | None) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version or ""))


def decide(state: EngineState, fqdn: str) -> Decision:
    """What engine-setup is run for, or why it is not run."""
    if state.installed is None:
        return Decision(NOTHING, "The package ovirt-engine-setup is not installed. Install ovirt-engine first.")
    if not state.configured:
        return Decision(SET_UP)
    if state.fqdn and state.fqdn.lower() != fqdn.lower():
        return Decision(
            NOTHING,
            f"The engine of this host was set up as {state.fqdn}, declared is {fqdn}. Certificates and hosts know the "
            "former name. Rename it by hand with ovirt-engine-rename, or correct the declaration.",
        )
    if not state.upgrade_due:
        return Decision(SET_UP if state.restored else NOTHING)
    former, installed = numbers(state.configured_by), numbers(state.installed)
    if former > installed:
        return Decision(
            NOTHING,
            f"The database is of version {state.configured_by}, and the packages are of {state.installed}, which is "
            "older. A database is never taken back: install packages of its version, or restore a backup.",
        )
    if former and former < OLDEST_SCHEMA:
        return Decision(
            NOTHING,
            f"The engine was set up by version {state.configured_by}; {state.installed} takes databases of 4.2 and "
            "later. Upgrade by way of the releases between them.",
        )
    return Decision(UPGRADE)


def log_file(output: str) -> str | None:
    found = _LOG_FILE.findall(output)
    return found[-1] if found else None


def outcome(status: int, output: str) -> str | None:
    """Why a run of engine-setup was none that succeeded; None if it was one. Status and last words must agree."""
    succeeded, failed = SUCCESS in output, FAILURE in output
    if status == 0 and succeeded and not failed:
        return None
    if status == 0:
        words = "says that it failed" if failed else "does not say that it succeeded"
        return f"engine-setup ended with status 0, but its output {words}."
    kind = {2: ", it could not load a plug-in"}.get(status, "")
    return f"engine-setup ended with status {status}{kind}."


def excerpt(output: str, secrets: Sequence[str], lines: int = 12) -> str:
    """What matters of the output to who reads the failure: errors, and the last lines. Secrets are masked."""
    shown = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in shown[:-lines] if "[ ERROR ]" in line or "[WARNING]" in line]
    return masked("\n".join([*errors, *shown[-lines:]]), secrets)


def masked(text: str, secrets: Sequence[str]) -> str:
    for secret in sorted({one for one in secrets if one}, key=len, reverse=True):
        text = text.replace(secret, "********")
    return text


def secret_values(texts: Sequence[str], known: Mapping[str, Key]) -> list[str]:
    """The values that must not be seen, of the answer files of a run."""
    values: list[Any] = [one for text in texts for one in parse_text(text, "answers")[0]]
    return [str(one.value) for one in values if one.key in known and known[one.key].secret and one.value is not None]
