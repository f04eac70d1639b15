# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""downloader.sh learns vitastor://, whatever the vendor's patch has left; the shell itself says whether it works."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.vitastor_downloader import (
    BEGIN,
    CASE,
    END,
    FUNCTION,
    NotRepaired,
    downloader_text,
)

# The shape of OpenNebula's file, in our own words: a function for Ceph, and the case that calls it.
DOWNLOADER = r"""#!/bin/bash
DRIVER_PATH=$(dirname "$0")
function esc_sq { printf '%s' "$1" | sed "s/'/'\\\\''/g"; }

function get_rbd_cmd
{
    if [ -n "$1" ]; then
        echo "ssh rbd"
    fi
}

# Usage: how it is called
FROM="$1"
case "$FROM" in
http://*)
    command="curl"
    ;;
rbd://*)
    command="$(get_rbd_cmd "$FROM")"
    ;;
*)
    command="cat '$FROM'"
    ;;
esac
echo "$command"
"""
VENDOR_FUNCTION = '\nfunction get_vitastor_cmd\n{\n    echo "the vendor\'s $1"\n}\n'
VENDOR_CASE = 'vitastor://*)\n    command="$(get_vitastor_cmd "$FROM")"\n    ;;\n'
ONLY_CASE = DOWNLOADER.replace('*)\n    command="cat', VENDOR_CASE + '*)\n    command="cat')
ONLY_FUNCTION = DOWNLOADER.replace("\n# Usage", VENDOR_FUNCTION + "\n# Usage")
BOTH = ONLY_FUNCTION.replace('*)\n    command="cat', VENDOR_CASE + '*)\n    command="cat')

# As OpenNebula's url.rb answers: values that each end with NUL, and it crashes for an address without a query.
URL = """#!/bin/sh
case "$1" in *\\?*) ;; *) echo "undefined method for nil" >&2; exit 1 ;; esac
case "$1" in
  vitastor://oneadmin@node1/*) printf 'oneadmin\\0node1\\0/one-7\\0/etc/vitastor/vitastor.conf\\0\\n' ;;
  vitastor://node1/*) printf '\\0node1\\0/one-7\\0\\0\\n' ;;
esac
"""


def run(tmp_path: Path, text: str, address: str) -> str:
    script, url = tmp_path / "downloader.sh", tmp_path / "url.rb"
    script.write_text(text)
    url.write_text(URL)
    url.chmod(0o755)
    done = subprocess.run(["bash", str(script), address], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.parametrize("text", [DOWNLOADER, ONLY_CASE, ONLY_FUNCTION, BOTH], ids=["stock", "6.2", "7.x", "6.10"])
def test_whatever_the_vendors_patch_left(tmp_path: Path, text: str) -> None:
    repaired = downloader_text("d", text, True)
    assert repaired.count("get_vitastor_cmd") == 2, "one function and one call"
    assert downloader_text("d", repaired, True) == repaired
    assert downloader_text("d", repaired, False) == text, "and back, byte for byte"
    assert "vitastor-cli" in run(tmp_path, repaired, "vitastor://node1/one-7?") or "the vendor's" in repaired
    assert run(tmp_path, repaired, "http://x") == "curl"


def test_a_whole_patch_of_the_vendor_is_left_alone() -> None:
    assert downloader_text("d", BOTH, True) == BOTH


@pytest.mark.parametrize(
    "address, command",
    [
        (
            "vitastor://oneadmin@node1/one-7?VITASTOR_CONF=x",
            "ssh 'oneadmin@node1' \"vitastor-cli --config_path '/etc/vitastor/vitastor.conf' dd iimg='one-7'\"",
        ),
        # the vendor's export leaves the query out when the datastore has no VITASTOR_CONF
        ("vitastor://node1/one-7", "ssh 'node1' \"vitastor-cli dd iimg='one-7'\""),
    ],
)
def test_what_is_run_for_an_address(tmp_path: Path, address: str, command: str) -> None:
    assert run(tmp_path, downloader_text("d", DOWNLOADER, True), address) == command


def test_an_upgrade_of_opennebula_has_put_the_stock_file_back() -> None:
    repaired = downloader_text("d", DOWNLOADER, True)
    assert BEGIN not in DOWNLOADER and downloader_text("d", DOWNLOADER, True) == repaired


def test_marks_of_an_older_text_of_ours_are_replaced() -> None:
    repaired = downloader_text("d", DOWNLOADER, True)
    older = repaired.replace('cli="vitastor-cli"', 'cli="older"')
    assert downloader_text("d", older, True) == repaired


@pytest.mark.parametrize(
    "text, lacks",
    [
        ("#!/bin/sh\n", "no function get_rbd_cmd"),
        (DOWNLOADER.replace("rbd://*)", "ceph://*)"), r"no case rbd://\*\)"),
    ],
)
def test_a_file_that_is_not_the_downloader(text: str, lacks: str) -> None:
    with pytest.raises(NotRepaired, match=lacks):
        downloader_text("/var/d.sh", text, True)
    assert downloader_text("d", text, False) == text


def test_the_marks_enclose_what_is_added() -> None:
    repaired = downloader_text("d", DOWNLOADER, True)
    assert f"{BEGIN}\n{FUNCTION}{END}\n" in repaired and f"{BEGIN}\n{CASE}{END}\n" in repaired
