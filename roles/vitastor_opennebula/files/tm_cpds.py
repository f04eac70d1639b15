# kvmcloud.stack override: the vendor's cpds fails where there is more than one pool
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tm/vitastor/cpds HOST:DIR/disk.ID IMAGE SNAPSHOT VM_ID DS_ID: a disk, or a snapshot of it, becomes a new image.

vitastor-cli dd makes the image that it writes to, but does not know in which pool (3.0.8 reads over --pool). So the
image is made first.
"""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../.."))
from kvmcloud_vitastor import (  # noqa: E402
    Failed,
    bridge_host,
    cli,
    disk_of,
    image_of,
    on_host,
    one,
    quote,
    run_as_program,
    text,
)

SAVED_WITHOUT_HOST = ("67", "68")  # LCM_STATE: saved while undeployed, saved while stopped
SCRIPT = """
{cli} create --pool {pool} --size {size} {target}
trap '{cli} rm {target}' EXIT
{cli} dd iimg={source} oimg={target} conv=nocreat
trap - EXIT
"""


def cpds(source, target, snapshot, vm_id, datastore_id, *_more):
    host, _colon, path = source.partition(":")
    vm, datastore = one("onevm", vm_id), one("onedatastore", datastore_id)
    disk = disk_of(vm, path.rpartition(".")[2])
    if text(vm, "LCM_STATE") in SAVED_WITHOUT_HOST:
        host = bridge_host(datastore, vm_id)
    image = image_of(vm_id, disk) + ("" if snapshot == "-1" else "@" + snapshot)
    pool = text(datastore, "./TEMPLATE/POOL_NAME")
    if not pool:
        raise Failed("Datastore {} has no POOL_NAME".format(text(datastore, "NAME")))
    command = cli(text(disk, "VITASTOR_CONF"))
    what = f"Error copying {image} to {target}"
    script = SCRIPT.format(
        cli=command, pool=quote(pool), size=size_of(host, command, image), source=quote(image), target=quote(target)
    )
    on_host(host, script, what)


def size_of(host, command, image):
    listed = on_host(host, f"{command} ls --json {quote(image)}\n", f"Error looking at {image}")
    for one_image in json.loads(listed.strip().splitlines()[-1]):
        if one_image["name"] == image:
            return one_image["size"]
    raise Failed(f"There is no image {image}")


run_as_program(cpds)
