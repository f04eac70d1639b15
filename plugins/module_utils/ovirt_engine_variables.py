# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables of the role ovirt_engine as answers of engine-setup, in one table."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_answer_keys import RELEASES

PREFIX = "ovirt_engine_"
_DATABASE = {
    "host": "host",
    "port": "port",
    "name": "database",
    "user": "user",
    "password": "password",
    "secured": "secured",
    "host_validation": "securedHostValidation",
}
_DATABASES = {
    "database": ("OVESETUP_DB", "OVESETUP_PROVISIONING/postgresProvisioningEnabled"),
    "dwh_database": ("OVESETUP_DWH_DB", "OVESETUP_DWH_PROVISIONING/postgresProvisioningEnabled"),
    "keycloak_database": ("OVESETUP_KEYCLOAK_DB", "OVESETUP_KEYCLOAK_PROVISIONING/postgresProvisioningEnabled"),
}
# Variable without its prefix, and the answers that it is. What is null or empty is left to setup, and so is all about a
# database that it makes itself.
VARIABLES: dict[str, tuple[str, ...]] = {
    "fqdn": ("OVESETUP_ENGINE_CONFIG/fqdn", "OVESETUP_CONFIG/fqdn"),
    "admin_password": ("OVESETUP_CONFIG/adminPassword",),
    "application_mode": ("OVESETUP_CONFIG/applicationMode",),
    "organization": ("OVESETUP_PKI/organization",),
    "pki_renew": ("OVESETUP_PKI/renew",),
    "apache_ssl": ("OVESETUP_APACHE/configureSsl",),
    "apache_root_redirection": ("OVESETUP_APACHE/configureRootRedirection",),
    "websocket_proxy_enabled": ("OVESETUP_CONFIG/websocketProxyConfig",),
    "vmconsole_proxy_enabled": ("OVESETUP_VMCONSOLE_PROXY_CONFIG/vmconsoleProxyConfig",),
    "san_wipe_after_delete": ("OVESETUP_CONFIG/sanWipeAfterDelete",),
    "heap_min": ("OVESETUP_CONFIG/engineHeapMin",),
    "heap_max": ("OVESETUP_CONFIG/engineHeapMax",),
    "memory_check": ("OVESETUP_SYSTEM/memCheckEnabled",),
    "dwh_enabled": ("OVESETUP_DWH_CORE/enable",),
    "dwh_scale": ("OVESETUP_DWH_CONFIG/scale",),
    "grafana_enabled": ("OVESETUP_GRAFANA_CORE/enable",),
    "grafana_admin_password": ("OVESETUP_GRAFANA_CONFIG/adminPassword",),
    "keycloak_enabled": ("OVESETUP_CONFIG/keycloakEnable",),
    "keycloak_admin_password": ("OVESETUP_CONFIG/keycloakAdminPasswd",),
    "ovn_enabled": ("OVESETUP_OVN/ovirtProviderOvn",),
    "firewall_manager": ("OVESETUP_CONFIG/firewallManager",),
}
DATABASE_VARIABLES: dict[str, dict[str, tuple[str, ...]]] = {
    database: {f"{database}_{name}": (f"{section}/{key}",) for name, key in _DATABASE.items()}
    for database, (section, _provisioned) in _DATABASES.items()
}
# Questions that stop setup, or that it would answer in a way that nobody who runs it unattended can mean.
ALWAYS = {
    "OVESETUP_ENGINE_CORE/enable": True,
    "OVESETUP_DIALOG/confirmSettings": True,
    "OVESETUP_CORE/engineStop": True,
    "OSETUP_RPMDISTRO/requireRollback": False,
}
API_USER, API_USER_OF_KEYCLOAK = "admin@internal", "admin@ovirt@internalsso"


def ovirt_engine_answers(variables: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The variables of the role, as answers and secrets for the module ovirt_answer_file."""
    tables = dict(VARIABLES)
    values: dict[str, Any] = dict(ALWAYS)
    for database, (_section, provisioned) in _DATABASES.items():
        remote = bool(variables.get(f"{PREFIX}{database}_host"))
        values[provisioned] = not remote
        tables.update(DATABASE_VARIABLES[database] if remote else {})
    given = {name: variables.get(f"{PREFIX}{name}") for name in tables}
    for name, keys in tables.items():
        if given[name] not in (None, ""):
            values.update(dict.fromkeys(keys, given[name]))
    values["OVESETUP_CONFIG/updateFirewall"] = bool(given["firewall_manager"])
    values["OSETUP_RPMDISTRO/enableUpgrade"] = not variables.get("ovirt_engine_offline", True)
    for part in ("grafana", "keycloak"):
        if given[f"{part}_enabled"] and not given[f"{part}_admin_password"]:
            values[f"QUESTION/1/{part.upper()}_USE_ENGINE_ADMIN_PASSWORD"] = "yes"
    if given["ovn_enabled"]:
        user = API_USER_OF_KEYCLOAK if given["keycloak_enabled"] else API_USER
        values["OVESETUP_OVN/ovirtProviderOvnUser"] = user
        values["OVESETUP_OVN/ovirtProviderOvnPassword"] = given["admin_password"]
    known = RELEASES["4.5.7"]
    secrets = {key: value for key, value in values.items() if key in known and known[key].secret}
    answers = {key: value for key, value in values.items() if key not in secrets}
    return {
        "answers": {**answers, **(variables.get("ovirt_engine_extra_answers") or {})},
        "secrets": {**secrets, **(variables.get("ovirt_engine_extra_secrets") or {})},
    }
