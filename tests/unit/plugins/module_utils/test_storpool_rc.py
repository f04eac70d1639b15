# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.plan import plan_edits
from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_addons import AddonError
from ansible_collections.kvmcloud.stack.plugins.module_utils.storpool_rc import prefix, rc_edits

RC = '# what volumes are called\n#ONE_PX=one\nDELAY_DELETE="48h" # cannot be switched off\n'


@pytest.mark.parametrize(
    "options, text",
    [
        ({"ONE_PX": "two"}, RC.replace("#ONE_PX=one\n", "#ONE_PX=one\nONE_PX=two\n")),
        ({"DELAY_DELETE": "1s"}, RC.replace('"48h"', '"1s"')),
        ({"SP_CHECKPOINT_BD": True}, RC + "SP_CHECKPOINT_BD=1\n"),
        ({"RAFT_LEADER_IP": "192.0.2.1", "DELAY_DELETE": None}, None),
        ({"T_CPUTUNE_EMULATOR_PERIOD": 1000, "DDEBUG_cp".upper(): 1}, None),
        ({}, RC),
    ],
)
def test_options_become_lines(options: dict[str, Any], text: str | None) -> None:
    after = plan_edits("addon-storpoolrc", RC, rc_edits(options)).after
    assert text is None or after == text
    assert plan_edits("addon-storpoolrc", after, rc_edits(options)).after == after
    for name, value in options.items():
        assert (f"\n{name}=" in after) == (value is not None)


def test_a_misspelt_option_is_refused() -> None:
    with pytest.raises(AddonError, match="names ONEPX, which the add-on does not document"):
        rc_edits({"ONEPX": "two"})


def test_the_prefix_of_this_opennebula() -> None:
    assert prefix({}) == "one" and prefix({"ONE_PX": "two"}) == "two"
