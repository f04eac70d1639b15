# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gateway's configurations give to whom."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Any

import jinja2
import pytest

ROLE = Path(__file__).resolve().parents[2] / "roles/gluster_gateway"


def rendered(template: str, **variables: Any) -> str:
    # As Ansible sets it up.
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROLE / "templates"), trim_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template(template).render(
        ansible_managed="Ansible managed", gluster_gateway_volfile_servers=["gs1", "gs2"], **variables
    )


def shares(*declared: dict) -> configparser.ConfigParser:
    text = rendered(
        "smb_shares.conf.j2", gluster_gateway_shares=list(declared), gluster_gateway_smb_workgroup="WORKGROUP"
    )
    found = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    found.read_string(text)
    return found


def exports(*declared: dict, protocols: tuple[int, ...] = (4,)) -> str:
    return rendered(
        "ganesha.conf.j2", gluster_gateway_exports=list(declared), gluster_gateway_nfs_protocols=list(protocols)
    )


def test_the_share_of_the_guide_without_its_guests():
    found = shares({"name": "glustertest", "volume": "archive", "comment": "For testing"})
    assert dict(found["glustertest"]) == {
        "comment": "For testing",
        "path": "/",
        "read only": "no",
        "guest ok": "no",
        "kernel share modes": "no",
        "vfs objects": "glusterfs",
        "glusterfs:volume": "archive",
        "glusterfs:volfile_server": "gs1 gs2",
        "glusterfs:logfile": "/var/log/samba/glusterfs-archive.%M.log",
    }
    assert dict(found["global"]) == {"workgroup": "WORKGROUP"}


def test_guests_where_they_are_asked_for():
    found = shares({"name": "a", "volume": "v", "guest": True}, {"name": "b", "volume": "v"})
    assert [found[name]["guest ok"] for name in ("a", "b")] == ["yes", "no"]
    assert found["global"]["map to guest"] == "Bad User"


@pytest.mark.parametrize("mount", [None, "/mnt"])
def test_a_share_of_a_mount_is_closed_while_nothing_is_mounted(mount):
    found = shares(
        {"name": "media", "path": "/mnt/media", "users": ["anna", "@staff"], **({"mount": mount} if mount else {})}
    )
    share = found["media"]
    assert share["root preexec"] == f"/usr/bin/mountpoint -q {mount or '/mnt/media'}"
    assert share["root preexec close"] == "yes"
    assert share["valid users"] == "anna @staff"
    assert share["vfs objects"] == "glusterfs_fuse", "Samba's own ids of files would differ between gateways"
    assert "glusterfs:volume" not in share


def test_an_export_is_closed_but_for_its_clients():
    text = exports({"id": 7, "volume": "vms", "clients": ["10.0.0.0/24", "gs9"]})
    assert re.search(r"EXPORT_DEFAULTS \{\s+Access_Type = None;", text)
    export = text.partition("EXPORT {")[2]
    before, client = export.split("CLIENT {")
    assert "Access_Type" not in before
    assert "Clients = 10.0.0.0/24, gs9;" in client
    assert "Squash = root_squash;" in client
    for line in ("Export_Id = 7;", 'Pseudo = "/vms";', 'Volume = "vms";', 'Volpath = "/";', 'Hostname = "gs1";'):
        assert line in before


@pytest.mark.parametrize("protocols, said, locks", [((4,), "4", "false"), ((4, 3), "3, 4", "true")])
def test_protocols(protocols, said, locks):
    text = exports(protocols=protocols)
    assert text.count(f"Protocols = {said};") == 2
    assert f"Enable_NLM = {locks};" in text


def test_the_order_of_declarations_is_of_no_account():
    one, two = ({"id": at, "volume": f"v{at}", "clients": ["*"]} for at in (1, 2))
    assert exports(one, two) == exports(two, one)
    assert exports(one).count("{") == exports(one).count("}")
