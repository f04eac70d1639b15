# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts VMs again that went down with their node, and no others.

Two hooks of OpenNebula run it as oneadmin with the VM's XML in base64, by standard input or argument. It decides what
the XML alone can decide. What needs the node is put into a queue, so that no hook ever waits: a systemd path unit sees
the queue and runs `--work`, which ends when the queue is empty.

Standard library of Python 3.6 only: it runs with the system's own interpreter.
"""

import argparse
import base64
import binascii
import configparser
import contextlib
import fcntl
import io
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

sys.dont_write_bytecode = True  # nothing beside the installed files
from autostart_rule import (  # noqa: E402
    LEAVE,
    START,
    WAIT,
    WISHES,
    Boot,
    Decision,
    Policy,
    Problem,
    Record,
    Vm,
    decide,
    follow_up,
    judge,
    parse_vm,
    stamp,
)

CONFIG = "/etc/one/autostart.conf"
LONGEST_PAUSE = 600


def read_policy(path: str) -> Policy:
    parser = configparser.ConfigParser(interpolation=None)
    choices = {"default": WISHES, "undecidable": (START, LEAVE)}
    try:
        parser.read(path, encoding="utf-8")
        section = dict(parser["autostart"]) if parser.has_section("autostart") else {}
        unknown = sorted(set(section) - set(Policy._fields))
        if unknown:
            raise ValueError(f"{', '.join(unknown)} is no setting")
        values = {name: type(getattr(Policy(), name))(text) for name, text in section.items()}
        for name, allowed in choices.items():
            if values.get(name, allowed[0]) not in allowed:
                raise ValueError(f"{name} is {values[name]}; wanted one of {', '.join(allowed)}")
    except (configparser.Error, OSError, ValueError) as error:
        raise Problem(f"{path} cannot be used: {error}") from error
    return Policy(**values)


# ---- what is asked and done ----------------------------------------------------------------------------------------


def run(argv: List[str], limit: int) -> str:
    environment = dict(os.environ, LC_ALL="C.UTF-8", ONE_XMLRPC_TIMEOUT="30")
    pipe = subprocess.PIPE
    try:
        done = subprocess.run(  # noqa: UP022  (capture_output came with 3.7)
            argv, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, timeout=limit, env=environment, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Problem(f"'{' '.join(argv[:2])}' did not end within {limit} s") from error
    except OSError as error:
        raise Problem(f"'{argv[0]}' cannot be run: {error.strerror}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
        raise Problem(said or f"'{' '.join(argv[:2])}' failed with exit code {done.returncode}")
    return done.stdout.decode("utf-8", "replace")


def ask_boot_time(node: str) -> Tuple[Optional[Boot], str]:
    """The answer, or None and why. The node's clock is asked as well, for it may differ from the front-end's."""
    command = "echo kvmcloud now=$(date +%s) $(grep ^btime /proc/stat)"
    # A shared connection may be one to the node as it was before it went down.
    options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ControlPath=none"]
    before = time.time()
    try:
        said = run(["ssh", *options, "--", node, command], 20)
    except Problem as problem:
        return None, str(problem)
    after = time.time()
    found = re.search(r"^kvmcloud now=(\d+) btime (\d+)$", said, re.MULTILINE)
    if not found:
        return None, f"it answered {said[:100]!r}"
    now, booted = int(found.group(1)), int(found.group(2))
    # Both are cut to whole seconds, and they were true at some time between question and answer.
    return Boot(booted + (before + after) / 2 - now, (after - before) / 2 + 2), ""


def show(vm_id: int) -> Optional[Vm]:
    """The VM as it is now; None: there is no such VM any more."""
    try:
        return parse_vm(run(["onevm", "show", "-x", str(vm_id)], 60))
    except Problem as problem:
        if f"Error getting virtual machine [{vm_id}]" in str(problem):
            return None
        raise


def tell(policy: Policy, vm_id: int, name: str, node: str, decision: Decision) -> None:
    texts = [json.dumps(text, ensure_ascii=False) for text in (name, node, decision.reason)]
    line = "{} vm={} name={} node={} decision={} reason={}".format(
        stamp(time.time()), vm_id, *texts[:2], decision.action, texts[2]
    )
    print(line, flush=True)
    try:
        with open(policy.log, "a", encoding="utf-8") as stream:
            stream.write(line + "\n")
    except OSError as error:  # a full disk keeps no VM from being started
        print(f"{policy.log}: {error.strerror}", file=sys.stderr)


# ---- the queue -----------------------------------------------------------------------------------------------------


class Entry(NamedTuple):
    """A VM that was found gone. Never changed once it is in the queue, so that no kill can damage it."""

    vm: int
    name: str
    queued: float
    lost: Record


def refuse_strangers(policy: Policy) -> None:
    """What root made here by hand, oneadmin could not use any more."""
    folder = os.path.dirname(policy.queue)
    if os.stat(folder).st_uid != os.geteuid():
        raise Problem(f"run this as the owner of {folder} (OpenNebula's user oneadmin), or with --dry-run")


def enqueue(policy: Policy, entry: Entry) -> None:
    os.makedirs(policy.queue, mode=0o700, exist_ok=True)
    name = f"{entry.vm}-{entry.lost.seq}"
    beside = os.path.join(policy.queue, "." + name)
    folder = os.open(policy.queue, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # a hook that runs twice at once writes to one name
        with open(beside, "w", encoding="utf-8") as stream:
            json.dump(entry, stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.rename(beside, os.path.join(policy.queue, name))
    finally:
        os.close(folder)


def queued(policy: Policy) -> List[str]:
    """Paths of the entries. Hidden files are being written; the path unit does not see them either."""
    paths = []
    with contextlib.suppress(FileNotFoundError):
        paths = [os.path.join(policy.queue, name) for name in sorted(os.listdir(policy.queue)) if name[0] != "."]
    return [path for path in paths if can_be_read(path)]


def can_be_read(path: str) -> bool:
    """What is no file, or none of ours, is put aside: it would call the worker again and again."""
    if os.path.isfile(path) and os.access(path, os.R_OK):
        return True
    with contextlib.suppress(FileNotFoundError):  # another worker has done it meanwhile
        os.rename(path, os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.{os.getpid()}"))
        print(f"{path} is no entry of this queue and is put aside", file=sys.stderr)
    return False


@contextlib.contextmanager
def claimed(path: str) -> Iterator[Optional[Entry]]:
    """The entry, locked until the end of the block; None: another worker has it, or has done it.

    There is an entry per VM and loss. The lock is the kernel's and ends with its process, however that ends.
    """
    with contextlib.ExitStack() as stack:
        try:
            stream = stack.enter_context(open(path, "rb"))
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            done = not os.fstat(stream.fileno()).st_nlink
        except (FileNotFoundError, BlockingIOError):
            done = True
        yield None if done else read_entry(stream.read(), path)


def read_entry(text: bytes, path: str) -> Optional[Entry]:
    try:
        vm, name, since, (seq, node, *numbers) = json.loads(text.decode("utf-8"))
        return Entry(int(vm), str(name), float(since), Record(int(seq), str(node), *map(int, numbers)))
    except (ValueError, TypeError, OverflowError):
        print(f"{path} is no entry of this queue and is removed", file=sys.stderr)
        os.unlink(path)
        return None


# ---- the worker ----------------------------------------------------------------------------------------------------


class Progress:
    """What a worker remembers of an entry. Lost with it: the next worker only looks and tries more often."""

    def __init__(self) -> None:
        self.due = 0.0  # by the monotonic clock
        self.failures = 0
        self.starts = 0
        self.told = ""


def work(config: str) -> None:
    """Handle the queue until it is empty."""
    known = {}  # type: Dict[str, Progress]
    while True:
        policy = read_policy(config)
        paths = queued(policy)
        if not paths:
            return
        known = {path: known.get(path) or Progress() for path in paths}
        due = {path: known[path] for path in paths if known[path].due <= time.monotonic()}
        if due:
            one_pass(policy, due)
        else:
            time.sleep(1)


def one_pass(policy: Policy, due: Dict[str, Progress]) -> None:
    """Each node is asked once, whatever number of VMs it had; then the VMs are looked at, a few at a time."""
    nodes = set()
    for path in due:
        with claimed(path) as entry:
            if entry:
                nodes.add(entry.lost.node)
    with ThreadPoolExecutor(max(1, policy.parallel)) as pool:
        answers = dict(zip(nodes, pool.map(ask_boot_time, nodes)))
        for handled in [pool.submit(handle, policy, path, answers, due[path]) for path in due]:
            handled.result()


def handle(policy: Policy, path: str, answers: Dict[str, Tuple[Optional[Boot], str]], progress: Progress) -> None:
    with claimed(path) as entry:
        if entry and entry.lost.node in answers:
            decision = step(policy, entry, *answers[entry.lost.node], progress)
            if decision.action != WAIT or decision.reason != progress.told:
                tell(policy, entry.vm, entry.name, entry.lost.node, decision)
            progress.told = decision.reason
            if decision.action == LEAVE:
                os.unlink(path)
    pause = policy.retry_seconds * 2 ** min(progress.failures + progress.starts, 10)
    progress.due = time.monotonic() + max(1, min(pause, LONGEST_PAUSE))


def step(policy: Policy, entry: Entry, boot: Optional[Boot], complaint: str, progress: Progress) -> Decision:
    """Look once, and start the VM if it is to be started. It stays in the queue until it was seen to run."""
    decision = look(policy, entry, boot, complaint, progress)
    if decision.action != LEAVE and time.time() > entry.queued + policy.give_up_seconds:
        return Decision(LEAVE, f"gave up: {decision.reason}")
    if decision.action == START:
        if progress.starts >= policy.attempts:
            return Decision(LEAVE, f"gave up: {progress.starts} attempts to start it failed")
        progress.starts += 1
        try:
            run(["onevm", "resume", str(entry.vm)], 60)
        except Problem as problem:
            return Decision(WAIT, f"attempt {progress.starts} to start it failed: {problem}")
    return decision


def look(policy: Policy, entry: Entry, boot: Optional[Boot], complaint: str, progress: Progress) -> Decision:
    now = time.time()
    decision = judge(entry.lost, boot, policy, now)
    if boot is None:  # nothing can be done yet, and oned is spared the question
        return Decision(WAIT, f"{decision.reason}: {complaint}")
    try:
        vm = show(entry.vm)
    except Problem as problem:
        progress.failures += 1
        return Decision(WAIT, f"its state could not be read: {problem}")
    progress.failures = 0
    return follow_up(vm, entry.lost, boot, policy, now) if vm else Decision(LEAVE, "there is no such VM any more")


# ---- the command line ----------------------------------------------------------------------------------------------


def vm_of(given: bytes) -> Vm:
    """From XML as `onevm show -x` prints it, or from the base64 that a hook gets."""
    text = given.strip()
    if not text.startswith(b"<"):
        try:
            text = base64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise Problem("wanted the XML of a VM, plain or in base64, and found neither") from error
    return parse_vm(text.decode("utf-8", "replace"))


def take_hook(policy: Policy, vm: Vm) -> None:
    """Decide what the XML alone can decide, and queue the rest."""
    now = time.time()
    decision = decide(vm, None, policy, now)
    if decision.action == WAIT:
        enqueue(policy, Entry(vm.id, vm.name, now, vm.records[-1]))
        decision = Decision(WAIT, "it went down by itself: its node is going to be asked")
    tell(policy, vm.id, vm.name, vm.records[-1].node if vm.records else "", decision)


def dry_run(policy: Policy, file: str, boot_time: Optional[int]) -> None:
    with open(file, "rb") as stream:
        vm = vm_of(stream.read())
    boot, complaint = (None, "") if boot_time is None else (Boot(boot_time, 0), "")
    if boot is None and decide(vm, None, policy, time.time()).action == WAIT:
        boot, complaint = ask_boot_time(vm.records[-1].node)
    decision = decide(vm, boot, policy, time.time())
    print(f"{decision.action}: {': '.join(filter(None, (decision.reason, complaint)))}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Starts VMs again that went down with their node, and no others.")
    parser.add_argument("vm", nargs="?", metavar="BASE64", help="a VM as a hook gets it; default: standard input")
    parser.add_argument("--config", default=CONFIG, metavar="FILE", help="settings (%(default)s)")
    parser.add_argument("--work", action="store_true", help="handle the queue until it is empty")
    parser.add_argument("--dry-run", metavar="FILE", help="print the decision about a saved VM and do nothing")
    parser.add_argument("--boot-time", type=int, metavar="N", help="with --dry-run: instead of asking the node")
    options = parser.parse_args()
    # Names of VMs are UTF-8 in every locale; Python 3.6 without one would print ASCII only.
    sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8")
    try:
        policy = read_policy(options.config)
        if options.dry_run:
            dry_run(policy, options.dry_run, options.boot_time)
            return
        refuse_strangers(policy)
        if options.work:
            work(options.config)
        else:
            take_hook(policy, vm_of(options.vm.encode() if options.vm else sys.stdin.buffer.read()))
    except (Problem, OSError) as problem:
        sys.exit(f"opennebula-autostart: {problem}")


if __name__ == "__main__":
    main()
