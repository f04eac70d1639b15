#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ovirt_engine_info
short_description: Whether an engine of oVirt is set up on this host
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Tells by which version the engine was set up, which one is installed, and what C(engine-setup) would be run for.
  - It follows from the file that setup writes as its last deed, so an engine that was set up by hand counts.
options:
  fqdn:
    description: Name that the engine has or shall have.
    type: str
    required: true
extends_documentation_fragment:
  - kvmcloud.stack.ovirt.info
seealso:
  - module: kvmcloud.stack.ovirt_engine_setup
"""

EXAMPLES = r"""
---
- name: The engine as it is
  kvmcloud.stack.ovirt_engine_info:
    fqdn: engine.example.org
  register: engine
"""

RETURN = r"""
---
action:
  description: What C(engine-setup) has to do - V(setup), V(upgrade) or V(none).
  returned: success
  type: str
refusal:
  description: Why it must not be run; empty if nothing speaks against it.
  returned: success
  type: str
configured:
  description: Whether an engine is set up on this host.
  returned: success
  type: bool
configured_by:
  description: Version that set it up.
  returned: success
  type: str
installed:
  description: Version of the package ovirt-engine-setup; null if it is not installed.
  returned: success
  type: str
restored:
  description: Whether the engine came from a backup, and no C(engine-setup) has come to its end since.
  returned: success
  type: bool
run:
  description:
    - What is known of the C(engine-setup) that M(kvmcloud.stack.ovirt_engine_setup) began last and whose end nobody has
      looked at - V(running), V(ended), or V(lost) when the host went down meanwhile. V(none) if there is no such.
  returned: success
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.detached_command import DetachedCommand
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_engine_host import RUN, read_engine
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_engine_state import decide


def main():
    module = AnsibleModule(argument_spec={"fqdn": {"type": "str", "required": True}}, supports_check_mode=True)
    state = read_engine(module)
    run = DetachedCommand(RUN).look().state
    module.exit_json(changed=False, run=run, **decide(state, module.params["fqdn"])._asdict(), **state._asdict())


if __name__ == "__main__":
    main()
