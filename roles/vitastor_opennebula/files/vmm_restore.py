# kvmcloud.stack override: the vendor's restore starts the restoring once more
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vmm/kvm/restore.vitastor FILE HOST DOMAIN VM_ID DS_ID: the saved memory of a guest comes back from Vitastor.

OpenNebula's own restore calls it on the node, before it reads the file; the action comes on stdin. Where there is no
image, the guest was saved before checkpoints went to Vitastor, and the file is where it was left.
"""

import os
import sys
from xml.etree import ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../.."))
from kvmcloud_vitastor import DEFAULT_PREFIX, cli, output, quote, run_as_program, text, there  # noqa: E402

SCRIPT = """
set -e -o pipefail
there {image} || exit 0
{cli} dd iimg={image} of={file}
{cli} rm {image}
"""


def restore(file, _host, _domain, vm_id, *_more):
    template = ElementTree.fromstring(sys.stdin.buffer.read()).find("./DATASTORE/TEMPLATE")
    command = cli(text(template, "VITASTOR_CONF"))
    image = "{}-sys-{}-checkpoint".format(text(template, "IMAGE_PREFIX", DEFAULT_PREFIX), vm_id)
    output(["bash", "-c", there(command) + SCRIPT.format(cli=command, image=quote(image), file=quote(file))])


run_as_program(restore)
