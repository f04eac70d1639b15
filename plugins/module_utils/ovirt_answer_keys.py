# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which answers engine-setup of a release of oVirt knows. Data only; what they are checked for stands in ovirt_answers.

A line is: key, type, "secret" where the value must not be seen, and the values it may have where these are few.
Keys of ovirt-engine-rename, of engine-cleanup, and those that setup writes for itself are left out.
"""

from __future__ import annotations

from typing import NamedTuple


class Key(NamedTuple):
    name: str
    type: str  # bool, int or str
    secret: bool = False
    values: tuple[str, ...] = ()


_4_5_7 = """
OSETUP_RPMDISTRO/enableUpgrade bool
OSETUP_RPMDISTRO/requireRollback bool
OVESETUP_APACHE/configureRootRedirection bool
OVESETUP_APACHE/configureSsl bool
OVESETUP_ASYNC/clearTasks bool
OVESETUP_ASYNC/clearTasksWait int
OVESETUP_CL_DB/database str
OVESETUP_CL_DB/dumper str
OVESETUP_CL_DB/enable bool
OVESETUP_CL_DB/engineVacuumFull bool
OVESETUP_CL_DB/filter str
OVESETUP_CL_DB/host str
OVESETUP_CL_DB/password str secret
OVESETUP_CL_DB/port int
OVESETUP_CL_DB/restoreJobs int
OVESETUP_CL_DB/secured bool
OVESETUP_CL_DB/securedHostValidation bool
OVESETUP_CL_DB/user str
OVESETUP_CL_PROVISIONING/postgresProvisioningEnabled bool
OVESETUP_CONFIG/adminPassword str secret
OVESETUP_CONFIG/applicationMode str virt|gluster|both
OVESETUP_CONFIG/continueSetupOnHEVM bool
OVESETUP_CONFIG/engineDbBackupDir str
OVESETUP_CONFIG/engineHeapMax str
OVESETUP_CONFIG/engineHeapMin str
OVESETUP_CONFIG/firewallChangesReview bool
OVESETUP_CONFIG/firewallManager str firewalld|skip
OVESETUP_CONFIG/fqdn str
OVESETUP_CONFIG/fqdnNonLoopback bool
OVESETUP_CONFIG/fqdnReverseValidation bool
OVESETUP_CONFIG/ignoreVdsgroupInNotifier bool
OVESETUP_CONFIG/keycloakAdminPasswd str secret
OVESETUP_CONFIG/keycloakEnable bool
OVESETUP_CONFIG/keycloakOvirtClientSecret str secret
OVESETUP_CONFIG/remoteEngineHostRootPassword str secret
OVESETUP_CONFIG/remoteEngineHostSshPort int
OVESETUP_CONFIG/remoteEngineSetupStyle str auto_ssh|manual_files|manual_inline
OVESETUP_CONFIG/sanWipeAfterDelete bool
OVESETUP_CONFIG/storageIsLocal bool
OVESETUP_CONFIG/storageType str nfs|fc|iscsi|posixfs|glusterfs
OVESETUP_CONFIG/updateFirewall bool
OVESETUP_CONFIG/websocketProxyConfig bool
OVESETUP_CORE/engineStop bool
OVESETUP_DB/database str
OVESETUP_DB/dumper str pg_custom|pg_plain
OVESETUP_DB/dwhVacuumFull bool
OVESETUP_DB/engineVacuumFull bool
OVESETUP_DB/filter str
OVESETUP_DB/fixDbConfiguration bool
OVESETUP_DB/fixDbViolations bool
OVESETUP_DB/host str
OVESETUP_DB/password str secret
OVESETUP_DB/port int
OVESETUP_DB/restoreJobs int
OVESETUP_DB/secured bool
OVESETUP_DB/securedHostValidation bool
OVESETUP_DB/user str
OVESETUP_DIALOG/confirmSettings bool
OVESETUP_DWH_CONFIG/dwhDbBackupDir str
OVESETUP_DWH_CONFIG/scale str 1|2
OVESETUP_DWH_CORE/enable bool
OVESETUP_DWH_DB/database str
OVESETUP_DWH_DB/disconnectExistingDwh bool
OVESETUP_DWH_DB/dumper str
OVESETUP_DWH_DB/filter str
OVESETUP_DWH_DB/host str
OVESETUP_DWH_DB/password str secret
OVESETUP_DWH_DB/performBackup bool
OVESETUP_DWH_DB/port int
OVESETUP_DWH_DB/restoreBackupLate bool
OVESETUP_DWH_DB/restoreJobs int
OVESETUP_DWH_DB/secured bool
OVESETUP_DWH_DB/securedHostValidation bool
OVESETUP_DWH_DB/user str
OVESETUP_DWH_PROVISIONING/postgresProvisioningEnabled bool
OVESETUP_ENGINE_CONFIG/fqdn str
OVESETUP_ENGINE_CORE/enable bool
OVESETUP_FAPOLICYD/allowJbossTmpFolderAccess bool
OVESETUP_GRAFANA_CONFIG/adminPassword str secret
OVESETUP_GRAFANA_CORE/enable bool
OVESETUP_GRAFANA_DB/password str secret
OVESETUP_GRAFANA_DB/user str
OVESETUP_KEYCLOAK_CONFIG/keycloakDbBackupDir str
OVESETUP_KEYCLOAK_DB/database str
OVESETUP_KEYCLOAK_DB/dumper str
OVESETUP_KEYCLOAK_DB/filter str
OVESETUP_KEYCLOAK_DB/host str
OVESETUP_KEYCLOAK_DB/password str secret
OVESETUP_KEYCLOAK_DB/port int
OVESETUP_KEYCLOAK_DB/restoreJobs int
OVESETUP_KEYCLOAK_DB/secured bool
OVESETUP_KEYCLOAK_DB/securedHostValidation bool
OVESETUP_KEYCLOAK_DB/user str
OVESETUP_KEYCLOAK_PROVISIONING/postgresProvisioningEnabled bool
OVESETUP_OVN/ovirtProviderOvn bool
OVESETUP_OVN/ovirtProviderOvnPassword str secret
OVESETUP_OVN/ovirtProviderOvnSecret str secret
OVESETUP_OVN/ovirtProviderOvnUser str
OVESETUP_PKI/organization str
OVESETUP_PKI/renew bool
OVESETUP_PROVISIONING/postgresProvisioningEnabled bool
OVESETUP_SYSTEM/memCheckEnabled bool
OVESETUP_VMCONSOLE_PROXY_CONFIG/vmconsoleProxyConfig bool
"""

# Questions of the dialogue that no key above answers.
_4_5_7_QUESTIONS = """
QUESTION/1/GRAFANA_USE_ENGINE_ADMIN_PASSWORD str yes|no
QUESTION/1/KEYCLOAK_USE_ENGINE_ADMIN_PASSWORD str yes|no
"""


def _parse(table: str) -> dict[str, Key]:
    keys = {}
    for line in table.split("\n"):
        if line:
            name, kind, *rest = line.split()
            values = tuple(rest[-1].split("|")) if rest and rest[-1] != "secret" else ()
            keys[name] = Key(name, kind, "secret" in rest, values)
    return keys


RELEASES: dict[str, dict[str, Key]] = {"4.5.7": {**_parse(_4_5_7), **_parse(_4_5_7_QUESTIONS)}}
