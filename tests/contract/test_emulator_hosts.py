"""What the emulated oned does by itself: it probes hosts, copies remotes to them, runs state hooks, keeps its state.

`ssh` is replaced by one that runs what it is told in a directory of the test instead of on another machine, or refuses.
"""

from __future__ import annotations

import re
import sys
import time
import xmlrpc.client
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from emulator_replay import BY_TIER, PASSWORD, RELEASES, Machine, Record  # noqa: E402

# Runs the remote command with a home of its own; `refused` stands for a host that does not let oneadmin in.
SSH = """#!/bin/sh
while [ "$1" != -- ]; do shift; done
host=$2
[ "$host" = refused ] && {{ echo 'Host key verification failed.' >&2; exit 255; }}
PATH={root}/bin:$PATH
echo "$3" | sed 's,/var/tmp/one,{root}/nodes/'"$host"',g' >{root}/last
exec sh {root}/last
"""
VIRSH = "#!/bin/sh\necho 'Running hypervisor: QEMU 7.2.0'\n"


@pytest.fixture(params=BY_TIER)
def machine(request, tmp_path):
    made = Machine(request.param, tmp_path)
    made.prepare()
    for name, text in (("ssh", SSH.format(root=tmp_path)), ("virsh", VIRSH)):
        (tmp_path / "bin" / name).write_text(text, encoding="utf-8")
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / "nodes").mkdir()
    assert made.start()
    yield made
    made.stop()


def run(machine, line, files=None):
    words = line.split()
    return machine.run(Record(machine.release, "", 0, words, {}, files or {}, None, 0, "", ""))


def host(machine, name):
    return run(machine, f"onehost show -x {name}").stdout


def until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


def test_a_host_that_can_be_reached_is_monitored(machine):
    assert run(machine, "onehost create node1 -i kvm -v kvm").stdout == "ID: 0\n"
    assert "<STATE>0</STATE>" in host(machine, "node1")  # a creation returns before the host is known
    assert until(lambda: "<STATE>2</STATE>" in host(machine, "node1"))
    shown = host(machine, "node1")
    assert int(re.search(r"<TOTAL_CPU>(\d+)<", shown).group(1)) >= 100
    assert int(re.search(r"<TOTAL_MEM>(\d+)<", shown).group(1)) > 100000


def test_a_host_that_refuses_ends_in_error_and_the_words_of_ssh_in_the_log(machine):
    run(machine, "onehost create refused -i kvm -v kvm")
    assert until(lambda: "<STATE>3</STATE>" in host(machine, "refused"))
    assert "Error monitoring Host refused (0): ]]>" in host(machine, "refused")
    log = machine.root / "var/log/one/monitor.log"
    assert "Host key verification failed." in log.read_text(encoding="utf-8")


def test_a_host_without_libvirt_ends_in_error(machine):
    (machine.root / "bin/virsh").unlink()
    run(machine, "onehost create node1 -i kvm -v kvm")
    assert until(lambda: "<STATE>3</STATE>" in host(machine, "node1"))
    assert "virsh" in host(machine, "node1")


def test_a_repaired_host_recovers_when_it_is_enabled_again(machine):
    (machine.root / "bin/virsh").rename(machine.root / "bin/hidden")
    run(machine, "onehost create node1 -i kvm -v kvm")
    assert until(lambda: "<STATE>3</STATE>" in host(machine, "node1"))
    (machine.root / "bin/hidden").rename(machine.root / "bin/virsh")
    run(machine, "onehost disable node1")
    assert run(machine, "onehost enable node1").rc == 0
    assert until(lambda: "<STATE>2</STATE>" in host(machine, "node1"))
    assert "<ERROR>" not in host(machine, "node1")


def test_sync_copies_the_remotes_and_removes_what_is_gone(machine):
    run(machine, "onehost create node1 -i kvm -v kvm")
    stale = machine.root / "nodes/node1/gone.sh"
    assert until(lambda: "<STATE>2</STATE>" in host(machine, "node1"))
    stale.touch()
    (machine.root / "var/lib/one/remotes/hooks/mine.sh").write_text("#!/bin/sh\n", encoding="ascii")
    answer = run(machine, "onehost sync --force node1")
    assert (answer.rc, answer.stdout.splitlines()[-1]) == (0, "All hosts updated successfully.")
    assert (machine.root / "nodes/node1/hooks/mine.sh").read_text(encoding="ascii") == "#!/bin/sh\n"
    assert not stale.exists()
    assert (machine.root / "var/lib/one/remotes/.update").exists()  # the mark of the last run


def test_a_new_host_gets_the_remotes_and_then_needs_no_sync(machine):
    run(machine, "onehost create node1 -i kvm -v kvm")
    assert until(lambda: f"<VERSION><![CDATA[{machine.release}]]>" in host(machine, "node1"))
    assert (machine.root / "nodes/node1/hooks/ft/host_error.rb").exists()
    answer = run(machine, "onehost sync")
    assert (answer.rc, answer.stdout) == (0, "No hosts are going to be updated.\n")


def test_sync_of_an_unreachable_host_fails_and_names_it(machine):
    run(machine, "onehost create refused -i kvm -v kvm")
    run(machine, "onehost create node1 -i kvm -v kvm")
    answer = run(machine, "onehost sync --force")
    assert answer.rc == 255
    assert answer.stderr.endswith("Failed to update the following hosts:\n* refused\n")
    assert (machine.root / "nodes/node1/VERSION").exists()


def test_a_host_hook_runs_with_the_host_as_its_argument(machine):
    seen = machine.root / "seen"
    hook = machine.root / "var/lib/one/remotes/hooks/note.sh"
    hook.write_text(f'#!/bin/sh\nprintf %s "$1" | base64 -d >{seen}\n', encoding="utf-8")
    hook.chmod(0o755)
    template = 'NAME=note\nTYPE=state\nRESOURCE=HOST\nSTATE=ERROR\nCOMMAND="note.sh"\nARGUMENTS="$TEMPLATE"\n'
    assert run(machine, "onehook create cap/hook.tmpl", {"cap/hook.tmpl": template}).rc == 0
    run(machine, "onehost create refused -i kvm -v kvm")
    assert until(lambda: seen.exists() and "<NAME>refused</NAME>" in seen.read_text(encoding="utf-8"))
    assert until(lambda: "<CODE>0</CODE>" in run(machine, "onehook show -x note").stdout)


def test_datastores_are_measured_a_moment_after_they_were_made(machine):
    template = {"cap/ds.tmpl": "NAME=images\nDS_MAD=fs\nTM_MAD=shared\n"}
    assert run(machine, "onedatastore create cap/ds.tmpl", template).stdout == "ID: 100\n"
    assert "<TOTAL_MB>0</TOTAL_MB>" in run(machine, "onedatastore show -x images").stdout
    assert until(lambda: "<TOTAL_MB>0</TOTAL_MB>" not in run(machine, "onedatastore show -x images").stdout)


def test_a_datastore_that_cannot_be_measured_does_not_stop_the_others(machine):
    base = machine.root / "var/lib/one/datastores"
    (base / "100").symlink_to(base / "nowhere/deep")
    for name in ("broken", "fine"):
        run(machine, "onedatastore create cap/ds.tmpl", {"cap/ds.tmpl": f"NAME={name}\nDS_MAD=fs\nTM_MAD=shared\n"})
    assert until(lambda: "<TOTAL_MB>0</TOTAL_MB>" not in run(machine, "onedatastore show -x fine").stdout)
    assert "<TOTAL_MB>0</TOTAL_MB>" in run(machine, "onedatastore show -x broken").stdout
    log = (machine.root / "var/log/one/oned.log").read_text(encoding="utf-8")
    assert "Error monitoring datastore 100" in log


def test_state_survives_a_restart_and_the_password_is_that_of_the_first_start(machine):
    run(machine, "onecluster create kept")
    machine.stop()
    assert machine.process.returncode == 0
    machine.write_auth("oneadmin:another")
    assert machine.start()
    assert "couldn't be authenticated" in run(machine, "onecluster list").stderr
    machine.write_auth(f"oneadmin:{PASSWORD}")
    assert "<NAME>kept</NAME>" in run(machine, "onecluster list -x").stdout


def test_a_password_read_from_a_file_is_changed_and_stays_so(machine):
    changed = run(machine, "oneuser passwd oneadmin cap/secret --read-file", {"cap/secret": "new:pass#word\n"})
    assert changed.rc == 0, changed.stderr
    assert "couldn't be authenticated" in run(machine, "oneuser show -x").stderr
    machine.write_auth("oneadmin:new:pass#word")
    assert run(machine, "oneuser show -x").rc == 0


def test_a_database_of_another_release_is_refused(machine):
    machine.stop()
    other = next(release for release in RELEASES if release != machine.release)
    machine.release = other
    assert not machine.start(10)
    assert machine.process.wait(10) == 255
    assert f"needs DB version '{other}'" in machine.process.communicate()[1]


def test_clients_of_the_xml_rpc_api_are_served(machine):
    """What a client such as pyone calls: real names and parameters, answers of three values."""
    api = xmlrpc.client.ServerProxy(f"http://127.0.0.1:{machine.port}/RPC2").one
    session = f"oneadmin:{PASSWORD}"
    assert api.system.version(session) == [True, machine.release, 0]
    assert api.datastorepool.info(session)[1].startswith("<DATASTORE_POOL><DATASTORE><ID>2</ID>")
    assert api.cluster.allocate(session, "made by api") == [True, 100, 0]
    assert api.cluster.info(session, 999, False)[:3] == [False, "[one.cluster.info] Error getting cluster [999].", 1024]
    assert api.user.info("oneadmin:wrong", -1)[2] == 256
    with pytest.raises(xmlrpc.client.Fault):
        api.nosuch.call(session)
    with pytest.raises(xmlrpc.client.Fault):
        api.datastore.info(session)
