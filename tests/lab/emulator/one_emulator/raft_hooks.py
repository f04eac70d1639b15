"""What runs when this server becomes leader or follower, and what the unit needs to know of it after oned is gone."""

import os
import shlex
import subprocess

from .log import write
from .paths import real

HOOKS_DIRECTORY = "/var/lib/one/remotes/hooks"
DUMP = "/var/lib/one/config"
NAMES = ("RAFT_LEADER_HOOK", "RAFT_FOLLOWER_HOOK")


def run_hook(conf, name):
    hook = conf.vector(name)
    command = hook.get("COMMAND", "")
    if not command:
        return
    path = command if command.startswith("/") else f"{HOOKS_DIRECTORY}/{command}"
    program = real(path) if path.startswith(HOOKS_DIRECTORY) else path
    try:
        subprocess.Popen(
            [program, *shlex.split(hook.get("ARGUMENTS", ""))],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        write("RCM", "I", f"{name}: {path} {hook.get('ARGUMENTS', '')}")
    except OSError as problem:
        write("RCM", "E", f"{name}: {path}: {problem.strerror}")


def dump_configuration(conf):
    """oned writes the configuration it runs with beside its database; the unit's clean-up reads the hook from it."""
    lines = []
    for name in NAMES:
        hook = conf.vector(name)
        if hook.get("COMMAND"):
            arguments = f"ARGUMENTS={hook['ARGUMENTS']}," if hook.get("ARGUMENTS") else ""
            lines.append(f"{name}={arguments}COMMAND={hook['COMMAND']}\n")
    descriptor = os.open(real(DUMP), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(lines)
