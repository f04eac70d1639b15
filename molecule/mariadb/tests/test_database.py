# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A front-end whose state is in MariaDB, seen from outside of the collection."""

from __future__ import annotations

import json
import os
from pathlib import Path
from xml.etree import ElementTree

testinfra_hosts = ["front1"]


def sql(host, statement):
    return host.check_output(f'mariadb -N -B -e "{statement}"')


def test_oned_keeps_its_state_in_the_database(host):
    assert int(sql(host, "SELECT count(*) FROM information_schema.tables WHERE table_schema='opennebula'")) > 0
    assert not host.file("/var/lib/one/one.db").exists
    pool = ElementTree.fromstring(host.check_output("onedatastore list -x"))
    assert {"lab_images", "lab_system"} < {one.findtext("NAME") for one in pool}


def test_the_account_has_its_own_database_from_here_and_nothing_else(host):
    assert sql(host, "SELECT host FROM mysql.user WHERE user='oneadmin'") == "localhost"
    grants = sql(host, "SHOW GRANTS FOR oneadmin@localhost").splitlines()
    assert len(grants) == 2
    assert grants[0].startswith("GRANT USAGE ON *.* TO")
    assert "ON `opennebula`.*" in grants[1]


def test_settings_survive_a_restart_of_the_server(host):
    host.run_test("systemctl restart mariadb")
    assert sql(host, "SELECT @@global.tx_isolation") == "READ-COMMITTED"
    assert sql(host, "SELECT @@global.max_connections") == "500"


def test_the_password_is_in_no_file_that_others_read(host):
    password = Path("/var/lib/kvmcloud-lab/labs/mariadb/database_password").read_text().strip()
    assert password in host.file("/etc/one/oned.conf").content_string
    assert host.file("/etc/one/oned.conf").mode == 0o640
    assert host.run(f"grep -rlF '{password}' /etc/mysql /var/log/one /tmp").stdout == ""
    assert host.run(f"journalctl --no-pager | grep -cF '{password}'").stdout.strip() == "0"


def test_services_of_this_release(host):
    for unit in ("opennebula", "opennebula-scheduler", "opennebula-fireedge", "opennebula-gate", "opennebula-flow"):
        assert host.service(unit).is_running and host.service(unit).is_enabled, unit


def test_the_second_run_changed_nothing(host):
    counts = json.loads(Path(os.environ["KVMCLOUD_COUNT_FILE"]).read_text())
    assert sum(counts["changed"].values()) == 0
