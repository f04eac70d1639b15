# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A front-end for the autostart: `onevm` and `ssh` as programs in PATH, and files that say what they find.

Both take exactly the arguments that the real ones are called with, and end with status 99 at any other. A resume opens
a new HISTORY record, as the captures of oned show it.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import time
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[3] / "roles/opennebula_autostart/files/opennebula_autostart.py"

# Texts of failures as captured from the real onevm; it ends with status 255.
ONEVM = """#!/bin/sh
cd {root}
echo "onevm $*" >> calls
case "$#:$1:$2" in
  3:show:-x)
    [ ! -e oned-is-down ] || {{ echo 'Failed to open TCP connection to localhost:2633' >&2; exit 255; }}
    [ -e "vm$3" ] || {{ echo "[one.vm.info] Error getting virtual machine [$3]." >&2; exit 255; }}
    cat "vm$3" ;;
  2:resume:*)
    [ ! -e resume-hangs ] || {{ echo $$ > hanging; exec sleep 60; }}
    [ ! -e resume-fails ] || {{ echo '[one.vm.action] Error performing action "resume": no' >&2; exit 255; }}
    [ ! -e "vm$2.next" ] || mv "vm$2.next" "vm$2"
    echo "$2" >> resumed ;;  # last: tests wait for it
  *) echo "onevm was not to be called with: $*" >&2; exit 99 ;;
esac
"""
# The command is really run, and its answer held against what a node would say, before the node's own times are told.
SSH = """#!/bin/sh
cd {root}
[ "$#:$1:$2:$3:$4:$5:$6:$7" = "9:-o:BatchMode=yes:-o:ConnectTimeout=10:-o:ControlPath=none:--" ] || exit 99
echo "ssh $8" >> calls
[ -e "node-$8" ] || {{ echo "ssh: connect to host $8 port 22: No route to host" >&2; exit 255; }}
sh -c "$9" | grep -Eqx 'kvmcloud now=[0-9]+ btime [0-9]+' || exit 99
echo 'Welcome to this node.'
read -r ahead booted < "node-$8"
echo "kvmcloud now=$(($(date +%s) + ahead)) btime $((booted + ahead))"
"""
HISTORY = (
    "<HISTORY><SEQ>{seq}</SEQ><HOSTNAME>{node}</HOSTNAME><RSTIME>{started}</RSTIME><RETIME>{ended}</RETIME>"
    "<ACTION>{action}</ACTION><UID>{uid}</UID></HISTORY>"
)


def history(seq=0, action=44, uid=-1, started=-3000, ended=-20, node="node1") -> str:
    """A record; its times are told from now."""
    now = int(time.time())
    ended = now + ended if ended else 0
    return HISTORY.format(seq=seq, node=node, started=now + started, ended=ended, action=action, uid=uid)


RUNS = history(1, action=0, started=0, ended=0)
FAILED_START = history(1, action=11, uid=0, started=-5, ended=-1)


def vm_xml(number: int, *records: str, state=8, lcm=0, autostart="") -> str:
    wish = f"<AUTOSTART><![CDATA[{autostart}]]></AUTOSTART>" if autostart else ""
    return (
        f"<VM><ID>{number}</ID><NAME>web{number}</NAME><STATE>{state}</STATE><LCM_STATE>{lcm}</LCM_STATE>"
        f"<USER_TEMPLATE>{wish}</USER_TEMPLATE>"
        f"<HISTORY_RECORDS>{''.join(records or (history(),))}</HISTORY_RECORDS></VM>"
    )


class SmallCloud:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.started: list[subprocess.Popen] = []
        self.queue = root / "lib/autostart"
        self.config = root / "autostart.conf"
        for folder in ("bin", "lib", "log"):
            (root / folder).mkdir()
        for name, text in (("onevm", ONEVM), ("ssh", SSH)):
            (root / "bin" / name).write_text(text.format(root=root))
            (root / "bin" / name).chmod(0o755)
        self.settings()

    def settings(self, **changed: object) -> None:
        values = {"queue": self.queue, "log": self.root / "log/autostart.log", "retry_seconds": 1, **changed}
        self.config.write_text("[autostart]\n" + "".join(f"{name} = {value}\n" for name, value in values.items()))

    def node(self, name: str = "node1", booted: int | None = -60, ahead: int = 0) -> None:
        """A node that booted so many seconds from now, with a clock that is ahead; None: it cannot be reached."""
        path = self.root / f"node-{name}"
        if booted is None:
            path.unlink(missing_ok=True)
        else:
            path.write_text(f"{ahead} {int(time.time()) + booted}\n")

    def vm(self, number: int, *records: str, after_resume: str | None = None, **fields) -> bytes:
        """What oned knows of a VM now, and after a resume; returns what its hook gets."""
        xml = vm_xml(number, *records, **fields)
        (self.root / f"vm{number}").write_text(xml)
        if after_resume is not None:
            (self.root / f"vm{number}.next").write_text(after_resume)
        return base64.b64encode(xml.encode())

    def runs(self, number: int) -> str:
        return vm_xml(number, history(), RUNS, state=3, lcm=3)

    def switch(self, name: str, on: bool = True) -> None:
        (self.root / name).touch() if on else (self.root / name).unlink()

    def start(self, *arguments: str, locale: str = "utf-8", **how) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), "--config", str(self.config), *arguments],
            env={"PATH": f"{self.root}/bin:{os.environ['PATH']}", "PYTHONIOENCODING": locale},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **how,
        )
        self.started.append(process)
        return process

    def end(self) -> None:
        """No test leaves a process behind, however it ends."""
        for process in self.started:
            if process.poll() is None:
                process.kill()

    def run(self, *arguments: str, given: bytes = b"") -> tuple[int, str, str]:
        process = self.start(*arguments)
        out, err = process.communicate(given, timeout=60)
        return process.returncode, out.decode(), err.decode()

    def hook(self, given: bytes) -> str:
        rc, out, err = self.run(given=given)
        assert (rc, err) == (0, ""), (rc, err)
        return out

    def work(self) -> str:
        rc, out, err = self.run("--work")
        assert rc == 0, err
        return out

    def lines(self, name: str) -> list[str]:
        path = self.root / name
        return path.read_text().splitlines() if path.exists() else []

    @property
    def calls(self) -> list[str]:
        return self.lines("calls")

    @property
    def entries(self) -> list[str]:
        return sorted(path.name for path in self.queue.iterdir()) if self.queue.exists() else []


def wait_for(condition, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
