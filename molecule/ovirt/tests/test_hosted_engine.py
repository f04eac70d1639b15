# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hosted engine on a host of its own, packages from a mirror; the official role and hosted-engine are doubles."""

from __future__ import annotations

import json
from pathlib import Path

import cloud
import ovirt_doubles
import pytest

pytestmark = pytest.mark.full
HOST = "hosted.as-el9.test"
INVENTORY = str(Path(__file__).resolve().parents[1] / "hosted")
FOLDER = ovirt_doubles.FOLDER
DOWN = {
    "1": {"host-id": 1, "hostname": HOST, "live-data": True, "engine-status": {"vm": "down"}},
    "global_maintenance": False,
}
UP = json.dumps(DOWN).replace('"down"', '"up", "health": "good", "detail": "Up"')


@pytest.fixture(scope="module", autouse=True)
def collections(tmp_path_factory):
    """The double of the official role is found before the real one."""
    folder = tmp_path_factory.mktemp("collections")
    ovirt_doubles.install_official_role(folder, Path(FOLDER))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANSIBLE_COLLECTIONS_PATH", f"{folder}:{cloud.CHECKOUT}/.cache/collections")
        yield


@pytest.fixture
def host(seen):
    return seen(HOST)


def run(*arguments: str, playbook: str = "ovirt_hosted_engine", **variables) -> cloud.Run:
    given = json.dumps({"ovirt_hosted_engine_check_host": False, **variables})
    return cloud.playbook(playbook, "-e", given, *arguments, inventory=INVENTORY)


def answers(host, status: str, code: int = 0) -> None:
    for name, text in {"status": status, "code": str(code), "up": UP}.items():
        host.run_expect([0], f"mkdir -p {FOLDER}; cat > {FOLDER}/{name} <<'END'\n{text}\nEND")


def test_check_mode_on_a_bare_host_tells_all_that_would_be_done(host):
    done = run("--check", playbook="site")
    assert done.rc == 0 and done.changed > 2, done.output
    assert "would deploy hosted-engine.as-el9.test" in done.words
    assert host.run("rpm -q ovirt-hosted-engine-setup").rc == 1 and not host.file(FOLDER).exists


def test_a_mirror_whose_key_is_another_than_the_pinned_one_ends_it(host):
    source = {"name": "mirror-of-ovirt45", "baseurl": "file:///opt/as-el9/ovirt45", "key": "/opt/as-el9/key"}
    done = run(playbook="ovirt", ovirt_repository_sources=[{**source, "fingerprint": "0" * 40}])
    assert done.rc != 0 and "fingerprint" in done.words, done.output
    assert host.run("rpm -q gpg-pubkey").rc != 0 and not host.file("/etc/yum.repos.d/mirror-of-ovirt45.repo").exists


def test_a_host_that_cannot_carry_it_is_refused_with_all_reasons(host):
    done = run(playbook="site", ovirt_hosted_engine_check_host=True)
    assert done.rc != 0
    for words in ("firewalld is inactive; it must run", "nfs.debian.test:/srv/hosted cannot be mounted"):
        assert words in done.words, done.output
    assert host.package("ovirt-hosted-engine-setup").is_installed or host.run("rpm -q vdsm").rc == 1
    assert not host.file(f"{FOLDER}/given").exists, "the official role ran"


def test_deployed_once_from_the_mirror(host, traces):
    answers(host, "", 1)
    done = run(playbook="site")
    assert done.rc == 0 and done.changed > 0, done.output
    assert host.check_output("rpm -q --qf '%{VERSION}' ovirt-hosted-engine-setup") == "2.7.2"
    names, pause, fqdn = host.file(f"{FOLDER}/given").content_string.rsplit(" ", 2)
    assert "he_admin_password" in names and (pause, fqdn) == ("False", "hosted-engine.as-el9.test")
    host.run_expect([0], f"rm {FOLDER}/given")
    again = run(playbook="site")
    assert again.rc == 0 and again.changed == 0, again.output
    assert not host.file(f"{FOLDER}/given").exists, "deployed again"
    assert traces(host) == ""


def test_an_engine_that_is_down_is_started(host):
    answers(host, json.dumps(DOWN))
    assert run().changed == 1
    assert host.check_output(f"tail -n 20 {FOLDER}/calls | grep -c -e --vm-start") == "1"
    told = run(playbook="ovirt_hosted_engine_day2")
    assert told.rc == 0 and told.changed == 0 and "healthy: true" in told.output, told.output


@pytest.mark.parametrize(
    ("status", "code", "deployed", "words"),
    [
        (
            "{'exception': 'Cannot connect to the HA daemon'}",
            1,
            True,
            "The broker of the hosted engine does not answer",
        ),
        ("", 2, False, "failed half-way on this host, and its local VM still lives"),
    ],
    ids=["broker down", "half-deployed"],
)
def test_what_is_refused(host, status, code, deployed, words):
    answers(host, status, code)
    host.run_expect([0], f"touch {FOLDER}/deployed; {'true' if deployed else f'rm {FOLDER}/deployed'}")
    done = run()
    assert done.rc != 0 and words in done.words, done.output
    assert not host.file(f"{FOLDER}/given").exists
