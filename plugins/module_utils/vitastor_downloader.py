# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenNebula's downloader.sh with the two things it needs for vitastor:// addresses, and without them again.

The vendor's patch applies as a whole to releases 6.4 to 6.10 only; on others it leaves one half behind, a call without
the function (up to 6.2) or the function without its call (from 7.0 on). What is missing is added, each half between
marks of ours; what the vendor's patch has put there stays.
"""

from __future__ import annotations

import re

BEGIN = "# kvmcloud.stack: vitastor begins"
END = "# kvmcloud.stack: vitastor ends"

# Without a query in the address OpenNebula's url.rb crashes, so there always is one, if only an empty one.
FUNCTION = r"""function get_vitastor_cmd
{
    local url="$1" element elements=() host cli="vitastor-cli"
    [[ "$url" = *\?* ]] || url="$url?"
    while IFS= read -r -d '' element; do
        elements+=("$element")
    done < <("$DRIVER_PATH/url.rb" "$url" USER HOST SOURCE PARAM_VITASTOR_CONF)
    host="${elements[0]:+${elements[0]}@}${elements[1]}"
    if [ -n "${elements[3]}" ]; then
        cli="$cli --config_path '$(esc_sq "${elements[3]}")'"
    fi
    echo "ssh '$(esc_sq "$host")' \"$cli dd iimg='$(esc_sq "${elements[2]#/}")'\""
}
"""
CASE = """vitastor://*)
    command="$(get_vitastor_cmd "$FROM")"
    ;;
"""

_BLOCK = re.compile(rf"^{re.escape(BEGIN)}\n.*?^{re.escape(END)}\n", re.MULTILINE | re.DOTALL)
_HAS_FUNCTION = re.compile(r"^(?:function\s+get_vitastor_cmd\b|get_vitastor_cmd\s*\(\))", re.MULTILINE)
_HAS_CASE = re.compile(r"^\s*vitastor://\*\)", re.MULTILINE)
# Where the same two things are for Ceph; every release from 5.10 to 7.4 has them.
_CEPH_FUNCTION = re.compile(r"^function\s+get_rbd_cmd\b.*?^}\n", re.MULTILINE | re.DOTALL)
_CEPH_CASE = re.compile(r"^\s*rbd://\*\)\n\s*command=\"\$\(get_rbd_cmd \"\$FROM\"\)\"\n\s*;;\n", re.MULTILINE)


class NotRepaired(ValueError):
    """The file is not the downloader of OpenNebula; the text is the sentence for the user."""


def downloader_text(path: str, text: str, present: bool) -> str:
    """The text as it has to be; the same when nothing is to do."""
    plain = _BLOCK.sub("", text)
    if not present:
        return plain
    for missing, block, place, what in (
        (not _HAS_FUNCTION.search(plain), _marked(FUNCTION), _CEPH_FUNCTION, "function get_rbd_cmd"),
        (not _HAS_CASE.search(plain), _marked(CASE), _CEPH_CASE, "case rbd://*)"),
    ):
        if missing:
            found = place.search(plain)
            if not found:
                raise NotRepaired(
                    f"{path} has no {what}, behind which what vitastor:// addresses need would be put; it is not the "
                    "file of an OpenNebula that is known here. Reinstall OpenNebula's package, or add it by hand."
                )
            plain = plain[: found.end()] + block + plain[found.end() :]
    return plain


def _marked(block: str) -> str:
    return f"{BEGIN}\n{block}{END}\n"
