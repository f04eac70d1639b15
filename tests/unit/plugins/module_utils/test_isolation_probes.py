# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The frames that isolation is tried with."""

from __future__ import annotations

from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_probes import FOREIGN_MAC, Scene, probes

SCENE = Scene(
    "02:00:00:00:00:01",
    47777,
    ("02:00:00:00:00:02", "192.0.2.10"),
    ("02:00:00:00:00:03", "192.0.2.11"),
    None,
    ["192.0.2.1"],
    [],
    "192.0.2.100",
    unused6="2001:db8::100",
    first6="2001:db8::10",
    second6="2001:db8::11",
)


def test_none_is_sent_to_an_address_that_another_came_from():
    """A bridge that has learned it behind the sender would drop the frame, and nothing would have been tried."""
    frames = [frame for probe in probes(SCENE) for frame in probe.frames]
    foreign = bytes.fromhex(FOREIGN_MAC.replace(":", ""))
    assert foreign in {frame[6:12] for frame in frames}
    assert foreign not in {frame[:6] for frame in frames}
