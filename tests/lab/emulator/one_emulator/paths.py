"""Where files are: absolute as in the packages, or below ONE_EMULATOR_ROOT for tests without root or installation."""

import os

ROOT = os.environ.get("ONE_EMULATOR_ROOT", "")


def real(path):
    """The file that a path of the emulated machine stands for."""
    return ROOT + path
