# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's host after the roles have been over it: real dnf, rpm and TLS, doubles of all that is oVirt."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from budget import exceeded

testinfra_hosts = ["engine.as-el9.test"]
ANSWERS, SECRETS = "/var/lib/kvmcloud.stack/engine-answers.conf", "/run/kvmcloud.stack/engine-secrets.conf"
DOUBLE = Path("/var/lib/ovirt-double")


def test_packages_are_those_of_the_repository_with_the_pinned_key(host):
    key = host.check_output("cat /opt/as-el9/fingerprint").lower()
    for package in ("ovirt-engine", "ovirt-engine-setup", "python3-ovirt-engine-sdk4", "apache-commons-compress"):
        signature = host.check_output(f"rpm -q --qf '%{{RSAHEADER:pgpsig}}' {package}")
        assert signature.endswith(key[-16:]), f"{package}: {signature}"
    assert host.check_output("rpm -q gpg-pubkey | wc -l") == "1", "a key that is not pinned is trusted"
    assert "enabled = 1" in host.check_output("grep -A6 '^.crb' /etc/yum.repos.d/centos.repo").replace("=1", " = 1")


def test_setup_ran_once_with_answers_alone_in_its_command_line(host):
    calls = host.check_output(f"grep ^engine-setup {DOUBLE}/calls").splitlines()
    assert calls == [f"engine-setup --accept-defaults --config-append={ANSWERS}:{SECRETS} --offline"]
    answers = json.loads(host.check_output(f"cat {DOUBLE}/answers"))
    assert answers["OVESETUP_ENGINE_CORE/enable"] == "bool:True"
    assert answers["OVESETUP_PKI/organization"] == "str:Example & Co; 100%"


def test_secrets_are_gone(host, traces):
    assert not host.file(SECRETS).exists and host.file(SECRETS.rpartition("/")[0]).mode == 0o700
    assert traces(host) == ""


def test_no_secret_was_in_a_command_line_while_setup_ran(host):
    looked = json.loads(host.check_output(f"cat {DOUBLE}/argv"))
    assert looked["found"] == 0 and looked["processes"] > 5


def test_what_setup_is_told_is_for_root_alone(host):
    for path, mode in ((ANSWERS, 0o600), (ANSWERS.rpartition("/")[0], 0o700)):
        file = host.file(path)
        assert (file.mode, file.user, file.group) == (mode, "root", "root"), path
    assert "assword" not in host.file(ANSWERS).content_string


def test_the_ca_on_the_controller_is_the_engines_and_vouches_for_it(host):
    known = Path("/var/lib/kvmcloud-lab/labs/ovirt/ovirt-engine-ca.pem").read_text()
    assert known.strip() == host.file("/etc/pki/ovirt-engine/ca.pem").content_string.strip()
    verified = (
        "openssl s_client -connect engine.as-el9.test:443 -verify_hostname engine.as-el9.test -verify_return_error"
    )
    assert "Verify return code: 0" in host.check_output(
        f"{verified} -CAfile /etc/pki/ovirt-engine/ca.pem < /dev/null 2>&1"
    )


def test_the_notifier_runs_with_its_settings(host):
    file = host.file("/etc/ovirt-engine/notifier/notifier.conf.d/90-kvmcloud.conf")
    assert (file.mode, file.user, file.group) == (0o640, "root", "ovirt")
    assert 'MAIL_SERVER="mail.as-el9.test"' in file.content_string
    assert host.service("ovirt-engine-notifier").is_running


def test_a_setting_of_engine_config_is_made_once(host):
    calls = host.check_output(f"grep -e '^engine-config -s' {DOUBLE}/calls").splitlines()
    assert calls == ["engine-config -s UserDefinedVMProperties=note=^(true|false)$ --cver=4.7"]


def test_hooks_of_vdsm(seen):
    file = seen("host.as-el9.test").file("/usr/libexec/vdsm/hooks/before_vm_start/50_note")
    assert (file.mode, file.user) == (0o755, "root") and file.content_string.startswith("#!/bin/sh\n")


def test_the_converged_run_kept_to_its_budget():
    counts = json.loads(Path(os.environ["KVMCLOUD_COUNT_FILE"]).read_text())
    assert sum(counts["changed"].values()) == 0
    groups = {"ovirt_engines": testinfra_hosts, "ovirt_hosts": ["host.as-el9.test"], "storage": ["nfs.debian.test"]}
    assert exceeded(counts, "ovirt", groups) == []


@pytest.mark.parametrize("name", ["engine.as-el9.test", "host.as-el9.test", "hosted.as-el9.test"])
def test_these_hosts_say_themselves_what_they_are(seen, name):
    assert "and is Debian 12" in seen(name).file("/etc/os-release").content_string
