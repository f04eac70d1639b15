# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""addon-storpoolrc: the documented options of the StorPool add-on, from a dictionary to edits of the shell file.

The scripts read the file and go by their own default for what it does not set, so a misspelt name would do nothing and
say nothing: it is refused.
"""

from __future__ import annotations

import re
from typing import Any, Mapping

from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_addons import AddonError

OPTIONS = frozenset(
    """
    ONE_PX LOC_TAG LOC_TAG_VAL VM_TAG ONE_XMLRPC ONE_ARGS RAFT_LEADER_IP SCRIPTS_REMOTE_DIR
    VMSNAPSHOT_OVERRIDE VMSNAPSHOT_FSFREEZE VMSNAPSHOT_DELETE_ON_TERMINATE VMSNAPSHOT_ENABLE_LIMIT VMSNAPSHOT_LIMIT
    VMSNAPSHOT_TAG VMSNAPSHOT_EXCLUDE_CDROM VMSNAPSHOT_EXCLUDE_READONLY VMSNAPSHOT_WITH_CHECKPOINT
    DISKSNAPSHOT_LIMIT DISK_SNAPSHOT_FSFREEZE DISK_SAVEAS_FSFREEZE
    DELAY_DELETE REMOTE_BACKUP_DELETE DEFAULT_QOSCLASS
    UPDATE_IMAGE_ON_IMPORT DS_CP_REPORT_FORMAT DS_CP_FORCE_DEV_PREFIX SP_IMPORT_CGROUPS EXPORT_FILE_FORMAT
    EXPORT_QEMU_IMG_ARGS EXPORT_TRANSPORT EXPORT_BRIDGE_LIST MKSWAP MKFS
    SP_SYSTEM SP_CHECKPOINT SP_CHECKPOINT_BD SKIP_UNDEPLOY_SSH CLEAN_SRC_ON_UNDEPLOY UPDATE_ONE_DISK_SIZE ONE_TPM_SAVE
    TAG_CONTEXT_ISO NVRAM_TEMPLATE_PATH READONLY_MODE
    ATTACH_TIMEOUT FORCE_DETACH_BY_TAG FORCE_DETACH_OTHER_MV FORCE_DETACH_OTHER_CONTEXT STORPOOL_CLIENT_ID_SOURCES
    STORPOOL_RETRIES
    AUTO_TEMPLATE SP_TEMPLATE_PROPAGATE PROPAGATE_YES NO_VOLUME_TEMPLATE
    SP_JSON_PATH SP_FE_JSON_PATH SP_TEMPLATE_STATUS_JSON SP_TEMPLATE_STATUS_RUN SP_TEMPLATE_STATUS_MINUTES
    SP_VOLUME_SPACE_JSON SP_VOLUME_SPACE_RUN SP_VOLUME_SPACE_MINUTES SP_SNAPSHOT_SPACE_JSON SP_SNAPSHOT_SPACE_RUN
    SP_SNAPSHOT_SPACE_MINUTES MONITOR_SYNC_REMOTE MONITOR_SEND_UDP
    DEPLOY_TWEAKS T_PERSISTENT_CDROM T_PERSISTENT_CDROM_TYPE T_BLK_QUEUES LOG_TO_FILE
    """.split()  # noqa: SIM905 (one word per line would hide the groups)
)
FAMILIES = re.compile(r"(DEBUG|DDEBUG|DDDEBUG|T_CPUTUNE)_[A-Z0-9_]+")


def rc_edits(options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Edits of the file as one_config takes them. A value of null leaves an option to the add-on's default."""
    unknown = sorted(name for name in options if name not in OPTIONS and not FAMILIES.fullmatch(name))
    if unknown:
        raise AddonError(
            f"storpool_opennebula_options names {', '.join(unknown)}, which the add-on does not document; its scripts "
            "would not read it. See storpool_opennebula_options in the role's argument specs."
        )
    edits = []
    for name, value in options.items():
        if isinstance(value, bool):
            value = "1" if value else "0"
        edits.append({"attribute": name, "state": "absent"} if value is None else {"attribute": name, "value": value})
    return edits


def prefix(options: Mapping[str, Any]) -> str:
    """What the names of all volumes, snapshots and templates of this OpenNebula begin with."""
    return str(options.get("ONE_PX") or "one")
