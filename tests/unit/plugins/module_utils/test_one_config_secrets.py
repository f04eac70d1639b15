# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which values are secrets, and that a diff does not show them."""

from __future__ import annotations

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.plan import plan_edits, shown
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.secrets import is_secret, secret_values

SECRETS = [
    "PASSWD",
    "DB/PASSWD",
    ":password",
    "NETAPP_PASS",
    "SP_AUTH_TOKEN",
    "SECRET_ACCESS_KEY",
    "token_remote_support",
]
HARMLESS = [
    "PASSWORD_CHANGE",
    "MAX_TOKEN_TIME",
    "RANDOM_PASSWD",
    "COMPASS",
    "VM_ENCRYPTED_ATTR",
    "KEY",
    "ACCESS_KEY_ID",
]


@pytest.mark.parametrize("name, secret", [*((name, True) for name in SECRETS), *((name, False) for name in HARMLESS)])
def test_is_secret(name, secret):
    assert is_secret(name) == secret


def test_further_names_are_the_users():
    assert is_secret("SP_KEY", ["sp_key"])


def test_the_secrets_of_an_edit():
    edit = {"attribute": "DB", "values": {"PASSWD": "p w", "USER": "u", "PORT": 1}}
    assert list(secret_values(edit)) == ["p w"]
    assert list(secret_values({"attribute": "DB", "key": "PASSWD", "value": 4711})) == ["4711"]
    assert list(secret_values({"attribute": "TOKEN", "value": ""})) == []
    assert list(secret_values({"attribute": "API_TOKEN", "item": "i"})) == ["i"]
    assert list(secret_values({"attribute": "API_TOKEN", "members": ["m", "n"]})) == ["m", "n"]
    nested = {"server": {":password": "a", ":user": "b"}, "tokens": [{"token": "c"}]}
    assert list(secret_values({"attribute": "auth", "value": nested})) == ["a", "c"]


@pytest.mark.parametrize(
    "path, text, edit",
    [
        ("oned.conf", 'DB = [ PASSWD = "old", A = "b" ]\n', {"attribute": "DB", "values": {"PASSWD": 'n"ew'}}),
        ("addonrc", "SP_AUTH_TOKEN='old'\n", {"attribute": "SP_AUTH_TOKEN", "value": 'n"ew'}),
        ("oned.conf", "API_TOKEN = old\n", {"attribute": "API_TOKEN", "item": 'n"ew'}),
        ("oned.conf", "API_TOKEN = old\n", {"attribute": "API_TOKEN", "item": "old", "state": "absent"}),
        ("ldap_auth.conf", "token: [old]\n", {"attribute": "token", "item": 'n"ew'}),
        ("ldap_auth.conf", "s:\n  :password: old\n", {"attribute": "s", "value": {":password": 'n"ew'}}),
        ("ldap_auth.conf", "s:\n  :password: old\n", {"attribute": "s/:password", "value": 'n"ew'}),
    ],
)
def test_a_diff_shows_that_a_secret_changes_and_not_what_it_is(path, text, edit):
    if path.startswith("ldap"):
        pytest.importorskip("ruamel.yaml")
    planned = plan_edits(path, text, [edit])
    before, after = shown(planned)
    assert planned.changed and before != after
    assert "old" not in before + after
    assert "ew" not in before + after.replace("(new)", "")
    assert "old" not in "".join(planned.changes) and "ew" not in "".join(planned.changes)


def test_an_example_in_a_comment_may_hold_a_former_secret():
    text = '# DB = [ USER = "one", PASSWD = "former one" ]\nA = 1\n'
    before, _after = shown(plan_edits("oned.conf", text, [{"attribute": "A", "value": 2}]))
    assert before == '# DB = [ USER = "one", PASSWD = ******** ]\nA = 1\n'


def test_a_secret_that_stays_looks_the_same_in_both():
    before, after = shown(plan_edits("oned.conf", "PASSWD = x\nA = 1\n", [{"attribute": "A", "value": 2}]))
    assert (before, after) == ("PASSWD = ********\nA = 1\n", "PASSWD = ********\nA = 2\n")
