"""oned.log, in the form oned writes it."""

import time

from .paths import real

LOG_FILE = "/var/log/one/oned.log"


def write(module, severity, text):
    line = f"{time.strftime('%a %b %d %H:%M:%S %Y')} [Z0][{module}][{severity}]: {text}\n"
    try:
        with open(real(LOG_FILE), "a", encoding="utf-8", errors="surrogateescape") as file:
            file.write(line)
    except OSError:
        print(line, end="", flush=True)
