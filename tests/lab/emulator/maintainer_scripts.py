"""What the packages do when they are installed and removed. Like OpenNebula's own they start no service."""

COMMON_POSTINST = """#!/bin/sh
set -e
[ "$1" = configure ] || exit 0
getent group oneadmin >/dev/null || groupadd --gid 9869 oneadmin
getent passwd oneadmin >/dev/null ||
    useradd --uid 9869 --gid 9869 --home-dir /var/lib/one --shell /bin/bash --no-create-home oneadmin
for group in disk; do
    getent group $group >/dev/null && usermod --append --groups $group oneadmin
done
chown oneadmin:oneadmin /var/lib/one /var/lib/one/datastores /var/log/one
if [ ! -d /var/lib/one/.ssh ]; then
    install -d -o oneadmin -g oneadmin -m 0700 /var/lib/one/.ssh
    install -o oneadmin -g oneadmin -m 0600 /usr/share/one/ssh_config /var/lib/one/.ssh/config
fi
systemd-tmpfiles --create opennebula-common.conf >/dev/null 2>&1 || {
    install -d -o oneadmin -g oneadmin -m 0750 /run/one /run/lock/one
}
python3 -m compileall -q /usr/lib/one/emulator
"""

COMMON_PRERM = """#!/bin/sh
set -e
find /usr/lib/one/emulator -name __pycache__ -type d -prune -exec rm -rf {} +
"""

SERVER_POSTINST = """#!/bin/sh
set -e
[ "$1" = configure ] || exit 0
chown -R root:oneadmin /etc/one
chmod 0750 /etc/one
chown -R oneadmin:oneadmin /var/lib/one/remotes /var/lib/one/datastores
if [ ! -e /var/lib/one/.ssh/id_rsa ]; then
    su oneadmin -s /bin/sh -c 'ssh-keygen -q -t rsa -N "" -f /var/lib/one/.ssh/id_rsa'
fi
if [ ! -e /var/lib/one/.ssh/authorized_keys ]; then
    install -o oneadmin -g oneadmin -m 0600 /var/lib/one/.ssh/id_rsa.pub /var/lib/one/.ssh/authorized_keys
fi
if [ ! -e /var/lib/one/.one/one_auth ]; then
    install -d -o oneadmin -g oneadmin -m 0700 /var/lib/one/.one
    password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \\n')
    install -o oneadmin -g oneadmin -m 0600 /dev/null /var/lib/one/.one/one_auth
    echo "oneadmin:$password" >/var/lib/one/.one/one_auth
fi
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
"""

SIDE_POSTINST = """#!/bin/sh
set -e
[ "$1" = configure ] || exit 0
chown -R root:oneadmin /etc/one
chmod 0750 /etc/one
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
"""

POSTRM = """#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
"""

PRE_CLEANUP = """#!/bin/sh
# A lock that a killed oned left behind: without a living process it is worth nothing.
pid=$(cat /run/one/oned.pid 2>/dev/null)
if [ -z "$pid" ] || ! kill -0 "$pid" 2>/dev/null; then
    rm -f /run/one/oned.pid /run/lock/one/one
fi
exit 0
"""

QEMU_CONF_BLOCK = """# BEGIN opennebula-node-kvm (emulated)
user = "oneadmin"
group = "oneadmin"
dynamic_ownership = 0
# END opennebula-node-kvm
"""

NODE_POSTINST = """#!/bin/sh
set -e
[ "$1" = configure ] || exit 0
for group in kvm libvirt libvirt-qemu; do
    getent group $group >/dev/null && usermod --append --groups $group oneadmin
done
conf=/etc/libvirt/qemu.conf
if [ -f $conf ] && ! grep -q '^# BEGIN opennebula-node-kvm' $conf; then
    cat /usr/share/one/qemu.conf.block >>$conf
    if [ -d /run/systemd/system ]; then systemctl try-restart libvirtd.service; fi
fi
"""


def prerm(units):
    names = " ".join(units)
    return f"""#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then systemctl stop {names}; fi
"""
