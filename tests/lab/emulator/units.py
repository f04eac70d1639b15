"""systemd units of the emulator packages: names, types, users and limits as in OpenNebula's own."""

from deb import File

DIRECTORY = "/lib/systemd/system"

TMPFILES = """d /run/one 0750 oneadmin oneadmin -
d /run/lock/one 0750 oneadmin oneadmin -
"""

ONED = """[Unit]
Description=OpenNebula Cloud Controller Daemon (emulated)
After=network.target remote-fs.target mariadb.service mysql.service opennebula-ssh-agent.service
Wants=opennebula-hem.service opennebula-ssh-agent.service{wants}
Wants=opennebula-showback.timer opennebula-ssh-socks-cleaner.timer
StartLimitIntervalSec=60
StartLimitBurst=3

[Service]
Type=notify
NotifyAccess=all
User=oneadmin
Group=oneadmin
SyslogIdentifier=opennebula
ExecStartPre=/usr/share/one/pre_cleanup
ExecStart=/usr/bin/oned -f
ExecStopPost=/usr/share/one/follower_cleanup
TimeoutStartSec=90
TimeoutStopSec=90
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
"""

WAITING = """[Unit]
Description={description} (emulated)
PartOf=opennebula.service
After=opennebula.service

[Service]
Type=simple
User=oneadmin
Group=oneadmin
ExecStart=/bin/sleep infinity
Restart=on-failure

[Install]
WantedBy=multi-user.target
"""

SSH_AGENT = """[Unit]
Description=SSH agent of oneadmin (emulated)

[Service]
Type=simple
User=oneadmin
Group=oneadmin
ExecStartPre=/bin/rm -f /run/one/ssh-agent.sock
ExecStart=/usr/bin/ssh-agent -D -a /run/one/ssh-agent.sock

[Install]
WantedBy=multi-user.target
"""

ONCE = """[Unit]
Description={description} (emulated)

[Service]
Type=oneshot
User=oneadmin
Group=oneadmin
ExecStart=/bin/true
"""

TIMER = """[Unit]
Description={description} (emulated)

[Timer]
{when}

[Install]
WantedBy=timers.target
"""

SIDE = """[Unit]
Description={description} (emulated)
After=network.target opennebula.service
StartLimitIntervalSec=10
StartLimitBurst=1

[Service]
Type=simple
User=oneadmin
Group=oneadmin
SyslogIdentifier=opennebula-{service}
ExecStart=/usr/lib/one/emulator-{service}
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
"""


def units_of(package, is_six):
    """Path -> File of every unit a package brings."""
    texts = {
        "opennebula": _front_end,
        "opennebula-fireedge": lambda _: {
            "opennebula-fireedge.service": SIDE.format(description="OpenNebula web interface", service="fireedge"),
            "opennebula-guacd.service": WAITING.format(description="OpenNebula console proxy"),
        },
        "opennebula-gate": lambda _: {
            "opennebula-gate.service": SIDE.format(description="OpenNebula OneGate", service="gate")
        },
        "opennebula-flow": lambda _: {
            "opennebula-flow.service": SIDE.format(description="OpenNebula OneFlow", service="flow")
        },
        "opennebula-sunstone": lambda _: {
            "opennebula-sunstone.service": SIDE.format(description="OpenNebula Sunstone", service="sunstone"),
            "opennebula-novnc.service": SIDE.format(description="OpenNebula noVNC proxy", service="novnc"),
        },
    }
    return {f"{DIRECTORY}/{name}": File(text) for name, text in texts[package](is_six).items()}


def _front_end(is_six):
    units = {
        "opennebula.service": ONED.format(wants=" opennebula-scheduler.service" if is_six else ""),
        "opennebula-hem.service": WAITING.format(description="OpenNebula Hook Execution Service"),
        "opennebula-ssh-agent.service": SSH_AGENT,
        "opennebula-showback.service": ONCE.format(description="OpenNebula showback calculation"),
        "opennebula-showback.timer": TIMER.format(
            description="OpenNebula showback calculation", when="OnCalendar=daily"
        ),
        "opennebula-ssh-socks-cleaner.service": ONCE.format(description="OpenNebula cleaner of SSH sockets"),
        "opennebula-ssh-socks-cleaner.timer": TIMER.format(
            description="OpenNebula cleaner of SSH sockets", when="OnBootSec=90s\nOnUnitActiveSec=90s"
        ),
    }
    if is_six:
        units["opennebula-scheduler.service"] = WAITING.format(description="OpenNebula Scheduler")
    return units
