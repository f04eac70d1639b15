# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program for the node as one file that Python runs: the sources of the collection's own modules, in a zip.

One file is replaced at one moment, and the node runs what the collection's tests ran. It is stored uncompressed and
with fixed times, so that equal sources give equal bytes, and a pager shows what it does.
"""

from __future__ import annotations

import inspect
import io
import sys
import zipfile

from ansible_collections.kvmcloud.stack.plugins.module_utils import (
    isolation_bridge_rules,
    isolation_declaration,
    isolation_guide_rules,
    isolation_host,
    isolation_ip_rules,
    isolation_node,
    isolation_ordinary_frames,
    isolation_program,
    isolation_rules,
    isolation_ruleset,
    isolation_scope,
    isolation_state,
    isolation_trial,
    isolation_watch,
)

SOURCES = (
    isolation_bridge_rules,
    isolation_declaration,
    isolation_guide_rules,
    isolation_host,
    isolation_ip_rules,
    isolation_node,
    isolation_ordinary_frames,
    isolation_program,
    isolation_rules,
    isolation_ruleset,
    isolation_scope,
    isolation_state,
    isolation_trial,
    isolation_watch,
)
MAIN = f"import sys\n\nfrom {isolation_program.__name__} import main\n\nsys.exit(main())\n"


def archive() -> bytes:
    """For the Python that this runs in: that of the distribution may be too old, as 3.6 is."""
    files = {"__main__.py": MAIN}
    for source in SOURCES:
        path = source.__name__.split(".")
        files["/".join(path) + ".py"] = inspect.getsource(source)
        # Python finds no package in a zip without a file of its own.
        files.update({"/".join([*path[:depth], "__init__.py"]): "" for depth in range(1, len(path))})
    packed = io.BytesIO(f"#!{sys.executable} -I\n".encode())
    packed.seek(0, io.SEEK_END)
    with zipfile.ZipFile(packed, "a") as target:  # appended, so that the offsets count the first line
        for path, text in sorted(files.items()):
            target.writestr(zipfile.ZipInfo(path), text)
    return packed.getvalue()
