# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pool of GlusterFS on lab hosts: declares it, runs playbooks and modules, and looks at it past Ansible."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from xml.etree import ElementTree

import cloud
import yaml

HOSTS = str(cloud.CHECKOUT / "tests/live/gluster")
SSH = ["ssh", "-F", "/var/lib/kvmcloud-lab/labs/gluslive/ssh/config", "-o", "ConnectTimeout=20"]
BRICKS = [{"name": name, "device": f"/dev/disk/by-id/virtio-{name}"} for name in ("brick1", "brick2")]
MOUNT = "/srv/data"
DECLARED = tempfile.TemporaryDirectory(prefix="kvmcloud-gluslive-")  # removed when the tests have ended


def on(host: str, command: str, check: bool = True) -> str:
    """Runs a shell command on a lab host, past Ansible; both streams."""
    done = subprocess.run([*SSH, host, command], capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"on {host}: {command}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def inventory(servers=("gs1", "gs2", "gs3"), volumes=(), mounts=(), clients=("client1",), own=None, **variables) -> str:
    """What a user has: the servers that are in use and a client. Other hosts of the lab are none of it.

    `own`: what single servers have, by their name.
    """
    addresses = {
        name: {"ansible_host": host["ansible_host"]}
        for group in yaml.safe_load(Path(HOSTS, "hosts.yml").read_text()).values()
        for name, host in group["hosts"].items()
    }
    shared = {"gluster_bricks": BRICKS, "gluster_volumes": list(volumes), **variables}
    hosts = {name: {**addresses[name], **(own or {}).get(name, {})} for name in servers}
    groups = {
        "gluster_servers": {"hosts": hosts, "vars": shared},
        "clients": {"hosts": {c: addresses[c] for c in clients}, "vars": {"gluster_client_mounts": list(mounts)}},
    }
    folder = Path(DECLARED.name)
    if not (folder / "group_vars").exists():
        (folder / "group_vars").symlink_to(Path(HOSTS, "group_vars"))
    (folder / "hosts.json").write_text(json.dumps(groups))
    return str(folder)


def playbook(name: str, *arguments: str, **declared) -> cloud.Run:
    return cloud.playbook(name, *arguments, inventory=inventory(**declared))


def converge(*arguments: str, book: str = "gluster", **declared) -> cloud.Run:
    run = playbook(book, *arguments, **declared)
    assert run.rc == 0, run.output
    return run


# gluster as it is, and after the command that is waited for its caller is gone, as by a power loss of the controller.
DEADLY = r"""#!/bin/sh
/usr/sbin/gluster "$@"
code=$?
case "$*" in *"%s"*) kill -9 $(awk '{print $4}' /proc/$PPID/stat) ;; esac
exit $code
"""


def converge_killed_after(command: str, *arguments: str, book: str = "gluster", **declared) -> cloud.Run:
    on("gs1", f"cat > /usr/local/sbin/gluster <<'END'\n{DEADLY % command}END\nchmod +x /usr/local/sbin/gluster")
    try:
        run = playbook(book, *arguments, **declared)
    finally:
        on("gs1", "rm /usr/local/sbin/gluster")
    assert run.rc != 0, run.output
    return run


def start_playbook(name: str, *arguments: str, **declared) -> subprocess.Popen:
    """In a process group of its own, for those that run side by side or are cut off."""
    return subprocess.Popen(
        ["ansible-playbook", "-i", inventory(**declared), f"playbooks/{name}.yml", *arguments],
        cwd=cloud.CHECKOUT,
        env=cloud.environment("/dev/null"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def run_until(process: subprocess.Popen, task: str) -> None:
    """Reads on until the task begins."""
    for line in process.stdout:
        if line.startswith("TASK [") and task in line:
            return
    raise AssertionError(f"there was no task {task}")


def end(process: subprocess.Popen, how: signal.Signals = signal.SIGKILL) -> None:
    os.killpg(process.pid, how)
    process.communicate()


def module(host: str, name: str, check: bool = False, **arguments) -> dict:
    """One module run, past roles."""
    done = subprocess.run(
        ["ansible", "-i", HOSTS, host, "-m", f"kvmcloud.stack.{name}", "-a", json.dumps(arguments)]
        + (["--check"] if check else []),
        cwd=cloud.CHECKOUT,
        env={**cloud.environment("/dev/null"), "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
        capture_output=True,
        text=True,
        check=False,
    )
    verdict, _arrow, answer = done.stdout.partition("=> ")
    if not answer.startswith("{"):
        return {"verdict": verdict, "msg": done.stdout + done.stderr}
    return {"verdict": verdict, **json.loads(answer[: answer.rindex("}") + 1])}


def gluster(host: str, command: str) -> ElementTree.Element:
    return ElementTree.fromstring(on(host, f"gluster --mode=script --xml {command}"))


def volumes(host: str = "gs1") -> list[str]:
    return [one.findtext("name") for one in gluster(host, "volume info").findall("volInfo/volumes/volume")]


def bricks(volume: str, host: str = "gs1") -> list[str]:
    return [one.findtext("name") for one in gluster(host, f"volume info {volume}").iter("brick")]


def peers(host: str = "gs1") -> dict[str, str]:
    return {one.findtext("hostname"): one.findtext("stateStr") for one in gluster(host, "peer status").iter("peer")}


def options(volume: str, host: str = "gs1") -> dict[str, str]:
    found = gluster(host, f"volume info {volume}").iter("option")
    return {one.findtext("name"): one.findtext("value") for one in found}


def checksums(host: str, volume: str) -> str:
    return on(host, f"cat /var/lib/glusterd/vols/{volume}/cksum").strip()


def online(volume: str, host: str = "gs1") -> dict[str, bool]:
    nodes = gluster(host, f"volume status {volume}").iter("node")
    return {
        f"{node.findtext('hostname')}:{node.findtext('path')}": node.findtext("status") == "1"
        for node in nodes
        if node.findtext("path", "").startswith("/")
    }


def to_heal(volume: str, host: str = "gs1") -> int:
    counts = [one.text for one in gluster(host, f"volume heal {volume} info").iter("numberOfEntries")]
    return sum(int(count) if count.isdigit() else 1 for count in counts)


def eventually(said, wanted, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not wanted(found := said()):
        assert time.monotonic() < deadline, found
        time.sleep(2)


def files_of(host: str, brick: str) -> str:
    """Each file of a brick with its size."""
    return on(host, f"cd {brick} && find . -path ./.glusterfs -prune -o -type f -printf '%s %P\\n' | sort -k 2")


def sums(folder: str) -> str:
    return f"/root/sums{folder.replace('/', '-')}"


def write_data(files: int = 40, kilobytes: int = 500, folder: str = MOUNT) -> None:
    """Files of which the client remembers the sums, outside of the volume."""
    on(
        "client1",
        f"mkdir -p {folder}/tree/deep && cd {folder}/tree && for n in $(seq {files}); do"
        f" head -c {kilobytes}K /dev/urandom > $([ $((n % 2)) = 0 ] && echo deep/)file$n; done"
        f" && cd {folder} && find tree -type f | sort | xargs sha256sum > {sums(folder)}",
    )


def assert_data(folder: str = MOUNT) -> None:
    on("client1", f"cd {folder} && sha256sum --check --quiet {sums(folder)}")
    assert on("client1", f"cd {folder} && find tree -type f | wc -l") == on("client1", f"wc -l < {sums(folder)}")


WRITER = """
import hashlib, os, sys, time
os.makedirs(f"{sys.argv[1]}/written", exist_ok=True)
number = 0
with open("/root/written", "w") as sums:
    while not os.path.exists("/root/stop"):
        number += 1
        data = os.urandom(20000 + number % 7 * 10000)
        path = f"written/{number}"
        with open(f"{sys.argv[1]}/{path}", "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        sums.write(f"{hashlib.sha256(data).hexdigest()}  {path}\\n")
        sums.flush()
        time.sleep(0.2)
"""


class Writer:
    """A client that writes as long as the test does something to the pool, and remembers what it wrote."""

    def __init__(self, folder: str = MOUNT) -> None:
        self.folder = folder

    def __enter__(self) -> Writer:
        on("client1", f"rm -f /root/stop && cat > /root/writer.py <<'END'\n{WRITER}\nEND")
        on("client1", f"systemd-run --quiet --collect --unit=writer python3 /root/writer.py {self.folder}")
        return self

    def __exit__(self, *_error) -> None:
        state = on("client1", "systemctl is-active writer; touch /root/stop", check=False)
        on("client1", "while systemctl is-active --quiet writer; do sleep 0.2; done")
        assert state.startswith("active"), "the writer has met an error: " + on("client1", "journalctl -u writer -n 5")

    def assert_complete(self) -> int:
        on("client1", f"cd {self.folder} && sha256sum --check --quiet /root/written")
        return int(on("client1", "wc -l < /root/written"))
