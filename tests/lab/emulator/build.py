#!/usr/bin/env python3
"""Builds the emulator packages of one release: build.py --release 7.4.0 --output DIRECTORY."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
# Building from a checkout leaves no byte code in it.
sys.dont_write_bytecode = True

import packages  # noqa: E402
from one_emulator.cli.commands import COMMANDS  # noqa: E402
from one_emulator.release import RELEASES  # noqa: E402

# One moment for every file of every build: the same sources make the same packages, byte by byte.
EPOCH = 1767225600


def debian_version(release):
    return f"{release}-1+emulated"


def library():
    """The emulator's own modules, by path below the library directory."""
    return {
        str(path.relative_to(HERE)): path.read_text(encoding="utf-8")
        for path in sorted((HERE / "one_emulator").rglob("*.py"))
    }


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


def lay_out(files, directories, root):
    """Write files and directories below a root; used for packages and for tests that need no package."""
    for path, mode in directories.items():
        target = root / path.lstrip("/")
        target.mkdir(parents=True, exist_ok=True)
        target.chmod(mode)
    for path, file in files.items():
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file.content, encoding="utf-8")
        target.chmod(file.mode)


def control(package, release):
    version = debian_version(release)
    fields = [
        ("Package", package.name),
        ("Version", version),
        ("Architecture", "all"),
        ("Maintainer", "kvmcloud.stack contributors <kvmcloud@localhost>"),
        ("Section", "misc"),
        ("Priority", "optional"),
        ("Depends", package.depends.format(version=version)),
        ("Recommends", package.recommends),
        ("Description", f"{package.summary} of OpenNebula {release}, emulated\n This is an emulator for tests and no "
                        "part of OpenNebula."),
    ]  # fmt: skip
    return "".join(f"{name}: {value}\n" for name, value in fields if value)


def build(package, release, output):
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "root"
        root.mkdir(mode=0o755)
        lay_out(package.files, package.directories, root)
        meta = root / "DEBIAN"
        meta.mkdir(mode=0o755)
        (meta / "control").write_text(control(package, release), encoding="utf-8")
        conffiles = sorted(path for path, file in package.files.items() if file.conffile)
        if conffiles:
            (meta / "conffiles").write_text("".join(f"{path}\n" for path in conffiles), encoding="ascii")
        for name, text in package.scripts.items():
            (meta / name).write_text(text, encoding="utf-8")
            (meta / name).chmod(0o755)
        _same_times(root)
        target = output / f"{package.name}_{debian_version(release)}_all.deb"
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-Zgzip", "-z6", "--build", str(root), str(target)],
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)},
        )
        return target


def _same_times(root):
    for path in [root, *root.rglob("*")]:
        os.utime(path, (EPOCH, EPOCH))


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
        made = workers.map(lambda package: build(package, wanted.release, wanted.output), definitions(wanted.release))
        for target in made:
            print(target)


if __name__ == "__main__":
    main()
