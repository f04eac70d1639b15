# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from cloud_samples import LOCATION, cloud, declared, host, probe, registered, told

from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import Cloud, Finding, Host, Limits, findings
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_datastores import DATASTORE_RULES

FRONT, NODE = "opennebula_frontends", "opennebula_nodes"
DEPLOYED = {"oneadmin": {"uid": 9869}}


def datastore(name: str, kind: str, driver: str, *clusters: str, **template: str) -> dict[str, Any]:
    where = {"clusters": list(clusters)} if clusters else {}
    return {"name": name, **where, "template": {"TYPE": f"{kind}_DS", "TM_MAD": driver, **template}}


def hosts(release: str = "7.4", **changes: Any) -> list[Host]:
    probes: dict[str, dict[str, Any]] = changes.pop("probes", {})
    front, one, two = (probe(name, **probes.get(name, {})) for name in ("front1", "node1", "node2"))
    return [
        host("front1", FRONT, release=release, probe=front, **changes),
        host("node1", NODE, release=release, probe=one, **changes),
        host("node2", NODE, release=release, probe=two, **changes),
    ]


def lab(*datastores: dict[str, Any], members: list[Host] | None = None, **changes: Any) -> Cloud:
    """Two nodes in the cluster lab, with these datastores."""
    entries = {
        "clusters": [{"name": "lab"}],
        "hosts": registered("node1", "node2", cluster="lab"),
        "datastores": list(datastores),
        **changes.pop("entries", {}),
    }
    return cloud(*(members or hosts()), declared=declared(**entries), **changes)


def found(of: Cloud) -> list[Finding]:
    return findings(of, DATASTORE_RULES)


SHARED_SYSTEM = datastore("sys", "SYSTEM", "shared", "lab")
SHARED_IMAGES = datastore("img", "IMAGE", "shared", "lab")
SSH_SYSTEM = datastore("sys", "SYSTEM", "ssh", "lab")
SSH_IMAGES = datastore("img", "IMAGE", "ssh", "lab")
NFS = {"datastore_mounts": [{"datastore": name, "src": f"nfs1:/{name}", "fstype": "nfs"} for name in ("sys", "img")]}


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        pytest.param(
            lab(SHARED_SYSTEM, SSH_IMAGES, members=hosts(**NFS)),
            "The system datastore sys (TM_MAD shared) is in the cluster lab, where no image datastore has images that "
            "could run in it (there: img (TM_MAD ssh))",
            id="ssh images are not copied to a shared system datastore",
        ),
        pytest.param(
            lab(SHARED_SYSTEM, members=hosts(**NFS)),
            "could run in it (there: none at all)",
            id="no image datastore in the cluster",
        ),
        pytest.param(
            lab(SHARED_SYSTEM, datastore("img", "IMAGE", "shared", "other"), members=hosts(**NFS)),
            "could run in it (there: none at all)",
            id="the right image datastore in another cluster",
        ),
        pytest.param(
            lab(datastore("sys", "SYSTEM", "qcow2", "lab"), SHARED_IMAGES, members=hosts(**NFS)),
            "The system datastore sys (TM_MAD qcow2)",
            id="qcow2 is not shared",
        ),
        pytest.param(
            lab(SHARED_IMAGES, datastore("sys", "SYSTEM", "local", "lab"), members=hosts(**NFS)),
            "The image datastore img (TM_MAD shared) is in the cluster lab, where no system datastore could run its "
            "images "
            "(there: sys (TM_MAD local))",
            id="the other way round",
        ),
        pytest.param(
            lab(datastore("img", "IMAGE", "ssh")),
            "The image datastore img (TM_MAD ssh) is in the cluster default, where no system datastore could run its "
            "images (there: system (TM_MAD local))",
            id="the packaged system datastore of 7.x is local",
        ),
        pytest.param(
            lab(datastore("img", "IMAGE", "ssh"), members=hosts("7.0")),
            "(there: system (TM_MAD local))",
            id="from 7.0 on",
        ),
        pytest.param(
            lab(
                {"name": "sys", "clusters": ["lab"], "template": {"type": "system_ds", "tm_mad": "SHARED"}},
                SSH_IMAGES,
                members=hosts(**NFS),
            ),
            "The system datastore sys (TM_MAD shared)",
            id="oned takes type and driver in any case",
        ),
    ],
)
def test_datastores_that_do_not_go_together(broken: Cloud, words: str) -> None:
    finding = told(found(broken), words)
    assert (finding.severity, finding.host) == ("error", "all")


@pytest.mark.parametrize(
    "fine",
    [
        pytest.param(lab(), id="nothing declared"),
        pytest.param(lab(SSH_SYSTEM, SSH_IMAGES), id="ssh and ssh"),
        pytest.param(lab(SHARED_SYSTEM, SHARED_IMAGES, members=hosts(**NFS)), id="shared and shared"),
        pytest.param(
            lab(
                SSH_IMAGES,
                SHARED_IMAGES | {"name": "img2"},
                SSH_SYSTEM,
                SHARED_SYSTEM | {"name": "sys2"},
                members=hosts(datastore_mounts=[{"datastore": name, "src": "nfs1:/all"} for name in ("img2", "sys2")]),
            ),
            id="one partner of several is enough",
        ),
        pytest.param(lab(SSH_SYSTEM, SHARED_IMAGES, members=hosts(**NFS)), id="shared images run in ssh"),
        pytest.param(lab(datastore("img", "IMAGE", "ssh"), members=hosts("6.10")), id="6.10's own datastores are ssh"),
        pytest.param(
            lab(datastore("img", "IMAGE", "ssh"), {"id": 0, "template": {"TM_MAD": "ssh"}}),
            id="the packaged system datastore is adapted by its id",
        ),
        pytest.param(
            lab(datastore("img", "IMAGE", "ssh"), {"name": "system", "template": {"TM_MAD": "ssh"}}),
            id="the packaged system datastore is adapted by its name",
        ),
        pytest.param(
            lab(
                datastore("sys", "SYSTEM", "ssh", "lab"),
                datastore("img", "IMAGE", "ssh"),
                {"name": "system", "template": {"TM_MAD": "ssh"}},
                entries={"clusters": [{"name": "lab", "datastores": ["img"]}]},
            ),
            id="a cluster names its datastores",
        ),
        pytest.param(
            lab(datastore("img", "IMAGE", "ssh"), members=hosts(probes={"front1": {"users": DEPLOYED}})),
            id="what a running cloud's own datastores are is not known",
        ),
        pytest.param(
            lab(datastore("sys", "SYSTEM", "vitastor", "lab"), SSH_IMAGES, SSH_SYSTEM, storage_addons=["vitastor"]),
            id="of an add-on's driver nothing is known here",
        ),
        pytest.param(lab(datastore("files2", "FILE", "ssh", "lab")), id="files are no images"),
        pytest.param(
            lab({"name": "sys", "state": "absent", "template": {"TYPE": "SYSTEM_DS", "TM_MAD": "shared"}}),
            id="what goes needs nothing",
        ),
    ],
)
def test_datastores_that_go_together(fine: Cloud) -> None:
    assert found(fine) == []


# -- mounts ----------------------------------------------------------------------------------------------------------


def nfs(path: str, source: str = "nfs1:/export", fstype: str = "nfs4") -> dict[str, Any]:
    return {path: {"source": source, "fstype": fstype, "mounted_at": path}}


def mounted(**mounts: dict[str, Any]) -> list[Host]:
    """Hosts with these mounts besides their root."""
    root = {LOCATION: {"source": "/dev/vda1", "fstype": "ext4", "mounted_at": "/"}}
    return hosts(probes={name: {"mounts": {**root, **found}} for name, found in mounts.items()})


def whole(source: str = "nfs1:/export") -> dict[str, Any]:
    return nfs(LOCATION, source)


def test_a_shared_datastore_without_mounts_is_refused() -> None:
    finding = told(
        found(lab(SHARED_SYSTEM, SHARED_IMAGES)), "The datastore sys (TM_MAD shared) must be one network mount"
    )
    assert (finding.severity, finding.host) == ("error", "front1, node1, node2")
    assert "host_storage_datastore_mounts" in finding.remedy


def test_one_host_without_the_mount_is_named_alone() -> None:
    declared_on_two = hosts()
    for one in declared_on_two[:2]:
        one.datastore_mounts = NFS["datastore_mounts"]
    finding = told(found(lab(SHARED_SYSTEM, SHARED_IMAGES, members=declared_on_two)), "The datastore sys")
    assert finding.host == "node2"
    assert finding.what.endswith("there is none below /var/lib/one/datastores for it on node2.")


def test_nodes_of_other_clusters_need_no_mount() -> None:
    members = hosts()
    for one in members[:2]:
        one.datastore_mounts = NFS["datastore_mounts"]
    in_two = {"hosts": [*registered("node1", cluster="lab"), *registered("node2", cluster="other")]}
    assert found(lab(SHARED_SYSTEM, SHARED_IMAGES, members=members, entries=in_two)) == []


THREE = ("front1", "node1", "node2")
BY_HAND = {**nfs(f"{LOCATION}/104", "nfs1:/a"), **nfs(f"{LOCATION}/105", "nfs1:/b")}


@pytest.mark.parametrize(
    "members",
    [
        pytest.param(hosts(**NFS), id="declared for host_storage"),
        pytest.param(mounted(front1=whole(), node1=whole(), node2=whole()), id="all datastores are one mount"),
        pytest.param(mounted(**dict.fromkeys(THREE, BY_HAND)), id="mounted by hand by ids that oned knows"),
    ],
)
def test_a_shared_datastore_that_is_mounted(members: list[Host]) -> None:
    assert found(lab(SHARED_SYSTEM, SHARED_IMAGES, members=members)) == []


@pytest.mark.parametrize(
    ("members", "words"),
    [
        pytest.param(
            mounted(front1=whole(), node1=whole(), node2=whole("nfs2:/export")),
            "is written differently (front1: nfs1:/export; node1: nfs1:/export; node2: nfs2:/export)",
            id="another server",
        ),
    ],
)
def test_mounts_that_may_differ_are_a_warning(members: list[Host], words: str) -> None:
    """GlusterFS names the nearest server on each host, and a server may have several names."""
    assert told(found(lab(SHARED_IMAGES, SSH_SYSTEM, members=members)), words).severity == "warning"


@pytest.mark.parametrize(
    "members",
    [
        pytest.param(mounted(front1=whole(), node1=whole(), node2={}), id="not on one node"),
        pytest.param(
            mounted(front1=nfs(f"{LOCATION}/104"), node1=nfs(f"{LOCATION}/104"), node2=nfs(f"{LOCATION}/105")),
            id="by another id",
        ),
        pytest.param(
            mounted(front1=whole(), node1=whole(), node2=nfs(LOCATION, "/dev/vdb", "xfs")),
            id="a local disk is no share",
        ),
        pytest.param(
            hosts(datastore_mounts=[{**one, "state": "absent"} for one in NFS["datastore_mounts"]]), id="declared away"
        ),
        pytest.param(hosts(datastore_mounts=[{"datastore": "sys", "src": "x:/y"}]), id="declared for another one"),
    ],
)
def test_a_mount_that_is_none(members: list[Host]) -> None:
    finding = told(found(lab(SHARED_IMAGES, SSH_SYSTEM, members=members)), "The datastore img (TM_MAD shared) must be")
    assert finding.severity == "error" and "node2" in finding.host


@pytest.mark.parametrize(
    ("images", "missing"),
    [
        pytest.param(NFS["datastore_mounts"][1:], "sys", id="images are declared, and mounted since the first run"),
        pytest.param([], "img", id="one mount by hand is that of one datastore"),
    ],
)
def test_a_mount_is_of_one_datastore(images: list[dict[str, Any]], missing: str) -> None:
    members = mounted(**{name: nfs(f"{LOCATION}/104", "nfs1:/img/") for name in THREE})
    for one in members:
        one.datastore_mounts = images
    names = [finding.what.split(" ")[2] for finding in found(lab(SHARED_SYSTEM, SHARED_IMAGES, members=members))]
    assert names == [missing]


def test_the_mount_that_all_hosts_of_the_larger_one_have_is_left_to_it() -> None:
    """Which of two mounts is which is not known; it is enough that there is one for each."""
    both, one = nfs(f"{LOCATION}/104", "nfs1:/a"), nfs(f"{LOCATION}/105", "nfs1:/b")
    members = mounted(front1={**both, **one}, node1={**both, **one}, node2=both)
    entries = {"hosts": [*registered("node1", cluster="lab"), *registered("node2", cluster="other")]}
    small = datastore("small", "IMAGE", "shared", "lab")
    large = datastore("large", "IMAGE", "shared", "lab", "other")
    systems = datastore("sys", "SYSTEM", "ssh", "lab", "other")
    wrong = found(lab(small, large, systems, members=members, entries=entries))
    assert not [finding for finding in wrong if "network mount" in finding.what]


def test_the_mount_of_a_known_id_counts_for_that_id_only() -> None:
    adapted = [{"id": number, "template": {"TM_MAD": "shared"}} for number in (0, 1)]
    in_default = {"hosts": registered("node1", "node2")}
    only_images = {name: nfs(f"{LOCATION}/1") for name in ("front1", "node1", "node2")}
    findings_of_ids = found(lab(*adapted, members=mounted(**only_images), entries=in_default))
    assert [finding.what.split(" must ")[0] for finding in findings_of_ids] == ["The datastore system (TM_MAD shared)"]


def test_a_datastore_declared_by_id_is_mounted_by_name() -> None:
    adapted = [{"id": number, "template": {"TM_MAD": "shared"}} for number in (0, 1)]
    by_name = [{"datastore": name, "src": "nfs1:/all"} for name in ("system", "default")]
    entries = {"hosts": registered("node1", "node2")}
    assert found(lab(*adapted, members=hosts(datastore_mounts=by_name), entries=entries)) == []


@pytest.mark.parametrize("variable", ["datastore_mounts", "datastore_disks"])
def test_storage_of_a_datastore_that_nobody_declares(variable: str) -> None:
    names = [{"datastore": "syss"}, {"datastore": "files"}, {"datastore": "x", "state": "absent"}]
    told_about = found(lab(SSH_SYSTEM, SSH_IMAGES, members=hosts(**{variable: names})))
    assert [finding.host for finding in told_about] == ["front1", "node1", "node2"]
    assert {(finding.what, finding.severity) for finding in told_about} == {
        (f"host_storage_{variable} names the datastore syss, which opennebula_datastores does not declare.", "warning")
    }


def test_two_machines_share_nothing_by_themselves() -> None:
    two = [host("front1", FRONT), host("node1", NODE)]
    finding = told(found(lab(SHARED_IMAGES, SSH_SYSTEM, members=two)), "The datastore img")
    assert finding.host == "front1, node1"


def test_a_single_machine_shares_with_itself() -> None:
    one = host("front1", FRONT, NODE)
    entries = {"hosts": registered("front1", cluster="lab")}
    assert found(lab(SHARED_SYSTEM, SHARED_IMAGES, members=[one], entries=entries)) == []


def test_opennebula_mounts_by_itself_where_it_is_told_to() -> None:
    automatic = {"NFS_AUTO_ENABLE": "yes", "NFS_AUTO_HOST": "nfs1", "NFS_AUTO_PATH": "/export"}
    system = datastore("sys", "SYSTEM", "shared", "lab", **automatic)
    assert found(lab(system, datastore("img", "IMAGE", "shared", "lab", **automatic))) == []


# -- room ------------------------------------------------------------------------------------------------------------

FIFTY_GB = 50000


@pytest.mark.parametrize(
    ("least", "roomy", "severity"),
    [(FIFTY_GB, FIFTY_GB, None), (FIFTY_GB, FIFTY_GB + 1, "warning"), (FIFTY_GB + 1, FIFTY_GB + 1, "error")],
)
@pytest.mark.parametrize("driver", ["ssh", "local"])
def test_room_for_guests(driver: str, least: int, roomy: int, severity: str | None) -> None:
    limits = Limits(local_datastore_mb=least, roomy_datastore_mb=roomy)
    system, images = datastore("sys", "SYSTEM", driver, "lab"), datastore("img", "IMAGE", driver, "lab")
    told_about = found(lab(system, images, limits=limits))
    assert {finding.host: finding.severity for finding in told_about} == (
        {"node1": severity, "node2": severity} if severity else {}
    )
    for finding in told_about:
        assert (
            "/var/lib/one/datastores has 50000 MiB free (measured at /var/lib), and the disks of guests of sys"
            in finding.what
        )


FULL = Limits(local_datastore_mb=FIFTY_GB + 1, roomy_datastore_mb=FIFTY_GB + 1)


def test_a_node_that_works_already_is_not_refused_for_its_room() -> None:
    deployed = hosts(probes={name: {"users": DEPLOYED} for name in ("front1", "node1")})
    told_about = found(lab(SSH_SYSTEM, SSH_IMAGES, members=deployed, limits=FULL))
    assert {finding.host: finding.severity for finding in told_about} == {"node1": "warning", "node2": "error"}


@pytest.mark.parametrize(
    "fine",
    [
        pytest.param(
            lab(SSH_SYSTEM, SSH_IMAGES, members=hosts(datastore_disks=[{"datastore": "sys"}]), limits=FULL),
            id="a disk of its own",
        ),
        pytest.param(lab(SHARED_SYSTEM, SHARED_IMAGES, members=hosts(**NFS), limits=FULL), id="on the network"),
        pytest.param(
            lab(SSH_SYSTEM, SSH_IMAGES, entries={"hosts": registered("node1", cluster="other")}, limits=FULL),
            id="no nodes in its cluster",
        ),
    ],
)
def test_no_local_room_is_needed(fine: Cloud) -> None:
    assert found(fine) == []


def test_the_packaged_system_datastore_needs_room_too() -> None:
    in_default = lab(entries={"hosts": registered("node1")}, limits=FULL)
    assert told(found(in_default), "guests of system (TM_MAD local)").host == "node1"


# -- BRIDGE_LIST -----------------------------------------------------------------------------------------------------


def bridged(names: str) -> dict[str, Any]:
    return datastore("img", "IMAGE", "ssh", "lab", BRIDGE_LIST=names)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ("node1 nodeX", "BRIDGE_LIST of the datastore img names nodeX, which are no declared hosts"),
        ("node1,node2", "names node1,node2, which are no declared hosts"),
        ("front1", "names front1, which are no declared hosts"),
        ("node1 node3", "names node3, which are declared disabled or offline"),
    ],
)
def test_bridge_list_names_hosts_that_work(names: str, words: str) -> None:
    entries = {"hosts": [*registered("node1", "node2", cluster="lab"), *registered("node3", state="disabled")]}
    assert told(found(lab(SSH_SYSTEM, bridged(names), entries=entries)), words).severity == "error"


def test_bridge_list_of_registered_hosts() -> None:
    assert found(lab(SSH_SYSTEM, bridged("node1 node2"))) == []


def fronts(*mounts: dict[str, Any]) -> list[Host]:
    return [host(f"front{number}", FRONT, datastore_mounts=list(mounts)) for number in (1, 2, 3)]


def files(**template: str) -> dict[str, Any]:
    return {"name": "kernels", "template": {"TYPE": "FILE_DS", "DS_MAD": "fs", "TM_MAD": "ssh", **template}}


FILES = files()
OF_FILES = {"datastore": "kernels", "src": "nfs1:/kernels", "fstype": "nfs"}


def test_files_that_only_one_front_end_has() -> None:
    one = told(
        found(lab(FILES, members=fronts())), "The files of the datastore kernels are on each front-end's own disk"
    )
    assert (one.severity, one.host) == ("warning", "front1, front2, front3")


@pytest.mark.parametrize(
    "fine",
    [
        pytest.param(lab(FILES, members=fronts(OF_FILES)), id="on a mount"),
        pytest.param(lab(FILES, members=fronts()[:1]), id="one front-end"),
        pytest.param(
            lab({**FILES, "template": {**FILES["template"], "BRIDGE_LIST": "node1"}}, members=fronts()),
            id="kept elsewhere",
        ),
        pytest.param(lab({**FILES, "template": {**FILES["template"], "DS_MAD": "ceph"}}, members=fronts()), id="ceph"),
    ],
)
def test_files_that_outlive_a_front_end(fine: Cloud) -> None:
    assert not [one for one in found(fine) if one.rule == "images_are_on_every_front_end"]


def test_a_declaration_that_is_refused_is_not_told_as_missing() -> None:
    slip = lab(SSH_SYSTEM)
    told(found(slip), "none at all")
    slip.declared.faults.append(("opennebula_datastores", "entry img: there is no option tempalte"))
    assert found(slip) == []
