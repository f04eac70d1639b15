# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the corrected drivers of Vitastor share: what OpenNebula knows, names of images, scripts on other hosts."""

import os
import shlex
import subprocess
import sys
from xml.etree import ElementTree

DEFAULT_PREFIX = "one"
ON = ("1", "2")  # STATE of a host: being monitored, monitored


class Failed(Exception):
    """The action cannot be done; the text is what OpenNebula shows to the user."""


def run_as_program(action):
    """The last line on stderr becomes the error message of the VM or image."""
    try:
        action(*sys.argv[1:])
    except Failed as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)


def one(kind, number):
    """An object of OpenNebula as XML: one("onevm", 7)."""
    return ElementTree.fromstring(output([kind, "show", "-x", str(number)]))


def output(argv, stdin=None):
    return checked(argv, stdin, " ".join(argv[:3]))


def checked(argv, stdin, what):
    done = subprocess.run(  # noqa: UP022  (capture_output came with 3.7)
        argv, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False
    )
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it said nothing"]
        raise Failed(f"{what}: {lines[-1]} (status {done.returncode})")
    return done.stdout


def on_host(host, script, what):
    """Runs a script with bash on a host, and returns what it printed; it ends at the first command that fails."""
    ssh = shlex.split(os.environ.get("SSH", "ssh"))
    text = "export LC_ALL=C PATH=/usr/sbin:/sbin:$PATH\nset -e -o pipefail\n" + script
    return checked([*ssh, host, "bash", "-s"], text.encode(), f"{what} on {host}").decode()


def text(element, path, default=""):
    return (element.findtext(path) or "").strip() or default


def disk_of(vm, disk_id):
    for disk in vm.findall("./TEMPLATE/DISK"):
        if text(disk, "DISK_ID") == str(disk_id):
            return disk
    raise Failed("VM {} has no disk {}".format(text(vm, "ID"), disk_id))


def image_of(vm_id, disk):
    """The image behind a disk. A volatile disk has no source: its image is named by VM and disk alone."""
    source, number = text(disk, "SOURCE"), text(disk, "DISK_ID")
    if not source:
        return "{}-sys-{}-{}".format(text(disk, "IMAGE_PREFIX", DEFAULT_PREFIX), vm_id, number)
    if text(disk, "CLONE").upper() == "YES":
        return f"{source}-{vm_id}-{number}"
    return source


def cli(config, program="vitastor-cli"):
    """The command with the cluster's configuration, ready for a shell."""
    return program + (" --config_path " + shlex.quote(config) if config else "")


def there(command):
    """A shell function: is there an image of this name, or one that matches this pattern? The last line is the JSON."""
    return f'there() {{ {command} ls --json "$1" | tail -n 1 | grep -q \'"name"\'; }}\n'


def bridge_host(datastore, number):
    """One of BRIDGE_LIST that is on; another one for each number."""
    named = text(datastore, "./TEMPLATE/BRIDGE_LIST").split()
    if not named:
        raise Failed("Datastore {} has no BRIDGE_LIST".format(text(datastore, "NAME")))
    pool = ElementTree.fromstring(output(["onehost", "list", "-x"]))
    known = {text(host, "NAME"): text(host, "STATE") for host in pool.findall("HOST")}
    # A host that OpenNebula does not know is used as it is, like OpenNebula's own drivers do.
    usable = [host for host in named if known.get(host, ON[0]) in ON]
    if not usable:
        raise Failed("All hosts from 'BRIDGE_LIST' are offline, error or disabled: {}".format(" ".join(named)))
    return usable[int(number) % len(usable)]


quote = shlex.quote
