"""A thread that does its round at an interval, and soon after it is woken."""

import threading

# Never within the call that wakes it: what oned made is for a moment as it was made.
DELAY = 2.0


class Cycle:
    interval = 30.0

    def __init__(self, cloud):
        self.cloud = cloud
        self._due, self._stopped = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)

    def start(self):
        self._thread.start()

    def stop(self):
        self._stopped.set()
        self._due.set()

    def wake(self):
        timer = threading.Timer(DELAY, self._due.set)
        timer.daemon = True
        timer.start()

    def _run(self):
        while not self._stopped.is_set():
            self.round()
            self._due.wait(self.interval)
            self._due.clear()

    def round(self):
        raise NotImplementedError
