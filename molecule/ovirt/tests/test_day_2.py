# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Days after: check mode, a setup that fails half-way, keys that are not the pinned ones, backup and upgrade."""

from __future__ import annotations

import json
from pathlib import Path

import cloud
import pytest

pytestmark = pytest.mark.full
testinfra_hosts = ["engine.as-el9.test"]
INVENTORY = str(Path(__file__).resolve().parents[1] / "inventory")
ENGINE, DOUBLE = "engine.as-el9.test", "/var/lib/ovirt-double"
SECRETS, BACKUPS = "/run/kvmcloud.stack/engine-secrets.conf", "/var/lib/ovirt-engine-backup"


def run(playbook: str, *arguments: str, **variables) -> cloud.Run:
    return cloud.playbook(playbook, "-vv", "-e", json.dumps(variables), *arguments, inventory=INVENTORY)


def calls(host, program: str) -> list[str]:
    return [line for line in host.file(f"{DOUBLE}/calls").content_string.splitlines() if line.startswith(program)]


def test_check_mode_is_empty(password):
    done = run("site", "--check", "--diff")
    assert done.rc == 0 and done.changed == 0 and password.split()[-1] not in done.output, done.output


def test_another_key_than_the_pinned_one_ends_it():
    """Though rpm knows the right one."""
    name = "host.as-el9.test"
    keys = [{"key": "/opt/as-el9/key", "fingerprint": "0" * 40}]
    done = run("ovirt", "--limit", name, ovirt_repository_keys=keys)
    assert done.rc != 0 and "fingerprint" in done.words, done.output


def test_a_setup_that_fails_half_way_leaves_no_secret_and_is_repeated(host, password, traces):
    host.run_expect([0], f"rm -r /etc/ovirt-engine-setup.conf.d; touch {DOUBLE}/break")
    done = run("ovirt", "--limit", ENGINE)
    assert done.rc != 0 and "engine-setup ended with status 1." in done.words, done.output
    assert "psql says no to ********" in done.words and "Its log is /var/log/ovirt-engine/setup/" in done.words
    assert password.split()[-1] not in done.output and not host.file(SECRETS).exists
    assert traces(host) == "", "not in the output that was kept either"
    host.run_expect([0], f"rm {DOUBLE}/break")
    again = run("ovirt", "--limit", ENGINE)
    assert again.rc == 0 and again.changed > 0 and traces(host) == "", again.output


def test_an_engine_that_does_not_answer_in_check_mode_is_not_taken_for_one_that_is_not_there_yet():
    url = f"https://{ENGINE}:9/ovirt-engine/api"
    done = run("ovirt", "--check", "--limit", ENGINE, ovirt_resources_api_url=url)
    assert done.rc != 0 and f"{url} does not answer as an engine does" in done.words, done.output


def test_a_backup_is_for_root_alone(host):
    assert run("ovirt_backup").rc == 0
    files = [host.file(f"{BACKUPS}/{name}") for name in host.file(BACKUPS).listdir()]
    assert host.file(BACKUPS).mode == 0o700 and [file.mode for file in files] == [0o600]


def test_an_upgrade_after_a_backup(host, password):
    before = len(calls(host, "engine-setup"))
    host.run_expect([0], "cp /opt/as-el9/next/*.rpm /opt/as-el9/ovirt45/ && createrepo_c --quiet /opt/as-el9/ovirt45")
    host.run_expect([0], "dnf --quiet clean expire-cache")  # as if hours had gone by
    # Hosts are upgraded by the official role, for which the stand-in of the API knows too little.
    done = run("ovirt_upgrade", ovirt_resources_clusters=[])
    assert done.rc == 0 and done.changed > 0 and password.split()[-1] not in done.output, done.output
    assert host.check_output("rpm -q --qf '%{VERSION}\\n' ovirt-engine ovirt-engine-setup").split() == ["4.5.8"] * 2
    (setup,) = calls(host, "engine-setup")[before:]
    assert "--offline" not in setup, "setup brings the other packages along"
    text = host.file(f"{DOUBLE}/calls").content_string
    assert text.rindex("engine-backup --mode=backup") < text.rindex("engine-setup")
    again = run("site", "--limit", ENGINE)
    assert again.rc == 0 and again.changed == 0, again.output
