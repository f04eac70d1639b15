# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page about the preflight lists every rule, in the rules' own words.

Its tables are written by:  python tests/unit/test_preflight_page.py --write
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = CHECKOUT / "docs/preflight.md"
BEGIN, END = "<!-- rules: begin -->\n", "<!-- rules: end -->\n"


def tables() -> str:
    from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_rules import TOPICS

    lines = []
    for topic, rules in TOPICS.items():
        lines += [f"### {topic}", "", "| rule | finds | can be accepted |", "|---|---|---|"]
        lines += [f"| `{rule.name}` | {rule.explanation} | {'yes' if rule.acceptable else 'no'} |" for rule in rules]
        lines.append("")
    return "\n" + "\n".join(lines)


def test_the_page_lists_the_rules_as_they_are() -> None:
    listed = PAGE.read_text().split(BEGIN)[1].split(END)[0]
    assert listed == tables() + "\n", "run this file with --write"


def test_the_page_names_the_limits_as_they_are() -> None:
    defaults = yaml.safe_load((CHECKOUT / "roles/preflight/defaults/main.yml").read_text())
    page = PAGE.read_text()
    for name, value in defaults.items():
        if name == "preflight_upgrade":  # no limit, and set by a playbook
            continue
        assert f"`{name}`" in page or name == "preflight_accepted"
        if isinstance(value, int):
            assert re.search(rf"^\| `{name}` \|.* {value} \|$", page, re.MULTILINE), name


def test_the_examples_are_rules() -> None:
    from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_acceptance import parse
    from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_rules import ALL_RULES

    page = PAGE.read_text()
    example = yaml.safe_load(re.search(r"```yaml\n(.*?)```", page, re.DOTALL).group(1))["preflight_accepted"]
    quoted = re.findall(r"^    (?:error|warning|accepted): .* \[(\w+)\]$", page, re.MULTILINE)
    acceptable = {rule.name for rule in ALL_RULES if rule.acceptable}
    assert quoted and {acceptance.rule for acceptance in parse(example)} | set(quoted) <= acceptable


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    sys.path.insert(0, str(CHECKOUT / ".cache/collections"))
    before, rest = PAGE.read_text().split(BEGIN)
    PAGE.write_text(before + BEGIN + tables() + "\n" + END + rest.split(END)[1])
