# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users of Samba: what is done for which declaration."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.nt_hash import nt_hash
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Plan, Refused
from ansible_collections.kvmcloud.stack.plugins.module_utils.smb_users import (
    Account,
    not_as_declared,
    parse_accounts,
    plan_users,
)

SECRET = "correct-horse-battery"
NOBODY = "X" * 32
LISTING = f"""\
anna:998:{NOBODY}:{nt_hash(SECRET)}:[U          ]:LCT-6740A1B2:
Ben:1000:{NOBODY}:{nt_hash("another")}:[UD         ]:LCT-6740A1B2:
new:999:{NOBODY}:NO PASSWORDXXXXXXXXXXXXXXXXXXXXX:[NDU        ]:LCT-00000000:
"""
PRESENT = parse_accounts(LISTING)
SYSTEM = ["anna", "Ben", "root"]


def planned(*wanted: dict[str, Any], groups: tuple[str, ...] = ()) -> Plan:
    return plan_users(wanted, PRESENT, SYSTEM, groups)


def user(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "password": SECRET, "update_password": "always", "state": "present", **more}


def test_what_pdbedit_prints_is_read_and_its_noise_is_not() -> None:
    assert list(PRESENT) == ["anna", "ben", "new"]
    assert PRESENT["ben"] == Account("Ben", nt_hash("another"), "UD")
    assert [account.disabled for account in PRESENT.values()] == [False, True, True]
    assert parse_accounts("Can't load /etc/samba/smb.conf - run testparm to debug it\na:b:c\n\n") == {}


@pytest.mark.parametrize(
    ("wanted", "actions"),
    [
        pytest.param([user("anna")], [], id="the password is the declared one"),
        pytest.param([user("ANNA")], [], id="SMB knows no capital letters"),
        pytest.param([user("anna", password="new")], ["change the password of anna"], id="another password"),
        pytest.param([user("anna", password="new", update_password="on_create")], [], id="left to the user"),
        pytest.param([user("new")], ["change the password of new"], id="one that had none"),
        pytest.param([user("root")], ["add user root to Samba"], id="the system knows the user"),
        pytest.param(
            [user("carl", update_password="on_create")],
            ["make the system's user carl, without a shell", "add user carl to Samba"],
            id="nobody knows the user",
        ),
        pytest.param([user("anna", state="absent", password=None)], ["remove user anna from Samba"], id="one goes"),
        pytest.param([user("carl", state="absent", password=None)], [], id="one is not there anyway"),
    ],
)
def test_steps(wanted: list[dict[str, Any]], actions: list[str]) -> None:
    plan = planned(*wanted)
    assert [step.sentence for step in plan.steps] == actions
    assert bool(plan.diff) == bool(actions)


def test_no_password_is_in_an_argument_or_shown() -> None:
    plan = planned(user("anna", password="new-secret"), user("carl", password="other-secret"))
    shown = f"{plan.result()} {plan.warnings}"
    assert "secret" not in shown and "< (hidden)" in shown
    for step in plan.steps:
        assert not any("secret" in part for part in step.argv if isinstance(part, str))
    typed = [getattr(part, "text", None) for part in plan.steps[0].argv][-1]
    assert typed == "new-secret\nnew-secret\n", "smbpasswd wants it twice"


def test_a_user_of_the_system_cannot_log_in_and_joins_the_group_that_has_its_name() -> None:
    made = planned(user("carl")).steps[0].argv
    assert made[:2] == ("useradd", "--system") and made[-1] == "carl"
    assert made[made.index("--shell") : made.index("--shell") + 2] == ("--shell", "/usr/sbin/nologin")
    assert "--gid" not in made
    assert planned(user("carl"), groups=("carl",)).steps[0].argv[-3:] == ("--gid", "carl", "carl")


def test_one_that_is_disabled_is_left_so_and_told() -> None:
    plan = planned(user("Ben", password="another"))
    assert plan.steps == []
    assert plan.warnings == [
        "User Ben is disabled in Samba, and is left so. To let it in: smbpasswd -e Ben.",
    ]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ([user("anna"), user("Anna")], "Anna is declared twice"),
        ([user("anna", password=None)], "anna has no password"),
        ([user("anna", password="")], "anna has no password"),
        ([user("anna", password="a\nb")], "has a line break"),
        ([user("anna", password="\u00fc" * 128)], "longer than 255 bytes"),
        ([user("-x")], "'-x' is no name"),
        ([user("an:na")], "'an:na' is no name"),
        ([user("")], "'' is no name"),
    ],
)
def test_what_is_refused(wanted: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(Refused, match=words) as refused:
        planned(*wanted)
    assert SECRET not in str(refused.value)
    assert len(refused.value.findings) == 1


def test_what_is_still_wrong_in_the_end() -> None:
    assert not_as_declared([user("anna"), user("x", state="absent")], PRESENT) == []
    assert not_as_declared([user("Ben", update_password="on_create")], PRESENT) == []
    wrong = [user("anna", state="absent"), user("carl"), user("ben")]
    assert [sentence.split()[1] for sentence in not_as_declared(wrong, PRESENT)] == ["still", "does", "has"]
