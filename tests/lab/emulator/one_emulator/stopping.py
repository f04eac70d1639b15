"""Waiting for the signal to stop.

A handler that sets a threading.Event can deadlock with the wait for that very event; a byte in a pipe cannot.
"""

import os
import signal


class StopSignal:
    def __init__(self):
        self._waiting, waking = os.pipe()
        os.set_blocking(waking, False)
        signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)

    def wait(self):
        os.read(self._waiting, 1)
