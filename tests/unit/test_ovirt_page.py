# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page about oVirt names variables, modules and playbooks that there are."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_hosted_engine_variables import VARIABLES

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = (CHECKOUT / "docs/ovirt.md").read_text()


def options() -> set[str]:
    found: set[str] = set()
    for path in (CHECKOUT / "roles").glob("ovirt_*/meta/argument_specs.yml"):
        found |= set(yaml.safe_load(path.read_text())["argument_specs"]["main"]["options"])
    return found


def test_variables_are_those_of_the_roles() -> None:
    modules = {path.stem for path in (CHECKOUT / "plugins/modules").glob("*.py")}
    roles = {path.name for path in (CHECKOUT / "roles").iterdir()}
    others = {"ovirt_engines", "ovirt_hosts", "ovirt_hosted_engine_hosts", "ovirt_hosted_engine_vms"}
    named = set(re.findall(r"`(ovirt_[a-z_]+)`", PAGE)) - others
    named |= set(re.findall(r"`(ovirt_[a-z_]+): ", PAGE))
    assert len(named) > 30
    assert named - options() - modules - roles == set()
    assert set(re.findall(r"\bhe_[a-z_A-Z]+[a-zA-Z]\b", PAGE)) - {"he_smtp"} <= set(VARIABLES)


def test_short_forms_are_those_of_the_roles() -> None:
    """`ovirt_resources_data_centers`, `_mac_pools`, ...: of the role whose variable stands before them."""
    (kinds,) = re.findall(r"`ovirt_resources_data_centers`,((?:\s`_[a-z_]+`,?)+)", PAGE)
    assert {f"ovirt_resources{one}" for one in re.findall(r"`(_[a-z_]+)`", kinds)} <= options()
    every = {one for one in options() if one.startswith("ovirt_resources_") and "api" not in one}
    timing = {"ovirt_resources_timeout", "ovirt_resources_host_timeout", "ovirt_resources_poll_interval"}
    shown = {f"ovirt_resources{one}" for one in re.findall(r"`(_[a-z_]+)`", kinds)} | {"ovirt_resources_data_centers"}
    assert every - timing == shown


def test_playbooks_are_there() -> None:
    named = set(re.findall(r"`kvmcloud\.stack\.(ovirt[a-z0-9_]*)`", PAGE))
    assert named == {path.stem for path in (CHECKOUT / "playbooks").glob("ovirt*.yml")}
