# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Doubles of the programs on an engine's host, with the exit codes, words and files of the real ones as far as they
were measured. None of them sets anything up. What they shall do stands in files of their folder:

    version   what rpm says of the packages
    break     if it is there, engine-setup fails half-way, and quotes its administrator's password as it does so
    wait      as long as it is there, engine-setup does not go on
    pretend   if it is there, engine-setup says that it succeeded, but leaves no configuration
    calls     the command lines of all calls, for the tests
"""

from __future__ import annotations

from pathlib import Path

RPM = """#!/bin/sh
echo "rpm $*" >> {folder}/calls
[ -e {folder}/version ] || {{ echo "package ovirt-engine-setup is not installed"; exit 1; }}
printf %s "$(cat {folder}/version)"
"""

ENGINE_BACKUP = """#!/bin/sh
echo "engine-backup $*" >> {folder}/calls
for option; do case $option in --file=*) file=${{option#--file=}} ;; esac; done
case " $* " in
  *" --mode=backup "*) echo saved > "$file" ;;
  *" --mode=restore "*)
    [ -e "$file" ] || {{ echo "FATAL: $file does not exist" >&2; exit 1; }}
    mkdir -p /etc/ovirt-engine-setup.conf.d
    cp "$file" /etc/ovirt-engine-setup.conf.d/20-setup-ovirt-post.conf ;;
esac
"""

ENGINE_SETUP = """#!{python}
import configparser, json, os, sys, time
folder, post = "{folder}", "/etc/ovirt-engine-setup.conf.d/20-setup-ovirt-post.conf"
with open(folder + "/calls", "a") as calls:
    calls.write("engine-setup " + " ".join(sys.argv[1:]) + "\\n")
if sys.stdin.read():
    sys.exit("the input is not closed")
values = {{}}
for option in sys.argv[1:]:
    if option.startswith("--config-append="):
        for path in option.split("=", 1)[1].split(":"):
            parser = configparser.RawConfigParser()
            parser.optionxform = str
            if not parser.read(path):
                print("[WARNING] Cannot read", path, flush=True)
                continue
            values.update(parser.items("environment:default"))
with open(folder + "/answers", "w") as seen:
    json.dump(values, seen)
print("[ INFO  ] Stage: Initializing", flush=True)
print("          Log file: /var/log/ovirt-engine/setup/ovirt-engine-setup-1.log", flush=True)
def end(words, status):
    print(words, flush=True)
    sys.exit(status)
failed = "[ ERROR ] Execution of setup failed"
for key in ("OVESETUP_ENGINE_CORE/enable", "OVESETUP_ENGINE_CONFIG/fqdn", "OVESETUP_CONFIG/adminPassword"):
    if key not in values:
        end("[ ERROR ] Failed to execute stage 'Environment customization': End of file\\n" + failed, 1)
print("[ INFO  ] Stage: Misc configuration", flush=True)
while os.path.exists(folder + "/wait"):
    time.sleep(0.1)
if os.path.exists(folder + "/break"):
    password = values["OVESETUP_CONFIG/adminPassword"].split(":", 1)[1]
    end("[ ERROR ] Failed to execute stage 'Misc configuration': psql says no to " + password + "\\n" + failed, 1)
if not os.path.exists(folder + "/pretend"):
    version = open(folder + "/version").read().strip()
    os.makedirs(os.path.dirname(post), exist_ok=True)
    with open(post, "w") as stream:
        stream.write("[environment:default]\\nOVESETUP_CORE/generatedByVersion=str:" + version + "\\n")
        for key in ("OVESETUP_ENGINE_CORE/enable", "OVESETUP_ENGINE_CONFIG/fqdn"):
            stream.write(key + "=" + values[key] + "\\n")
    os.makedirs("/etc/pki/ovirt-engine", exist_ok=True)
    with open("/etc/pki/ovirt-engine/ca.pem", "w") as stream:
        stream.write("-----BEGIN CERTIFICATE-----\\nnone\\n-----END CERTIFICATE-----\\n")
end("[ INFO  ] Execution of setup completed successfully", 0)
"""


def install(folder: Path, python: str) -> None:
    """The programs, into the folder's bin."""
    programs = folder / "bin"
    programs.mkdir(parents=True)
    for name, text in {"rpm": RPM, "engine-backup": ENGINE_BACKUP, "engine-setup": ENGINE_SETUP}.items():
        (programs / name).write_text(text.format(folder=folder, python=python))
        (programs / name).chmod(0o755)
