# kvmcloud.stack override: a tweak of StorPool's deploy-tweaks, where both add-ons are used
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""deploy-tweaks.d/90-kvmcloud-vitastor.py DEPLOYMENT VM: Vitastor's disks in the definition of a guest."""

import os
import sys
from xml.etree import ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../.."))
from kvmcloud_vitastor import run_as_program  # noqa: E402
from vitastor_domain import converted  # noqa: E402


def tweak(deployment, vm_file):
    with open(deployment, "rb") as stream:
        domain = converted(stream.read(), ElementTree.parse(vm_file).getroot())
    with open(deployment, "wb") as stream:
        stream.write(domain)


run_as_program(tweak)
