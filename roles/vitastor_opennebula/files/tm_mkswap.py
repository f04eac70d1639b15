# kvmcloud.stack override: the vendor's mkswap makes no swap disk, its only mkswap command is filtered out
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tm/vitastor/mkswap SIZE HOST:DIR/disk.ID VM_ID DS_ID: a volatile disk that is formatted as swap."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../.."))
from kvmcloud_vitastor import Failed, cli, disk_of, image_of, on_host, one, quote, run_as_program, text  # noqa: E402

SCRIPT = """
{cli} create --pool {pool} --size {size}M {image}
trap '{cli} rm {image}' EXIT
device=$({nbd} map --image {image})
trap '{nbd} unmap "$device"; {cli} rm {image}' EXIT
mkswap "$device" > /dev/null
{nbd} unmap "$device"
trap - EXIT
"""


def mkswap(size, destination, vm_id, _datastore, *_more):
    host, _colon, path = destination.partition(":")
    disk = disk_of(one("onevm", vm_id), path.rpartition(".")[2])
    pool, config = text(disk, "POOL_NAME"), text(disk, "VITASTOR_CONF")
    if not pool:
        raise Failed(f"The system datastore of VM {vm_id} has no POOL_NAME")
    image = image_of(vm_id, disk)
    script = SCRIPT.format(
        cli=cli(config),
        nbd="sudo -n " + cli(config, "vitastor-nbd"),
        pool=quote(pool),
        size=int(size),
        image=quote(image),
    )
    on_host(host, f"mkdir -p {quote(os.path.dirname(path))}\n" + script, f"Error making the swap disk {image}")


run_as_program(mkswap)
