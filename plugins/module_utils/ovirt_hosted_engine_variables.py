# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables of the official role ovirt.ovirt.hosted_engine_setup, with their types. Data only.

What has no default there, and what may be a number or a word, is a str here; numbers are taken for it as well.
"""

from __future__ import annotations

_TABLE = """
he_additional_package_list list
he_admin_password str
he_ansible_host_name str
he_appliance str
he_appliance_password str
he_appliance_type str
he_apply_openscap_profile bool
he_avail_memory_grace_MB int
he_bridge_if str
he_cdrom str
he_cloud_init_domain_name str
he_cloud_init_host_name str
he_cluster str
he_cluster_comp_version str
he_cluster_cpu_type str
he_cmd_lang dict
he_console_type str
he_data_center str
he_data_center_comp_version str
he_db_password str
he_debug_mode bool
he_dest_email str
he_discard bool
he_disk_size_GB int
he_dns_addr str
he_domain_type str
he_dwh_db_password str
he_emulated_machine str
he_enable_fips bool
he_enable_hc_gluster_service bool
he_enable_keycloak bool
he_enable_libgfapi bool
he_force_ip4 bool
he_force_ip6 bool
he_fqdn str
he_gateway str
he_graphic_device str
he_host_address str
he_host_ip str
he_host_name str
he_ipv4_subnet_prefix str
he_ipv6_subnet_prefix str
he_iscsi_discover_password str
he_iscsi_discover_username str
he_iscsi_password str
he_iscsi_portal_addr str
he_iscsi_portal_port str
he_iscsi_target str
he_iscsi_tpgt str
he_iscsi_username str
he_just_collect_network_interfaces bool
he_libvirt_authfile str
he_local_vm_dir_path str
he_local_vm_dir_prefix str
he_lun_id str
he_mem_size_MB str
he_memory_requirements_check_enabled bool
he_mgmt_network str
he_minimal_disk_size_GB int
he_minimal_mem_size_MB int
he_mount_options str
he_network_test str
he_nfs_version str
he_offline_deployment bool
he_openscap_profile_name str
he_pause_after_failed_add_host bool
he_pause_after_failed_restore bool
he_pause_before_engine_setup bool
he_pause_host bool
he_pki_renew_on_restore bool
he_remove_appliance_rpm bool
he_requirements_check_enabled bool
he_reserved_memory_MB int
he_restore_from_file str
he_root_ssh_access str
he_root_ssh_pubkey str
he_smtp_port int
he_smtp_server str
he_source_email str
he_storage_domain_addr str
he_storage_domain_name str
he_storage_domain_path str
he_storage_if str
he_tcp_t_address str
he_tcp_t_port str
he_use_uefi bool
he_vcpus str
he_video_device str
he_vm_efi_boot_flags str
he_vm_etc_hosts bool
he_vm_ip_addr str
he_vm_ip_prefix str
he_vm_mac_addr str
he_vm_name str
he_webui_forward_port int
"""

VARIABLES: dict[str, str] = {line.split()[0]: line.split()[1] for line in _TABLE.strip().split("\n")}
SECRETS = tuple(name for name in VARIABLES if name.endswith("_password"))
