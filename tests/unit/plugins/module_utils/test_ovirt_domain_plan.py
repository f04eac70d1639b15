# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metadata, seal and plan of export and ISO domains."""

from __future__ import annotations

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_domain_plan import (
    Entry,
    Found,
    Tree,
    Wanted,
    declaration_faults,
    inspect_domain,
    plan_domain,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_storage_domain import (
    checksum,
    lease_holder,
    new_metadata,
    parse_metadata,
    places,
    sealed_text,
)

UUID = "37e0e64b-5445-4bc3-8675-ceff4637e8e3"
OTHER = "00000000-5445-4bc3-8675-ceff4637e8e3"
WANTED = Wanted("/srv/export", "export", "Export", "192.168.1.108:/home/nfs_exports")
ROOT = Entry("directory", 0o755, 36, 36)
TEXT = sealed_text(new_metadata("export", UUID, "Export", WANTED.remote_path, "NFS"))
ATTACHED = sealed_text({**parse_metadata(TEXT), "POOL_UUID": "5849b030-626e-47cb-ad90-3ce782d831b3"})


def tree(text: str | None = TEXT, domain: str = "export", **changed: Entry | None) -> Tree:
    """A sound domain, but for what is changed: paths with '__' for '/'."""
    entries = {"": ROOT, **{one.path: Entry(one.kind, one.mode, 36, 36, one.size) for one in places(domain)}}
    if text is not None:
        entries["dom_md/metadata"] = Entry("file", 0o644, 36, 36, len(text))
    for name, entry in changed.items():
        path = name.replace("__", "/")
        entries.pop(path)
        if entry is not None:
            entries[path] = entry
    return Tree(entries, text)


def found(one: Tree, *names: str) -> Found:
    return Found(ROOT, (UUID, *names), {UUID: one})


def deeds(plan) -> list[tuple[str, str]]:
    return [(step.argv[0], step.argv[1].replace(f"/srv/export/{plan.uuid}", "~")) for step in plan.steps]


def test_the_guides_own_domain_has_the_guides_checksum():
    assert TEXT.endswith("\nVERSION=0\n_SHA_CKSUM=5737f1270bf93fdd660fea819655b01a34c315b9\n")
    assert TEXT.startswith("CLASS=Backup\nDESCRIPTION=Export\nIOOPTIMEOUTSEC=10\n")


def test_a_blank_at_the_end_of_a_value_counts():
    assert checksum({"A": "1 "}) != checksum({"A": "1"})
    assert parse_metadata("A=1 \nno key\nB==\n") == {"A": "1 ", "B": "="}
    assert parse_metadata(" A =1\r\nB=2\r\n\0\0") == {"A": "1", "B": "2"}, "lines of Windows, and what pads a sector"


def test_metadata_survive_a_round_trip():
    assert sealed_text(parse_metadata(TEXT)) == TEXT


@pytest.mark.parametrize(
    ("lease", "holder"),
    [
        (b"", None),
        (bytes(512), None),
        (b"------FREE------0000000000000000" + bytes(480), None),
        (b"host1\0\0\0\0\0\0\0\0\0\0\0" + b"00000000507f1e2a", "host1"),
    ],
)
def test_who_holds_the_lease(lease, holder):
    assert lease_holder(lease) == holder


def test_a_new_domain_is_made_from_the_outside_in_and_sealed_last():
    plan = plan_domain(WANTED, Found(None), UUID)
    assert plan.uuid == UUID and not plan.damage
    assert deeds(plan) == [
        ("mkdir", "/srv/export"),
        ("mkdir", "~"),
        ("mkdir", "~/dom_md"),
        ("mkdir", "~/images"),
        ("mkdir", "~/master"),
        ("mkdir", "~/master/tasks"),
        ("mkdir", "~/master/vms"),
        ("truncate", "~/dom_md/ids"),
        ("truncate", "~/dom_md/inbox"),
        ("truncate", "~/dom_md/outbox"),
        ("write", "~/dom_md/leases"),
        ("write", "~/dom_md/metadata"),
    ]
    assert plan.metadata["_SHA_CKSUM"] == "5737f1270bf93fdd660fea819655b01a34c315b9"


@pytest.mark.parametrize("domain", ["export", "iso"])
def test_a_sound_domain_needs_nothing(domain):
    wanted = WANTED._replace(domain=domain)
    text = sealed_text(new_metadata(domain, UUID, "Export", WANTED.remote_path, "NFS"))
    plan = plan_domain(wanted, found(tree(text, domain), "__DIRECT_IO_TEST__"), OTHER)
    assert (plan.uuid, plan.steps, plan.damage, plan.warnings) == (UUID, [], [], [])


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"images": None}, [("mkdir", "~/images")]),
        ({"dom_md__ids": None}, [("truncate", "~/dom_md/ids")]),
        ({"dom_md__leases": Entry("file", 0o660, 36, 36, 0)}, [("write", "~/dom_md/leases")]),
        ({"dom_md__inbox": Entry("file", 0o660, 36, 36, 0)}, []),  # as the guide makes it
        ({"dom_md": Entry("directory", 0o755, 36, 36)}, []),  # as the old engine made it
        ({"images": Entry("directory", 0o755, 0, 0)}, [("chown", "~/images")]),
        ({"images": Entry("directory", 0o777, 36, 36)}, [("chmod", "~/images")]),
        ({"dom_md__ids": Entry("file", 0o460, 36, 36)}, [("chmod", "~/dom_md/ids")]),
        ({"dom_md__metadata": Entry("file", 0o644, 0, 0, 9)}, [("chown", "~/dom_md/metadata")]),
    ],
)
def test_what_is_corrected_in_a_domain_that_nobody_attached(changed, expected):
    plan = plan_domain(WANTED, found(tree(**changed)), OTHER)
    assert deeds(plan) == expected and not plan.damage


def test_what_a_killed_run_left_is_taken_up():
    begun = Tree({"": Entry("directory", 0o700, 0, 0), "dom_md": Entry("directory", 0o775, 36, 36)})
    plan = plan_domain(WANTED, found(begun), OTHER)
    assert plan.uuid == UUID and not plan.damage
    assert deeds(plan)[:3] == [("chown", "~"), ("mkdir", "~/images"), ("mkdir", "~/master")]
    assert deeds(plan)[-1] == ("write", "~/dom_md/metadata")


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (tree(TEXT.replace("Export", "Exports")), "computed is .*It is not written again"),
        (tree("#" + TEXT.splitlines()[-1] + "\n" + TEXT), "7697118614bc404984f602d193fa5fbc90250d23.*take it out"),
        (tree(sealed_text({**parse_metadata(TEXT), "SDUUID": OTHER})), "one of both is a copy"),
        (tree(sealed_text({**parse_metadata(TEXT), "CLASS": "Data"})), "CLASS is 'Data'; a domain of type export has"),
        (tree(None)._replace(images=("abc",)), "metadata is missing, but images/ holds abc"),
        (tree(ATTACHED, dom_md__ids=None), "ids is missing from a domain that is attached"),
        (tree(ATTACHED, images=None), "images is missing from a domain that is attached"),
        (tree(dom_md__leases=Entry("file", 0o660, 36, 36, 511)), "has 511 bytes; a lease has 512"),
        (tree(dom_md__inbox=Entry("file", 0o660, 36, 36, 5)), "no multiple of the 4096"),
        (tree(images=Entry("other", 0o777, 36, 36)), "images is no directory; what else"),
    ],
)
def test_damage_is_told_and_nothing_is_done(one, words):
    plan = plan_domain(WANTED, found(one), OTHER)
    assert plan.steps == []
    import re

    assert re.search(words, "\n".join(plan.damage)), plan.damage


def test_master_is_vdsms_affair_once_attached():
    plan = plan_domain(WANTED, found(tree(ATTACHED, master__vms=None)), OTHER)
    assert deeds(plan) == [("mkdir", "~/master/vms")] and not plan.damage


def test_metadata_that_are_there_are_not_changed():
    wanted = WANTED._replace(description="Other", remote_path="nfs2:/srv", storage_type="POSIXFS")
    plan = plan_domain(wanted, found(tree()), OTHER)
    assert plan.steps == [] and len(plan.warnings) == 3
    assert "DESCRIPTION is 'Export', declared is 'Other'" in plan.warnings[0]


def test_warnings():
    unsealed = "\n".join(TEXT.splitlines()[:-1]) + "\n"
    assert "has no _SHA_CKSUM" in plan_domain(WANTED, found(tree(unsealed)), OTHER).warnings[0]
    held = tree()._replace(lease=b"host1".ljust(16, b"\0"), strangers=("images/a",))
    told = plan_domain(WANTED, found(held), OTHER).warnings
    assert "held by host1" in told[0] and "1 files" in told[1] and "chown -R 36:36" in told[1]


@pytest.mark.parametrize(
    ("wanted", "present", "words"),
    [
        (WANTED, Found(ROOT, ("a.txt",), {}), "is not empty, it holds a.txt"),
        (WANTED, Found(ROOT, (OTHER, UUID), {OTHER: tree(), UUID: tree()}), "could not tell one"),
        (WANTED._replace(uuid=OTHER), found(tree()), f"holds the domain {UUID}"),
    ],
)
def test_a_directory_that_is_in_use(wanted, present, words):
    plan = plan_domain(wanted, present, "11111111-2222-4bc3-8675-ceff4637e8e3")
    assert plan.steps == [] and words in "\n".join(plan.damage)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"description": "导出域"}, "printable characters of ASCII"),
        ({"description": "a" * 51}, "at most 50"),
        ({"description": "a "}, "no blanks at its ends"),
        ({"description": "a\nCLASS=Data"}, "printable"),
        ({"remote_path": "/srv/export"}, "named as server:/path"),
        ({"remote_path": "nfs1:/srv\nX=1"}, "printable ASCII"),
        ({"uuid": UUID.upper()}, "small letters"),
    ],
)
def test_declarations_that_vdsm_would_refuse(changed, words):
    assert words in "\n".join(declaration_faults(WANTED._replace(**changed)))


def test_good_declarations():
    assert declaration_faults(WANTED) == []
    assert declaration_faults(WANTED._replace(storage_type="LOCALFS", remote_path="/srv", uuid=UUID)) == []


def test_a_domain_is_inspected_as_it_is():
    assert inspect_domain("/srv/x", UUID, tree()) == []
    assert inspect_domain("/srv/x", UUID, Tree({})) == ["/srv/x/dom_md/metadata is missing."]
    told = inspect_domain("/srv/x", UUID, tree(images=Entry("directory", 0o755, 0, 0), dom_md__ids=None))
    assert told[0].startswith("Not done: give /srv/x/images to 36:36") and "ids is missing" in told[1]
