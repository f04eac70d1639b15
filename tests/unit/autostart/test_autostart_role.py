# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Program, units and variables of the role name the same things."""

from __future__ import annotations

import configparser
from pathlib import Path

import yaml
from autostart_rule import LEAVE, START, WISHES, Policy

ROLE = Path(__file__).resolve().parents[3] / "roles/opennebula_autostart"
PREFIX = "opennebula_autostart_"


def load(file: str) -> dict:
    return yaml.safe_load((ROLE / file).read_text())


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read_string((ROLE / "files" / name).read_text())
    return parser


def test_defaults_of_the_role_are_those_of_the_program():
    defaults = {name.removeprefix(PREFIX): value for name, value in load("defaults/main.yml").items()}
    built_in = Policy()._asdict()
    assert defaults == {name: value for name, value in built_in.items() if name not in ("queue", "log")}


def test_every_setting_is_written_and_every_written_one_is_a_setting():
    lines = load("vars/main.yml")[PREFIX + "settings"].splitlines()
    written = {line.partition(" = ")[0]: line.partition(" = ")[2] for line in lines if " = " in line}
    assert written == {name: f"{{{{ {PREFIX}{name} }}}}" for name in Policy._fields if name not in ("queue", "log")}


def test_choices_are_those_of_the_program():
    options = load("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    assert tuple(options[PREFIX + "default"]["choices"]) == WISHES
    assert options[PREFIX + "undecidable"]["choices"] == [START, LEAVE]


def test_units_and_rotation_name_what_the_program_uses():
    assert unit("opennebula-autostart.path")["Path"]["DirectoryNotEmpty"] == Policy().queue
    folder = load("vars/main.yml")[PREFIX + "folder"]
    service = unit("opennebula-autostart.service")
    assert service["Service"]["ExecStart"] == f"/usr/bin/python3 {folder}/opennebula_autostart.py --work"
    assert service["Unit"]["PartOf"] == "opennebula-autostart.path"
    assert (ROLE / "files/opennebula-autostart.logrotate").read_text().startswith(Policy().log + " {")


def test_every_file_of_the_role_is_installed():
    installed = " ".join(file["content"] for file in load("vars/main.yml")[PREFIX + "files"])
    for path in (ROLE / "files").iterdir():
        assert path.name.startswith("__") or f"'{path.name}'" in installed
