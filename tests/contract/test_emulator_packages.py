"""The emulator's packages: built the same each time, named and laid out as OpenNebula's, with no line of its files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from emulator_replay import CONTRACT, EMULATOR, RELEASES  # noqa: E402

FRONT_END = {"opennebula", "opennebula-common", "opennebula-tools", "opennebula-fireedge", "opennebula-gate",
             "opennebula-flow", "opennebula-node-kvm"}  # fmt: skip


def build(release, directory):
    argv = [sys.executable, str(EMULATOR / "build.py"), "--release", release, "--output", str(directory)]
    return [Path(line) for line in subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split()]


@pytest.fixture(scope="module", params=RELEASES)
def built(request, tmp_path_factory):
    return request.param, build(request.param, tmp_path_factory.mktemp("debs"))


def field(package, name):
    return subprocess.run(["dpkg-deb", "-f", package, name], check=True, capture_output=True, text=True).stdout.strip()


def listing(package):
    """Path -> mode as `ls` writes it, of everything a package holds."""
    text = subprocess.run(["dpkg-deb", "-c", package], check=True, capture_output=True, text=True).stdout
    return {line.split(maxsplit=5)[5].lstrip("."): line.split()[0] for line in text.splitlines()}


def test_package_names_are_those_of_the_release(built):
    release, debs = built
    names = {field(deb, "Package") for deb in debs}
    assert names == FRONT_END | ({"opennebula-sunstone"} if release == "6.10.0" else set())


def test_versions_say_emulated(built):
    release, debs = built
    assert {field(deb, "Version") for deb in debs} == {f"{release}-1+emulated"}
    assert all("emulated" in field(deb, "Description") for deb in debs)


def test_a_second_build_gives_the_same_bytes(built, tmp_path):
    release, debs = built
    again = {path.name: path.read_bytes() for path in build(release, tmp_path)}
    assert again == {path.name: path.read_bytes() for path in debs}


def test_units_are_those_of_the_release(built):
    release, debs = built
    units = {path.rsplit("/", 1)[1] for deb in debs for path in listing(deb) if path.startswith("/lib/systemd/system/")}
    units.discard("")
    always = {"opennebula.service", "opennebula-hem.service", "opennebula-fireedge.service", "opennebula-guacd.service",
              "opennebula-flow.service", "opennebula-gate.service", "opennebula-showback.service",
              "opennebula-showback.timer", "opennebula-ssh-agent.service", "opennebula-ssh-socks-cleaner.service",
              "opennebula-ssh-socks-cleaner.timer"}  # fmt: skip
    # 6.10 has sunstone, novnc and scheduler; 7.0 dropped the three
    old = {"opennebula-sunstone.service", "opennebula-novnc.service", "opennebula-scheduler.service"}
    assert units == always | (old if release == "6.10.0" else set())


def test_configuration_is_closed_to_others_and_kept_on_upgrades(built):
    _, debs = built
    for deb in debs:
        conffiles = subprocess.run(["dpkg-deb", "-I", deb, "conffiles"], capture_output=True, text=True, check=False)
        for path, mode in listing(deb).items():
            if path.startswith("/etc/one/") and not path.endswith("/"):
                assert mode == "-rw-r-----"
                assert path in conffiles.stdout.split()


def test_the_scheduler_is_configured_where_the_release_has_it(built):
    release, debs = built
    paths = {path for deb in debs for path in listing(deb)}
    assert ("/etc/one/sched.conf" in paths) == (release == "6.10.0")
    assert ("/etc/one/schedulers/rank.conf" in paths) == (release == "7.4.0")


@pytest.mark.skipif(not CONTRACT.is_dir(), reason="the captures are not beside this checkout (../shared/contract)")
@pytest.mark.parametrize("release", RELEASES)
def test_configuration_says_the_same_in_other_words(release):
    """The same attributes, drivers and values as upstream's, and none of its comments."""
    sys.path.insert(0, str(EMULATOR))
    from one_emulator import template

    for name in ("oned.conf", "monitord.conf", "vmm_exec_kvm.conf"):
        theirs = (CONTRACT / release / "etc" / name).read_text(encoding="utf-8")
        ours = next((EMULATOR / "files" / release).rglob(name)).read_text(encoding="utf-8")
        assert _squeezed(template.parse(ours)) == _squeezed(template.parse(theirs))
        assert not _comments(ours) & _comments(theirs)


def _squeezed(parsed):
    """Values without the line breaks within them."""
    return [
        (n, {k: " ".join(x.split()) for k, x in v.items()} if isinstance(v, dict) else " ".join(v.split()))
        for n, v in parsed.items
    ]


def _comments(text):
    lines = (line.strip("# \t") for line in text.splitlines() if line.lstrip().startswith("#"))
    return {line for line in lines if len(line.split()) >= 4}
