#!/usr/bin/env python3
"""Builds the emulator packages of one release: build.py --release 7.4.0 --output DIRECTORY."""

import argparse
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
# Building from a checkout leaves no byte code in it.
sys.dont_write_bytecode = True

import deb  # noqa: E402
import packages  # noqa: E402
from one_emulator.cli.commands import COMMANDS  # noqa: E402
from one_emulator.release import RELEASES  # noqa: E402


def library():
    """The emulator's own modules, by path below the library directory."""
    modules = sorted((HERE / "one_emulator").rglob("*.py"))
    return {str(path.relative_to(HERE)): path.read_text(encoding="utf-8") for path in modules}


def sources(release):
    """Configuration texts by the path they are installed at; those of the release win over the common ones."""
    found = {}
    for root in (HERE / "files/common", HERE / "files" / release):
        for path in sorted(root.rglob("*")):
            if path.is_file():
                found["/" + str(path.relative_to(root))] = path.read_text(encoding="utf-8")
    return found


def definitions(release):
    return packages.packages(release, library(), sources(release), sorted(COMMANDS))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--release", required=True, choices=sorted(RELEASES))
    parser.add_argument("--output", required=True, type=Path)
    wanted = parser.parse_args()
    if not shutil.which("dpkg-deb"):
        sys.exit("dpkg-deb is missing: install the package dpkg.")
    os.umask(0o022)
    wanted.output.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(max_workers=2) as workers:
        made = workers.map(lambda p: deb.write(p, wanted.release, wanted.output), definitions(wanted.release))
        for target in made:
            print(target)


if __name__ == "__main__":
    main()
