# kvmcloud.stack override: the vendor's snap_flatten renames over an image that exists, which is always refused
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""datastore/vitastor/snap_flatten IMAGE_ID: the image becomes what the snapshot is, and all its snapshots go.

The action comes on stdin. A copy of the snapshot is made and made independent beside the image, then takes its name.
Ended in the middle, it goes on where it was: with the image gone, the copy is whole.
"""

import base64
import os
import sys
from xml.etree import ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../.."))
from kvmcloud_vitastor import Failed, bridge_host, cli, on_host, quote, run_as_program, text, there  # noqa: E402

SCRIPT = """
if there {image}; then
    if there {copy}; then {cli} rm {copy}; fi
    {cli} create --pool {pool} --parent {snapshot} {copy}
    {cli} flatten {copy}
    {cli} rm {image}
fi
{cli} modify {copy} --rename {image}
if there {any_snapshot}; then {cli} rm --matching {any_snapshot}; fi
"""


def snap_flatten(image_id, *_more):
    action = ElementTree.fromstring(base64.b64decode(sys.stdin.buffer.read()))
    image, snapshot = text(action, "./IMAGE/SOURCE"), text(action, "./IMAGE/TARGET_SNAPSHOT")
    datastore = action.find("./DATASTORE")
    pool = text(datastore, "./TEMPLATE/POOL_NAME")
    if not (image and snapshot and pool):
        raise Failed(f"Image {image_id}: the action names no source, no snapshot or no POOL_NAME")
    command = cli(text(datastore, "./TEMPLATE/VITASTOR_CONF"))
    script = there(command) + SCRIPT.format(
        cli=command,
        pool=quote(pool),
        image=quote(image),
        copy=quote(image + ".flatten"),
        snapshot=quote(f"{image}@{snapshot}"),
        any_snapshot=quote(image + "@*"),
    )
    what = f"Error flattening snapshot {snapshot} of {image}"
    on_host(bridge_host(datastore, image_id), script, what)


run_as_program(snap_flatten)
