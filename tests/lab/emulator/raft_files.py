"""What moves the floating address and the services of the leader: the emulator's in place of OpenNebula's."""

VIP = r"""#!/bin/sh
# vip.sh leader|follower [INTERFACE ADDRESS/LENGTH]... (emulated): floating addresses, and the services of the leader.
role=$1
shift
exec 9>/var/lock/one/vip_sh
flock -w 60 9
while [ $# -gt 0 ]; do
    address=${2%%/*}
    case $role in
    leader)
        sudo -n ip address add "$2" dev "$1"
        if command -v arping >/dev/null; then sudo -n arping -c 1 -U -I "$1" "$address"; fi
        ;;
    follower)
        if ip address show dev "$1" | grep -q " $address/"; then sudo -n ip address del "$2" dev "$1"; fi
        ;;
    *)
        echo "Unknown action '$role'" >&2
        exit 1
        ;;
    esac
    shift 2
done
for unit in opennebula-flow opennebula-gate opennebula-form opennebula-hem opennebula-showback.timer; do
    state=$(systemctl is-enabled "$unit" 2>/dev/null)
    case $role,$unit,$state in
    leader,*,enabled | leader,opennebula-hem,disabled | leader,opennebula-showback.timer,disabled)
        sudo -n systemctl start "$unit"
        ;;
    follower,*)
        if [ "$state" = enabled ] || systemctl is-active --quiet "$unit"; then sudo -n systemctl stop "$unit"; fi
        ;;
    esac
done
exit 0
"""

FOLLOWER_CLEANUP = r"""#!/bin/sh
# After oned is gone, however it ended: its follower hook, from the configuration that it wrote down (emulated).
line=$(grep '^RAFT_FOLLOWER_HOOK=' /var/lib/one/config 2>/dev/null) || exit 0
command=${line##*COMMAND=}
case $line in
*=ARGUMENTS=*) arguments=${line#*=ARGUMENTS=} arguments=${arguments%,COMMAND=*} ;;
*) arguments= ;;
esac
case $command in
/*) ;;
*) command=/var/lib/one/remotes/hooks/$command ;;
esac
# shellcheck disable=SC2086
exec $command $arguments
"""

_UNITS = ("opennebula-flow", "opennebula-gate", "opennebula-form", "opennebula-hem", "opennebula-showback.timer")
SUDOERS = "Defaults:oneadmin !requiretty\n" + "".join(
    f"oneadmin ALL=(ALL) NOPASSWD: /usr/bin/systemctl {verb} {unit}\n" for unit in _UNITS for verb in ("start", "stop")
) + "oneadmin ALL=(ALL) NOPASSWD: /usr/bin/arping, /usr/sbin/ip address *, /usr/bin/ip address *\n"  # fmt: skip
