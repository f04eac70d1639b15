"""Debian packages from Python data, the same bytes on every build."""

import os
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

# One moment for every file of every build.
EPOCH = 1767225600


@dataclass
class File:
    content: str
    mode: int = 0o644
    conffile: bool = False


@dataclass
class Package:
    name: str
    summary: str
    depends: str = ""
    recommends: str = ""
    files: dict = field(default_factory=dict)
    directories: dict = field(default_factory=dict)
    scripts: dict = field(default_factory=dict)


def version_of(release):
    return f"{release}-1+emulated"


def lay_out(package, root):
    """Write the files and directories of a package below a root."""
    for path, mode in package.directories.items():
        target = root / path.lstrip("/")
        target.mkdir(parents=True, exist_ok=True)
        target.chmod(mode)
    for path, file in package.files.items():
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file.content, encoding="utf-8")
        target.chmod(file.mode)


def control(package, release):
    version = version_of(release)
    fields = {
        "Package": package.name,
        "Version": version,
        "Architecture": "all",
        "Maintainer": "kvmcloud.stack contributors <kvmcloud@localhost>",
        "Section": "misc",
        "Priority": "optional",
        "Depends": package.depends.format(version=version),
        "Recommends": package.recommends,
        "Description": (
            f"{package.summary} of OpenNebula {release}, emulated\n"
            " This is an emulator for tests and no part of OpenNebula."
        ),
    }
    return "".join(f"{name}: {value}\n" for name, value in fields.items() if value)


def write(package, release, output):
    """Build one package into the directory `output`; owners are root, the maintainer scripts give them to oneadmin."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "root"
        root.mkdir(mode=0o755)
        lay_out(package, root)
        meta = root / "DEBIAN"
        meta.mkdir(mode=0o755)
        (meta / "control").write_text(control(package, release), encoding="utf-8")
        conffiles = sorted(path for path, file in package.files.items() if file.conffile)
        if conffiles:
            (meta / "conffiles").write_text("".join(f"{path}\n" for path in conffiles), encoding="ascii")
        for name, text in package.scripts.items():
            (meta / name).write_text(text, encoding="utf-8")
            (meta / name).chmod(0o755)
        for path in [root, *root.rglob("*")]:
            os.utime(path, (EPOCH, EPOCH))
        target = output / f"{package.name}_{version_of(release)}_all.deb"
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-Zgzip", "-z6", "--build", str(root), str(target)],
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)},
        )
        return target
