# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m kvmcloud_lab`, called by tests/lab/lab."""

from kvmcloud_lab.cli import main

raise SystemExit(main())
