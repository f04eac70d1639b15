# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.apt_source import (
    SourceError,
    check_source,
    list_name,
    other_sources_of,
    paths_of,
    update_failure,
    wanted_files,
)


def params(**changes: Any) -> dict[str, Any]:
    return {
        "state": "present",
        "uris": ["https://repo.example.org/7.4/Debian/12"],
        "suites": ["stable"],
        "components": ["opennebula"],
        "architectures": [],
        "username": None,
        "password": None,
        "pins": [],
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"uris": []}, "uris and suites are needed"),
        ({"uris": ["repo.example.org"]}, "wanted an address that begins with"),
        ({"uris": ["https://me:token@repo.example.org"]}, "readable by everybody"),
        ({"uris": ["http://repo.example.org"], "username": "me", "password": "x"}, "would travel in clear"),
        ({"suites": ["stable main"]}, "one word without spaces"),
        ({"components": [""]}, "one word without spaces"),
        ({"components": []}, "components is empty"),
        ({"suites": ["./"]}, "has no components"),
        ({"username": "me", "password": "two words"}, "white space"),
        ({"pins": [{"package": "a\nPin: release *", "pin": "x", "priority": 1}]}, "line break"),
        # a line break would add fields of the author's choice
        ({"suites": ["stable\nTrusted: yes"]}, "one word without spaces"),
    ],
)
def test_bad_input_is_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SourceError, match=sentence):
        check_source(params(**changes))


def test_sentences_do_not_repeat_the_password() -> None:
    with pytest.raises(SourceError) as caught:
        check_source(params(username="me", password="two words"))
    assert "two words" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a/b", "opennebula.list", "-x", "ä", "a b"])
def test_names_that_apt_ignores_are_refused(name: str) -> None:
    with pytest.raises(SourceError, match="wanted letters, digits"):
        paths_of(name)


def test_files_of_a_whole_source() -> None:
    wanted = params(
        username="customer",
        password="token",
        architectures=["amd64"],
        pins=[{"package": "nodejs", "pin": "release o=OpenNebula", "priority": 600}],
    )
    check_source(wanted)
    files = {file.path: file for file in wanted_files(wanted, paths_of("one"), b"KEY")}
    assert files["/etc/apt/sources.list.d/one.sources"].content == (
        b"# Managed by kvmcloud.stack.apt_signed_source; local changes are overwritten.\n"
        b"Types: deb\n"
        b"URIs: https://repo.example.org/7.4/Debian/12\n"
        b"Suites: stable\n"
        b"Components: opennebula\n"
        b"Architectures: amd64\n"
        b"Signed-By: /etc/apt/keyrings/one.asc\n"
    )
    auth = files["/etc/apt/auth.conf.d/one.conf"]
    assert (auth.mode, auth.secret) == (0o600, True)
    assert auth.content and auth.content.endswith(
        b"machine repo.example.org/7.4/Debian/12 login customer password token\n"
    )
    pins = files["/etc/apt/preferences.d/one.pref"].content
    assert pins and pins.endswith(b"Package: nodejs\nPin: release o=OpenNebula\nPin-Priority: 600\n")
    # the source comes last: what it refers to is there when apt first sees it
    assert list(files)[-1] == "/etc/apt/sources.list.d/one.sources"


def test_absent_removes_the_source_before_what_it_refers_to() -> None:
    files = wanted_files(params(state="absent"), paths_of("one"), None)
    assert [file.content for file in files] == [None] * 4
    assert files[0].path == "/etc/apt/sources.list.d/one.sources"


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://deb.debian.org/debian/dists/bookworm/InRelease", "deb.debian.org_debian_dists_bookworm_InRelease"),
        ("http://10.0.0.1:8071/a_b/./InRelease", "10.0.0.1:8071_a%5fb_._InRelease"),
        ("file:/srv/repo/./Release", "_srv_repo_._Release"),
        ("https://u:p@h/x~y/dists/s/InRelease", "h_x%7ey_dists_s_InRelease"),
    ],
)
def test_names_of_package_lists(address: str, name: str) -> None:
    assert list_name(address) == name


UNREACHABLE = (
    "W: Failed to fetch http://h/InRelease  Could not connect to h:80\n"
    "W: Some index files failed to download. They have been ignored, or old ones used instead."
)


@pytest.mark.parametrize(
    ("returncode", "output", "failure"),
    [
        (0, "Hit:1 http://h stable InRelease\nReading package lists...\n", None),
        # apt before 2.1 ends with 0 when a download failed
        (0, UNREACHABLE, UNREACHABLE.replace("\n", " ")),
        (100, "E: The repository 'http://h stable InRelease' is not signed.", "E: The repository 'http://h stable"),
        (0, "W: GPG error: http://h: NO_PUBKEY 00", "W: GPG error"),
        # a remark that is no failure
        (0, "W: Download is performed unsandboxed as root", None),
        (1, "", "apt-get ended with 1"),
    ],
)
def test_outcome_of_an_update(returncode: int, output: str, failure: str | None) -> None:
    said = update_failure(returncode, output)
    assert (said is None) == (failure is None)
    assert failure is None or (said or "").startswith(failure)


@pytest.mark.parametrize(
    ("text", "is_twin"),
    [
        ("deb [signed-by=/x.gpg] https://repo.example.org/7.4/Debian/12/ stable opennebula\n", True),
        ("# deb https://repo.example.org/7.4/Debian/12 stable opennebula\n", False),
        ("deb https://repo.example.org/7.2/Debian/12 stable opennebula\n", False),
        ("deb https://repo.example.org/7.4/Debian/12 other opennebula\n", False),
        ("Types: deb\nURIs: https://repo.example.org/7.4/Debian/12\nSuites: stable\n", True),
    ],
)
def test_another_file_for_the_same_repository(text: str, is_twin: bool) -> None:
    found = other_sources_of(["https://repo.example.org/7.4/Debian/12"], ["stable"], {"/x.list": text})
    assert found == (["/x.list"] if is_twin else [])
