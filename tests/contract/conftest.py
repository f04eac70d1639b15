# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of all contract tests: an emulated front-end, and modules that run against it."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("one_resources_emulated")

from one_resources_emulated import machine, run  # noqa: E402, F401  (fixtures; rewritten only if named before)
