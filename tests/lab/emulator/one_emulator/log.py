"""oned.log and monitor.log, in the form oned writes them."""

import time

from .paths import real

LOG_FILE = "/var/log/one/oned.log"
MONITOR_LOG = "/var/log/one/monitor.log"


def write(module, severity, text, log=LOG_FILE):
    line = f"{time.strftime('%a %b %d %H:%M:%S %Y')} [Z0][{module}][{severity}]: {text}\n"
    try:
        with open(real(log), "a", encoding="utf-8", errors="surrogateescape") as file:
            file.write(line)
    except OSError:
        print(line, end="", flush=True)
