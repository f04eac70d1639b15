# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of docs/vitastor.md and docs/storpool.md map every step of the vendors' guides to something that is there.

Both ways: each bullet, numbered step and command of a guide is covered by a row of the table, and each name that a row
gives - a role, a variable, a module, a playbook, a heading - exists.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
GUIDES = CHECKOUT.parent / "shared/guides"
PAGES = {"vitastor": CHECKOUT / "docs/vitastor.md", "storpool": CHECKOUT / "docs/storpool.md"}
STEP = re.compile(r"^\s*(?:[•-]|\d+\.)\s+(?=\S)|^(?=(?:yum|git|bash|usermod|systemctl|su|ssh|onehost|storpool|echo) )")
# What a guide tells, by words of it (of both languages) -> words of the row that covers it.
VITASTOR = {
    r"(apt-get|yum) install": "install `vitastor-opennebula`",
    r"successfully applied": "prints OK",
    r"Manual Installation|Ручная установка": "install by hand",
    r"dpkg -l qemu-system-x86": "QEMU and libvirt of the vendor",
    r"Block VM access|Заблокируйте доступ": "block access of guests",
    r"cp -r opennebula/remotes": "copy `opennebula/remotes`",
    r"sudoers\.d": "copy `sudoers.d`",
    r"downloader-vitastor": "patch `downloader.sh`",
    r"LIVE_DISK_SNAPSHOTS": "`kvm-vitastor` in `LIVE_DISK_SNAPSHOTS`",
    r"AppArmor.*(config file path|файлу)": "AppArmor paths",
    r"`?/etc/one/oned\.conf`?$": "`-l deploy=deploy.vitastor`",
    r"-l deploy\.vitastor": "`-l deploy=deploy.vitastor`",
    r"save=save\.vitastor": "`save=`, `restore=`",
    r"TM_MAD\.ARGUMENTS|INHERIT_DATASTORE_ATTR|TM_MAD_CONF": "`vitastor` in TM_MAD and DATASTORE_MAD",
    r"POOL_NAME|IMAGE_PREFIX|BRIDGE_LIST|VITASTOR_CONF|STAGING_DIR": "datastores: `POOL_NAME`",
}
STORPOOL = {
    r"CLI interface with oneadmin": "oneadmin works",
    r"StorPool CLI installed|storpool_block\)$|\(Optional\) member": "StorPool's command line",
    r"epel|qemu-kvm-ev|qemu-img available": "`qemu-img` on bridge hosts",
    r"yum -y install": "dependencies of front-end and nodes",
    r"must be member of|group disk|usermod": "oneadmin in group `disk`",
    r"only Bridge Node": "bridge hosts: in OpenNebula, without VMs",
    r"essencial Datastore|DATASTORE_MAD|TM_MAD arguments|TM_MAD_CONF|DS_MAD_CONF|RESTRICTEDATTR|LIVE_DISK_SNAPSHOTS": (
        "`storpool` in TM_MAD and DATASTORE_MAD"
    ),
    r"volatile disks as StorPool|hard-coded definition": "volatile disks of running guests",
    r"SYSTEM datastore on shared|SP_SYSTEM|SHARED attribute": "system datastores of `TM_MAD`",
    r"partial SYSTEM|reported free": "system datastores of `TM_MAD`",
    r"context image|CONTEXT iso|migration from one to another|VMDK|VHDX": "import of VMDK and VHDX",
    r"different StorPool clusters": "another cluster for a datastore",
    r"multiple OpenNebula": "several OpenNebulas on one cluster",
    r"limit on the number of VM disk|remote StorPool cluster|checkpoint": "limits of disk snapshots",
    r"alternate local kvm/deploy": "tweaks of a guest's definition",
    r"VM snapshot": "VM snapshots as atomic snapshots",
    r"patches for Sunstone": "patches of OpenNebula's files",
    r"git clone|install script|install\.sh$": "clone the add-on, run `install.sh`",
    r"SKIP_": "`SKIP_SUNSTONE`, `SKIP_ONED`",
    r"\(Optional\) Edit /etc/one/oned.conf": "`-l deploy=deploy-tweaks",
    r"RAFT_LEADER_IP|SCRIPTS_REMOTE_DIR": "`RAFT_LEADER_IP`",
    r"Restart opennebula|systemctl restart|sync": "restart, `onehost sync`",
    r"reserved\.": "`reserved.sh`",
    r"DS_MAD:|TM_MAD:|DISK_TYPE:|BRIDGE_LIST:|space separated": "datastores: `DS_MAD`",
    r"Name: |Backend: |Type: |Disk type|Bridge List": "datastores: `DS_MAD`",
    r"^storpool template": "`storpool template one-ds-ID ...`",
    r"upgrade procedure|Stop all|Upgrade the|Follow the addon|Continue \(re\)|OpenNebula 5\.2": "upgrade: stop",
    r"whitelisted": "`TM_MAD_SYSTEM` of datastores",
    r"CDROM images": "names of CD images",
    r"--unsafe|strict checks": "live migration with `--unsafe`",
}
# Said of the product, with nothing in it to do.
NO_STEP = r"Tested only with KVM|Image export is disabled"


def rows(addon: str) -> dict[str, str]:
    """The steps of the page's table, and what does them."""
    table = PAGES[addon].read_text().split("## The guide's steps")[1].split("\n## ")[0]
    cells = [line.strip("| ").split(" | ", 1) for line in table.splitlines() if line.startswith("| ")]
    return {step: by for step, by in cells[1:] if set(step) != {"-"}}


@pytest.mark.parametrize(
    "addon, pattern, covered, least",
    [
        ("vitastor", "000_*.txt", VITASTOR, 18),
        ("vitastor", "001_*.txt", VITASTOR, 15),
        ("storpool", "003_*.txt", STORPOOL, 80),
    ],
    ids=["vitastor in Russian", "vitastor in English", "storpool"],
)
def test_every_step_of_the_guide_is_in_the_table(addon: str, pattern: str, covered: dict[str, str], least: int) -> None:
    found = sorted(GUIDES.glob(pattern))
    if not found:
        pytest.skip("the guides are not beside this checkout (../shared/guides)")
    # The test table of Vitastor's guide has a page of its own, and a test of its own.
    text = re.split(r"^(?:## )?(?:Testing|Тестирование)$", found[0].read_text(), flags=re.MULTILINE)[0]
    steps = [STEP.sub("", line, count=1).strip() for line in text.splitlines() if STEP.match(line)]
    steps = [step for step in steps if not re.search(NO_STEP, step) and not re.match(r"ARGUMENTS|[-+] ", step)]
    assert len(steps) >= least
    table = rows(addon)
    for step in steps:
        wanted = [row for words, row in covered.items() if re.search(words, step)]
        assert wanted, f"no row for: {step}"
        for row in wanted:
            assert any(row in there for there in table), f"the table has no row {row!r}, for: {step}"


def there_is(name: str) -> bool:
    """A variable, a role, a group, a module, a playbook or a rule of the preflight."""
    return name in NAMES


def names() -> set[str]:
    found: set[str] = set()
    for role in (CHECKOUT / "roles").iterdir():
        found.add(role.name)
        specs = yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"]
        for spec in specs.values():
            found |= set(spec.get("options", {}))
    found |= {path.stem for folder in ("plugins/modules", "playbooks") for path in (CHECKOUT / folder).iterdir()}
    from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_rules import ALL_RULES

    return found | {rule.name for rule in ALL_RULES} | {"opennebula_frontends", "opennebula_nodes"}


NAMES = names()
OURS = re.compile(r"`((?:vitastor|storpool|opennebula|vm_isolation|storage|verify|preflight)_\w+)`")


@pytest.mark.parametrize("addon", PAGES)
def test_whatever_does_a_step_exists(addon: str) -> None:
    text = PAGES[addon].read_text()
    headings = {
        re.sub(r"[^\w -]", "", line.strip("# ").lower()).replace(" ", "-")
        for line in text.splitlines()
        if line[:1] == "#"
    }
    named = 0
    for step, by in rows(addon).items():
        ours = OURS.findall(by)
        named += bool(ours)
        for name in ours:
            # `storpool_opennebula_source` and `_version`
            assert there_is(name), f"{step}: there is no {name}"
        for target in re.findall(r"\]\(#([\w-]+)\)", by):
            assert target in headings, f"{step}: there is no heading {target}"
        for target in re.findall(r"\]\(([\w./-]+\.md)", by):
            assert (PAGES[addon].parent / target).exists(), f"{step}: there is no page {target}"
        said = "not asked" in by or "nothing:" in by or "StorPool installs" in by or "volatile2dev" in by or "](" in by
        assert ours or said or "the package" in by or "same roles" in by, f"{step}: nobody does it: {by}"
    assert named >= 10


def test_every_variable_of_the_roles_is_on_a_page_or_in_its_specs_alone() -> None:
    """Each option of the add-ons' roles has a description; those that change what a guide says are on its page."""
    for addon, role in (("vitastor", "vitastor_opennebula"), ("storpool", "storpool_opennebula")):
        specs = yaml.safe_load((CHECKOUT / f"roles/{role}/meta/argument_specs.yml").read_text())
        options = {name for name in specs["argument_specs"]["main"]["options"] if name.startswith(addon)}
        page = PAGES[addon].read_text()
        unsaid = {name for name in options if name not in page}
        assert unsaid <= {
            "storpool_opennebula_restricted_attributes",
            "storpool_opennebula_state",
            "vitastor_opennebula_nbd",
            "vitastor_opennebula_repository_key",
        }, unsaid
