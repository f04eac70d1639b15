# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of engine-setup: what is refused, what is written, and that otopi would read what was meant."""

from __future__ import annotations

import configparser
import os
import re
from pathlib import Path
from typing import Any

import pytest
from host_module import ModuleFailed, run_module
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_answers import (
    declared,
    faults_of,
    file_text,
    parse_text,
    text_fault,
)
from ansible_collections.kvmcloud.stack.plugins.modules import ovirt_answer_file

GOOD = {
    "OVESETUP_ENGINE_CORE/enable": True,
    "OVESETUP_ENGINE_CONFIG/fqdn": "engine.example.org",
    "OVESETUP_CONFIG/fqdn": "engine.example.org",
    "OVESETUP_CONFIG/applicationMode": "virt",
    "OVESETUP_CONFIG/updateFirewall": True,
    "OVESETUP_CONFIG/firewallManager": "firewalld",
    "OVESETUP_DWH_CONFIG/scale": "1",
    "OVESETUP_DB/port": 5432,
    "OVESETUP_PKI/organization": "Example & Söhne; #1 = 100 % 50%",
    "QUESTION/1/KEYCLOAK_USE_ENGINE_ADMIN_PASSWORD": "yes",
}
SECRETS = {"OVESETUP_CONFIG/adminPassword": " p%s'w\"d # ; = [x] \\n"}
DB = "OVESETUP_DB"
LOCAL = "OVESETUP_PROVISIONING/postgresProvisioningEnabled"


def otopi_reads(text: str) -> dict[str, Any]:
    """The rules of otopi's reader, written anew: RawConfigParser, case kept, KEY=type:value."""
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    parser.read_string(text)
    values: dict[str, Any] = {}
    for key, value in parser.items("environment:default"):
        kind, text_value = value.split(":", 1)
        convert = {
            "none": lambda _text: None,
            "bool": lambda text: text not in ("f", "F", "false", "False"),
            "int": int,
            "str": str,
        }[kind]
        values[key] = convert(text_value)
    return values


def told(**changed: Any) -> list[str]:
    answers = {**GOOD, **SECRETS, **{key.replace("__", "/"): value for key, value in changed.items()}}
    return faults_of(declared(answers, "answers"), "4.5.7")


def test_good_answers_are_read_as_they_were_meant():
    assert told() == []
    assert otopi_reads(file_text(GOOD)) == GOOD
    assert otopi_reads(file_text(SECRETS)) == SECRETS
    answers, faults = parse_text(file_text({**GOOD, **SECRETS}), "file")
    assert faults == [] and {one.key: one.value for one in answers} == {**GOOD, **SECRETS}


@given(st.text(max_size=40))
def test_every_text_that_is_taken_survives_the_file(text):
    if text_fault(text) is None:
        answers = {"OVESETUP_CONFIG/adminPassword": text}
        assert otopi_reads(file_text(answers)) == answers
        assert [one.value for one in parse_text(file_text(answers), "file")[0]] == [text]


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("OVESETUP_CONFIG/nfsConfigEnabled", True, "knows no such answer, and engine-setup would pass over"),
        ("OVESETUP_Config/adminpassword", "x", "Is OVESETUP_CONFIG/adminPassword meant"),
        ("OVESETUP_DWH_CORE/enable", "no", "'no' as text is true to otopi"),
        ("OVESETUP_DWH_CORE/enable", 0, "its type is bool, and the value is 0"),
        ("OVESETUP_DWH_CONFIG/scale", 1, "its type is str, and the value is 1. Write it in quotes"),
        ("OVESETUP_DB/port", "5432", "its type is int"),
        ("OVESETUP_DB/port", True, "its type is int"),
        ("OVESETUP_DB/port", [5432], "its type is int"),
        (
            "OVESETUP_CONFIG/applicationMode",
            "Virt",
            "none of virt, gluster, both in small letters. setup finds that out late",
        ),
        ("OVESETUP_CONFIG/firewallManager", "iptables", "none of firewalld, skip"),
        ("OVESETUP_CONFIG/adminPassword", "a\nb", "line break"),
        ("OVESETUP_CONFIG/adminPassword", "a\u2028b", "line break"),
        ("OVESETUP_CONFIG/adminPassword", "a ", "ends with a blank, which is lost"),
        ("OVESETUP_CONFIG/adminPassword", "a\u3000", "ends with a blank"),
        ("OVESETUP_CONFIG/fqdn", "engine", "no fully qualified name"),
        ("OVESETUP_CONFIG/fqdn", "192.0.2.1", "no fully qualified name"),
        ("OVESETUP_CONFIG/fqdn", "localhost.localdomain", "names every host itself"),
        ("OVESETUP_CONFIG/engineHeapMax", "4g", "no size such as 4096M"),
        ("OVESETUP_ENGINE_CORE/enable", None, "OVESETUP_ENGINE_CORE/enable is missing"),
        ("OVESETUP_ENGINE_CONFIG/fqdn", None, "OVESETUP_ENGINE_CONFIG/fqdn is missing; the question has no default"),
        ("OVESETUP_CONFIG/fqdn", None, "OVESETUP_CONFIG/fqdn is missing"),
        ("OVESETUP_CONFIG/adminPassword", None, "OVESETUP_CONFIG/adminPassword is missing"),
        ("OVESETUP_CONFIG/firewallManager", None, "firewallManager is missing, and"),
        ("OVESETUP_DB/host", "db.example.org", "setup would take localhost instead"),
        ("OVESETUP_DWH_DB/host", "db.example.org", "setup would take localhost instead"),
        (LOCAL, False, "so others make the database, and OVESETUP_DB/host, OVESETUP_DB/user"),
    ],
)
def test_each_wrong_answer_is_told(key, value, words):
    found = told(**{key.replace("/", "__"): value})
    assert any(words in one for one in found), found


def test_a_remote_database_that_is_complete():
    remote = {f"{DB}/{name}": name for name in ("host", "user", "database", "password")}
    assert told(**{key.replace("/", "__"): value for key, value in {**remote, LOCAL: False}.items()}) == []


def test_no_engine_needs_no_name():
    assert faults_of(declared({"OVESETUP_ENGINE_CORE/enable": False}, "answers"), "4.5.7") == []


def test_secrets_are_not_quoted():
    for wrong in ("hunter2\n", "hunter2 ", 2271, ["hunter2"]):
        assert not re.search("hunter2|2271", " ".join(told(OVESETUP_CONFIG__adminPassword=wrong)))
    for kind in ("bool", "int", "text"):
        assert "hunter2" not in " ".join(parse_text(f"[environment:default]\nA/b={kind}:hunter2\n", "x")[1])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("OVESETUP_DWH_CORE/enable=bool:no", "a bool is true to otopi unless"),
        ("OVESETUP_DWH_CORE/enable=bool:FALSE", "a bool is true to otopi unless"),
        ("OVESETUP_DWH_CORE/enable=bool:", "a bool is true to otopi unless"),
        ("OVESETUP_DB/port=int:many", "the value is no number"),
        ("OVESETUP_DB/port=5432", "KEY=type:value"),
        ("OVESETUP_DB/port=integer:5432", "KEY=type:value"),
        (" OVESETUP_DB/port=int:5432", "continues the value above it"),
        ("OVESETUP_ENGINE_CORE/enable=bool:True", "is in answers and in own, line 2; it is answered once"),
        ("OVESETUP_AIO/configure=bool:True", "own, line 2: OVESETUP_AIO/configure: oVirt 4.5.7 knows no such answer"),
        ("[environment:defaults]", "the section is [environment:defaults]; otopi reads"),
        ("[environment:override", "the section is [environment:override; otopi reads"),
        (
            "[environment:default]",
            "own, line 2: [environment:default] is there twice, and otopi reads such a file in part",
        ),
        ("OVESETUP_PKI/organization=str:S\udcf6hne", "own is not written in UTF-8, and engine-setup would pass over"),
    ],
)
def test_files_written_by_hand(capsys: Any, tmp_path: Path, line: str, words: str) -> None:
    own = tmp_path / "own"
    own.write_text(f"[environment:default]\n{line}\n", errors="surrogateescape")
    own.chmod(0o600)
    params = {"path": str(tmp_path / "answers"), "secrets_path": str(tmp_path / "secrets"), "own_files": [str(own)]}
    with pytest.raises(ModuleFailed) as failed:
        run_module(capsys, ovirt_answer_file, answers=GOOD, secrets=SECRETS, **params)
    assert words in str(failed.value).replace(f"{own}", "own")
    assert sorted(os.listdir(tmp_path)) == ["own"]


def test_what_otopi_would_have_made_of_it():
    """Why the lines above are refused: the reader takes them, or ends, as is said there."""
    head = "[environment:default]\n"
    assert otopi_reads(head + "A/b=bool:no\nA/c=bool:\nA/d=bool:FALSE\n") == {"A/b": True, "A/c": True, "A/d": True}
    assert otopi_reads(head + "A/b=str:x\n C/d=str:y\n") == {"A/b": "x\nC/d=str:y"}
    assert otopi_reads(head + "A/b=str:x \n") == {"A/b": "x"}
    with pytest.raises(configparser.DuplicateOptionError):
        otopi_reads(head + "A/b=str:x\nA/b=str:x\n")
    with pytest.raises(configparser.DuplicateSectionError):
        otopi_reads(head + head)


def params_in(folder: Path) -> dict[str, Any]:
    paths = {"path": str(folder / "answers"), "secrets_path": str(folder / "secrets")}
    return {**paths, "answers": dict(GOOD), "secrets": dict(SECRETS)}


def test_the_files(capsys: Any, tmp_path: Path) -> None:
    params = params_in(tmp_path)
    assert run_module(capsys, ovirt_answer_file, check=True, **params)["changed"] and not os.listdir(tmp_path)
    result = run_module(capsys, ovirt_answer_file, **params)
    assert SECRETS["OVESETUP_CONFIG/adminPassword"] not in str(result)
    assert result["diff"][1]["after"].endswith("(new content is secret)\n"), "the file as a whole is not shown"
    assert {name: (tmp_path / name).stat().st_mode & 0o777 for name in os.listdir(tmp_path)} == {
        "answers": 0o600,
        "secrets": 0o600,
    }
    assert otopi_reads((tmp_path / "answers").read_text()) == GOOD
    assert otopi_reads((tmp_path / "secrets").read_text()) == SECRETS
    assert not run_module(capsys, ovirt_answer_file, **params)["changed"]
    params["answers"]["OVESETUP_DB/port"] = 5433
    assert [one["after_header"] for one in run_module(capsys, ovirt_answer_file, **params)["diff"]] == [params["path"]]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"secrets": {}, "answers": {**GOOD, **SECRETS}}, "is a secret; give it in secrets"),
        ({"secrets": {**SECRETS, "OVESETUP_DB/user": "engine"}}, "OVESETUP_DB/user is no secret; give it in answers"),
        ({"path": "/tmp/a:b"}, "takes a ':' for the end of a path"),
        ({"own_files": ["/nowhere/own"]}, "is not there; engine-setup would only warn"),
        ({"own_files": ["/etc/passwd"]}, "has the mode 0644; it may hold secrets"),
    ],
)
def test_what_the_module_refuses(capsys: Any, tmp_path: Path, changed: dict[str, Any], words: str) -> None:
    with pytest.raises(ModuleFailed, match=words):
        run_module(capsys, ovirt_answer_file, **{**params_in(tmp_path), **changed})
    assert not os.listdir(tmp_path)


def test_one_file_for_two_purposes(capsys: Any, tmp_path: Path) -> None:
    params = params_in(tmp_path)
    with pytest.raises(ModuleFailed, match="name one file twice"):
        run_module(capsys, ovirt_answer_file, **{**params, "secrets_path": params["path"]})
