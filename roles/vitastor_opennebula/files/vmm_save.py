# kvmcloud.stack override: the vendor's save starts the saving once more, of a guest that is saved already
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vmm/kvm/save.vitastor DOMAIN FILE HOST VM_ID DS_ID: the saved memory of a guest moves into an image of Vitastor.

OpenNebula's own save calls it on the node, after the guest was saved into the file, for VMs in a system datastore of
TM_MAD vitastor; the action comes on stdin.
"""

import os
import sys
from xml.etree import ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../.."))
from kvmcloud_vitastor import DEFAULT_PREFIX, Failed, cli, output, quote, run_as_program, text, there  # noqa: E402

STEP = 4096  # sizes of images are multiples of it
SCRIPT = """
set -e -o pipefail
if there {image}; then {cli} rm {image}; fi
{cli} create --pool {pool} --size {size} {image}
{cli} dd if={file} oimg={image} conv=nocreat
rm -f {file}
"""


def save(_domain, file, _host, vm_id, *_more):
    action = ElementTree.fromstring(sys.stdin.buffer.read())
    template = action.find("./DATASTORE/TEMPLATE")
    pool = text(template, "POOL_NAME")
    if not pool:
        raise Failed(f"The system datastore of VM {vm_id} has no POOL_NAME")
    command = cli(text(template, "VITASTOR_CONF"))
    script = there(command) + SCRIPT.format(
        cli=command,
        pool=quote(pool),
        size=-(-os.path.getsize(file) // STEP) * STEP,
        image=quote("{}-sys-{}-checkpoint".format(text(template, "IMAGE_PREFIX", DEFAULT_PREFIX), vm_id)),
        file=quote(file),
    )
    output(["bash", "-c", script])


run_as_program(save)
