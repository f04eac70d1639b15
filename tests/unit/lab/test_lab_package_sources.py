# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The package server and the choice between upstream and the emulator, against real HTTP servers on this machine."""

from __future__ import annotations

import functools
import http.server
import threading
import urllib.error
import urllib.request

import pytest
from kvmcloud_lab import opennebula, prerequisites, server
from kvmcloud_lab.model import OpenNebulaSource
from kvmcloud_lab.programs import LabError

FINGERPRINT = "0123456789ABCDEF0123456789ABCDEF01234567"


@pytest.fixture
def serve(tmp_path):
    """Starts servers for a test, on free ports; returns their address."""
    running = []

    def start(directory, sites=None):
        handler = functools.partial(server.Handler, directory=str(directory), sites=sites or {})
        one = server.Server(("127.0.0.1", 0), handler)
        threading.Thread(target=one.serve_forever, daemon=True).start()
        running.append(one)
        return f"http://127.0.0.1:{one.server_port}"

    yield start
    for one in running:
        one.shutdown()
        one.server_close()


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "log_message", lambda *_: None)


def get(url, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as answer:
        return answer.status, answer.read()


def status_of(url, **headers):
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(url, **headers)
    return refused.value.code


def test_files_are_served_and_directories_not_listed(serve, tmp_path):
    (tmp_path / "pool").mkdir()
    (tmp_path / "pool" / "a_1%3a2_all.deb").write_bytes(b"deb")
    here = serve(tmp_path)
    # apt quotes the % of a file name that has a quoted colon (an epoch) in it.
    assert get(f"{here}/pool/a_1%253a2_all.deb") == (200, b"deb")
    assert status_of(f"{here}/pool/") == 404
    assert status_of(f"{here}/../../../../etc/passwd") == 404


def test_a_site_outside_is_seen_through_the_server(serve, tmp_path):
    (tmp_path / "site" / "repo").mkdir(parents=True)
    (tmp_path / "site" / "repo" / "InRelease").write_bytes(b"signed")
    outside = serve(tmp_path / "site")
    here = serve(tmp_path / "site", {"/upstream/x": f"{outside}/repo"})
    assert get(f"{here}/upstream/x/InRelease") == (200, b"signed")
    assert status_of(f"{here}/upstream/x/absent") == 404
    assert status_of(f"{here}/upstream/xy/InRelease") == 404


def test_unchanged_files_are_not_sent_again_through_the_server(serve, tmp_path):
    (tmp_path / "InRelease").write_bytes(b"signed")
    outside = serve(tmp_path)
    here = serve(tmp_path, {"/upstream/x": outside})
    with urllib.request.urlopen(f"{here}/upstream/x/InRelease", timeout=5) as answer:
        modified = answer.headers["Last-Modified"]
    assert status_of(f"{here}/upstream/x/InRelease", **{"If-Modified-Since": modified}) == 304


def test_a_site_that_is_down_is_a_bad_gateway(serve, tmp_path):
    here = serve(tmp_path, {"/upstream/x": "http://127.0.0.1:1"})
    assert status_of(f"{here}/upstream/x/InRelease") == 502


def test_upstream_is_used_where_it_answers_with_a_key(serve, tmp_path):
    (tmp_path / "repo2.key").write_text("-----BEGIN PGP PUBLIC KEY BLOCK-----")
    wanted = OpenNebulaSource(upstream_url=serve(tmp_path), upstream_key_fingerprint=FINGERPRINT)
    assert opennebula.choose_source(wanted, {})[0] == "upstream"


def test_the_emulator_is_used_and_said_to_be_where_upstream_does_not_answer():
    wanted = OpenNebulaSource(upstream_url="http://127.0.0.1:1", upstream_key_fingerprint=FINGERPRINT)
    source, why = opennebula.choose_source(wanted, {})
    assert source == "emulated"
    assert why.startswith("http://127.0.0.1:1/repo2.key does not answer")


def test_a_login_page_is_not_upstream(serve, tmp_path):
    (tmp_path / "repo2.key").write_text("<html>Please log in to the guest network")
    wanted = OpenNebulaSource(upstream_url=serve(tmp_path), upstream_key_fingerprint=FINGERPRINT)
    source, why = opennebula.choose_source(wanted, {})
    assert source == "emulated"
    assert why.endswith("repo2.key is not a key")


def test_no_pinned_key_no_upstream(serve, tmp_path):
    (tmp_path / "repo2.key").write_text("-----BEGIN PGP PUBLIC KEY BLOCK-----")
    assert opennebula.choose_source(OpenNebulaSource(upstream_url=serve(tmp_path)), {})[0] == "emulated"


def test_a_lab_that_is_up_keeps_its_source_unless_told_otherwise():
    former = {"source": "upstream", "why": "it answered"}
    unreachable = OpenNebulaSource(upstream_url="http://127.0.0.1:1", upstream_key_fingerprint=FINGERPRINT)
    assert opennebula.choose_source(unreachable, former) == ("upstream", "it answered")
    assert opennebula.choose_source(OpenNebulaSource("emulated"), former)[0] == "emulated"


def test_missing_programs_are_told_by_package(monkeypatch, tmp_path):
    monkeypatch.setattr(prerequisites, "SEARCH", str(tmp_path))
    packages = {"podman": "podman", "debian-archive-keyring": str(tmp_path / "ring")}
    assert prerequisites.missing_packages(packages) == ["podman", "debian-archive-keyring"]
    (tmp_path / "podman").touch(mode=0o755)
    (tmp_path / "ring").touch()
    assert prerequisites.missing_packages(packages) == []


def test_only_root_makes_lab_hosts(monkeypatch):
    monkeypatch.setattr(prerequisites.os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match="run this as root"):
        prerequisites.refuse_unless_root()


def test_a_machine_without_mirror_is_told_what_is_missing(monkeypatch, tmp_path):
    # The real apt-get's role is played by one that fails as it does without a mirror; PATH holds nothing else.
    apt_get = tmp_path / "apt-get"
    apt_get.write_text("#!/bin/sh\necho 'E: Unable to locate package podman' >&2\nexit 100\n")
    apt_get.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(prerequisites, "SEARCH", str(tmp_path))
    with pytest.raises(LabError, match=r"The lab needs podman, .*E: Unable to locate package podman.*package mirror"):
        prerequisites.ensure_prerequisites(guests=False)
