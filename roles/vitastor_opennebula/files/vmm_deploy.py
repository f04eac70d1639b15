# kvmcloud.stack override: stands beside the vendor's deploy.vitastor
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vmm/kvm/deploy-kvmcloud.vitastor DEPLOYMENT HOST VM_ID ...: starts a guest with disks of Vitastor.

Runs on the front-end (-l of the driver); the definition comes on stdin, the VM lies beside it. Unlike the vendor's it
starts guests without context and with volatile disks, and it gives the node what OpenNebula's own deploy finds there:
the deployment in the VM's directory, with vm.xml and ds.xml beside it.
"""

import base64
import os
import re
import sys
from xml.etree import ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../.."))
from kvmcloud_vitastor import Failed, on_host, quote, run_as_program, text  # noqa: E402
from vitastor_domain import converted  # noqa: E402

CONFIG = os.environ.get("ONE_CONFIG", "/var/lib/one/config")  # what oned tells its drivers
SCRIPT = """
mkdir -p {directory}
base64 -d > {directory}/vm.xml <<'END'
{vm}
END
base64 -d > {directory}/ds.xml <<'END'
{datastore}
END
base64 -d <<'END' | {deploy} {deployment} {host} {vm_id} {host}
{domain}
END
"""


def deploy(deployment, host, vm_id, *_more):
    domain = base64.b64decode(sys.stdin.buffer.read())
    beside = os.path.dirname(deployment)
    vm_xml, datastore_xml = read(os.path.join(beside, "vm.xml")), read(os.path.join(beside, "ds.xml"))
    if not vm_xml:
        raise Failed(f"There is no {beside}/vm.xml; OpenNebula before 6.0 does not write it")
    vm = ElementTree.fromstring(vm_xml)
    datastores = setting("DATASTORE_LOCATION", "/var/lib/one/datastores")
    scripts = setting("SCRIPTS_REMOTE_DIR", "/var/tmp/one")
    history = vm.findall("./HISTORY_RECORDS/HISTORY")
    if not history:
        raise Failed(f"VM {vm_id} has no record of the host that it goes to")
    directory = "{}/{}/{}".format(datastores, text(history[-1], "DS_ID"), vm_id)
    script = SCRIPT.format(
        directory=quote(directory),
        deployment=quote(f"{directory}/{os.path.basename(deployment)}"),
        deploy=quote(scripts + "/vmm/kvm/deploy"),
        host=quote(host),
        vm_id=quote(vm_id),
        vm=encoded(vm_xml),
        datastore=encoded(datastore_xml),
        domain=encoded(converted(domain, vm)),
    )
    # The last line is the id by which OpenNebula knows the guest from now on.
    sys.stdout.write(on_host(host, script, f"Error starting VM {vm_id}"))


def read(path):
    """A file beside the deployment; oned hands what it writes there to a local command in base64."""
    if not os.path.exists(path):
        return b""
    with open(path, "rb") as stream:
        content = stream.read().strip()
    return content if content.startswith(b"<") else base64.b64decode(content)


def encoded(content):
    return base64.b64encode(content).decode()


def setting(name, default):
    if os.path.exists(CONFIG):
        with open(CONFIG) as stream:
            found = re.search(rf'^{name}\s*=\s*"?([^"\n]+)"?', stream.read(), re.MULTILINE)
        if found:
            return found.group(1)
    return default


run_as_program(deploy)
