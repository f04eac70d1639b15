# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest must not be able to do. Each case sends frames, and says where their arrival would be seen.

A case that does not succeed without any rules, in one topology at least, would test nothing; the bench sees to that.
"""

from __future__ import annotations

from attacks_by_ipv6 import family6
from attacks_on_addresses import broadcast, elsewhere, spoofed, to_hosts
from attacks_on_frames import claimed, flooded, reserved, tagged

ATTACKS = tuple(
    case
    for group in (to_hosts, spoofed, tagged, claimed, reserved, broadcast, flooded, elsewhere, family6)
    for case in group()
)
