"""The scripts a node needs, brought there over ssh: by the monitor when it meets a host, and by `onehost sync`."""

import subprocess

from .paths import real

REMOTES = "/var/lib/one/remotes"
ON_NODE = "/var/tmp/one"
CONNECT_SECONDS = 10
ANSWER_SECONDS = CONNECT_SECONDS + 60  # a guest without KVM on a busy machine takes its time
SSH_FAILED = 255  # ssh itself, not the command on the host


def version():
    with open(real(f"{REMOTES}/VERSION"), encoding="ascii") as file:
        return file.read().strip()


def ssh(host, command, content=b"", seconds=120):
    """Run a command on a host as the caller would: no questions, keys and known hosts as in ~/.ssh."""
    return subprocess.run(
        ["ssh", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT_SECONDS}", "--", host, command],
        input=content,
        capture_output=True,
        check=False,
        timeout=seconds,
        cwd="/",
    )


def pack():
    """The remotes as an archive; links are followed, as the real command does."""
    argv = ["tar", "-C", real(REMOTES), "--dereference", "-cf", "-", "."]
    return subprocess.run(argv, capture_output=True, check=True).stdout


def copy(host, archive):
    """Replace a host's copy; false if that failed."""
    receive = (
        f"rm -rf {ON_NODE}.new && mkdir -p {ON_NODE}.new && tar -C {ON_NODE}.new -xf - && "
        f"rm -rf {ON_NODE} && mv {ON_NODE}.new {ON_NODE}"
    )
    try:
        return ssh(host, receive, archive).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
