# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role host_network takes for each link what the module netplan takes, and hands all of it on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.kvmcloud.stack.plugins.modules import netplan

ROLE = Path(__file__).resolve().parents[2] / "roles/host_network"
SPEC = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]


def bare(options: dict[str, Any]) -> dict[str, Any]:
    """Without the descriptions."""
    kept = {name: {key: value for key, value in one.items() if key != "description"} for name, one in options.items()}
    return {name: {**one, "options": bare(one["options"])} if "options" in one else one for name, one in kept.items()}


@pytest.mark.parametrize("option", sorted(set(netplan.SPEC) - {"install", "phase", "trial"}))
def test_the_role_hands_on_what_the_module_takes(option: str) -> None:
    variable = f"host_network_{option}"
    assert bare(SPEC)[variable] == netplan.SPEC[option]
    (task,) = [one for one in yaml.safe_load((ROLE / "tasks/links.yml").read_text()) if "kvmcloud.stack.netplan" in one]
    assert task["kvmcloud.stack.netplan"][option] == f"{{{{ {variable} }}}}"
