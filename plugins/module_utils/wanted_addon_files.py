# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a storage add-on as a task wants them: all read and planned, accepted by their readers, then written."""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import shutil
import tempfile
from typing import Any

from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import (
    ManagedFile,
    PresentFile,
    apply_plan,
    make_directories,
    plan_files,
    read_file,
    read_files,
    write_file,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.vendor_override import (
    SUFFIX,
    OverrideSteps,
    Place,
    is_ours,
    plan_override,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.vitastor_downloader import NotRepaired, downloader_text


def with_line(text: str, line: str, present: bool) -> str:
    """Compared without the blanks around it; a new one goes to the end."""
    lines = text.splitlines(keepends=True)
    there = [one for one in lines if one.strip() == line.strip()]
    if not present:
        return "".join(one for one in lines if one not in there)
    return text if there else text + ("" if not text or text.endswith("\n") else "\n") + line + "\n"


def followed(path: str, dest: str) -> str:
    """Where a link of the sources leads to. One to OpenNebula's own drivers leads to where it will in dest."""
    folder = os.path.dirname(path)
    while os.path.islink(path):
        path = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(path)))
    return path if os.path.exists(path) else os.path.normpath(os.path.join(dest, os.path.relpath(path, folder)))


class WantedFiles:
    """What the task wants, read against what is there. The module is passed in."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.missing: list[str] = []
        self.checks: dict[str, list[str]] = {}
        self.overridden = {one["path"] for one in module.params["overrides"] if one["content"] is not None}
        self.files = [self._whole(file) for file in module.params["files"]]
        self.files += [file for tree in module.params["trees"] for file in self._tree(tree)]
        self.files += [*self._lines(), *self._downloader()]
        self.plan = plan_files(self.files, read_files(file.path for file in self.files))
        self.overrides = [self._override(one) for one in module.params["overrides"]]

    def _ids(self, name: str) -> tuple[int | None, int | None]:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            if self.module.check_mode:  # the package that brings the user is only planned
                return None, None
            self.module.fail_json(msg=f"There is no user {name}; install OpenNebula first.")
        return found.pw_uid, found.pw_gid

    def _whole(self, file: dict[str, Any]) -> ManagedFile:
        if file["state"] == "absent":
            return ManagedFile(file["path"], None)
        if file["content"] is None:
            self.module.fail_json(msg=f"{file['path']} has no content; give it, or say state: absent.")
        try:
            mode = int(file["mode"], 8)
        except ValueError:
            self.module.fail_json(msg=f"The mode of {file['path']} is {file['mode']!r}; wanted digits such as 0644.")
        if file["check"]:
            self.checks[file["path"]] = file["check"]
        return ManagedFile(
            file["path"], file["content"].encode(), mode, *self._ids(file["owner"]), secret=file["secret"]
        )

    def _tree(self, tree: dict[str, Any]) -> list[ManagedFile]:
        """One file per match; the sources are small, and what is equal already is not written."""
        found = sorted(path for path in glob.glob(tree["src"]) if os.path.isfile(followed(path, tree["dest"])))
        if not found and tree["required"] and tree["state"] == "present":
            # In check mode the sources themselves may be only planned.
            if not self.module.check_mode:
                self.module.fail_json(
                    msg=f"There is no {tree['src']}; these are not the sources of a release that is known here. "
                    "Nothing was changed."
                )
            self.missing.append(tree["src"])
        files = []
        for path in found:
            target = os.path.join(tree["dest"], os.path.basename(path))
            target += SUFFIX if target in self.overridden else ""
            if tree["state"] == "absent":
                files.append(ManagedFile(target, None))
            elif not (tree["new_only"] and os.path.exists(target)):
                content = read_file(followed(path, tree["dest"])).content
                files.append(ManagedFile(target, content, int(tree["mode"], 8), *self._ids(tree["owner"])))
        return files

    def _lines(self) -> list[ManagedFile]:
        """All lines of one file together."""
        texts: dict[str, str] = {}
        for one in self.module.params["lines"]:
            path = one["path"]
            if path not in texts:
                found = read_file(path)
                comes = one["state"] == "present" and one["included_by"] and os.path.exists(one["included_by"])
                if found is None and not comes:
                    self.missing.append(path)
                    continue
                texts[path] = found.content.decode("utf-8", "surrogateescape") if found else ""
            texts[path] = with_line(texts[path], one["line"], one["state"] == "present")
        return [ManagedFile(path, text.encode("utf-8", "surrogateescape"), backup=True) for path, text in texts.items()]

    def _downloader(self) -> list[ManagedFile]:
        path = self.module.params["downloader"]
        found = read_file(path) if path else None
        if found is None:
            if path and self.module.params["downloader_state"] == "present":
                if not self.module.check_mode:
                    self.module.fail_json(msg=f"{path} does not exist; OpenNebula is not installed on this host.")
                self.missing.append(path)
            return []
        text = found.content.decode("utf-8", "surrogateescape")
        try:
            text = downloader_text(path, text, self.module.params["downloader_state"] == "present")
        except NotRepaired as problem:
            self.module.fail_json(msg=str(problem))
        self.checks[path] = ["bash", "-n"]
        return [ManagedFile(path, text.encode("utf-8", "surrogateescape"))]

    def _override(self, one: dict[str, Any]) -> tuple[ManagedFile, OverrideSteps, PresentFile | None]:
        path, content = one["path"], one["content"]
        wanted = None if content is None else content.encode()
        if wanted is not None and not is_ours(wanted):
            self.module.fail_json(msg=f"The override of {path} does not say that it is one; see the option's text.")
        link = os.path.islink(path)
        found = None if link else read_file(path)
        place = Place(link or found is not None, found and found.content, os.path.lexists(path + SUFFIX))
        steps = plan_override(place, wanted)
        uid, gid = self._ids(self.module.params["owner"])
        file = ManagedFile(path, wanted, 0o755, uid, gid)
        if wanted is not None and found and not steps.write and (found.mode, found.uid, found.gid) != file[2:5]:
            steps = steps._replace(write=uid is not None)
        return file, steps, found

    def refuse_what_is_not_accepted(self) -> None:
        """Each program looks at a copy of what it is to accept, before anything is replaced."""
        for file in self.plan.changes:
            program = self.checks.get(file.path)
            if not program or file.content is None:
                continue
            if not shutil.which(program[0]):
                self.module.fail_json(
                    msg=f"{file.path} has to be accepted by {program[0]}, which is not on this host. "
                    "Nothing was changed."
                )
            descriptor, copy = tempfile.mkstemp(dir=self.module.tmpdir)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(file.content)
            rc, out, err = self.module.run_command([*program, copy])
            if rc != 0:
                said = " ".join((err or out).replace(copy, file.path).split())
                self.module.fail_json(
                    msg=f"{program[0]} does not accept what {file.path} would become: {said}. Nothing was changed."
                )

    def apply(self) -> None:
        for file in self.plan.changes:
            if file.content is not None:
                make_directories(os.path.dirname(file.path))
        # Before the files, among which may be the vendor's own that stands beside ours.
        for file, steps, _found in self.overrides:
            if steps.keep:
                os.replace(file.path, file.path + SUFFIX)
        apply_plan(self.module, self.plan)
        for file, steps, _found in self.overrides:
            kept = file.path + SUFFIX
            if steps.write:
                make_directories(os.path.dirname(file.path))
                write_file(self.module, file)
            if steps.restore:
                os.replace(kept, file.path)
            if steps.remove:
                os.unlink(file.path)
            if steps.forget:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(kept)

    def diff(self) -> list[dict[str, str]]:
        shown = list(self.plan.diff)
        for file, steps, found in self.overrides:
            if steps.any:
                before = found.content.decode("utf-8", "replace") if found else ""
                after = file.content.decode() if file.content else "(the vendor's file)\n"
                shown.append({"before_header": file.path, "after_header": file.path, "before": before, "after": after})
        return shown
