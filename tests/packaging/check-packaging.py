# SPDX-License-Identifier: LGPL-2.1-or-later
"""check-packaging.py: what packaging/ holds does what its comments say.

Usage: check-packaging.py SOURCE-ROOT
"""
import fcntl
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(sys.argv[1], "tests", "abi"))
from tap import Tap  # noqa: E402  pylint: disable=wrong-import-position

ROOT = pathlib.Path(sys.argv[1])
UUID = "6d1b9c9e-0c3f-4d53-9b35-1f6f1e2b7a10"
NAMES = {f"vmmi-{UUID}.1.scope": True, f"vmmi-{UUID}.12-0123abcd.scope": True, f"vmmi-{UUID}.1.service": False,
         "vmmi-x.scope": False, f"x-vmmi-{UUID}.1.scope": False, f"vmmi-{UUID}.1.scope\nx": False, "undefined": False}


def active(path):
    """The lines of a file that are no comments."""
    lines = (ROOT / "packaging" / path).read_text(encoding="utf-8").splitlines()
    return [line.split() for line in lines if line and line[0] not in "#/["]


def tmpfiles_lines():
    """The directories of root, closed; the samples are comments."""
    wanted = [["d", "/run/vmmi", "0700", "root", "root", "-"], ["d", "/run/vmmi/jobs", "0700", "root", "root", "7d"]]
    return [] if active("tmpfiles.d/vmmi.conf") == wanted else [str(active("tmpfiles.d/vmmi.conf"))]


def make(top):
    """A run directory with one finished record and one whose shim lives; returns the lock."""
    for name in ("jobs/done.1", "jobs/runs.2", "by-guest", "sim"):
        os.makedirs(os.path.join(top, name))
    for name in ("version", "lock", "jobs/done.1/job.json", "jobs/runs.2/job.json", "sim/default.json"):
        pathlib.Path(top, name).write_text("1\n", encoding="utf-8")
    os.symlink("../jobs/runs.2", os.path.join(top, "by-guest/guest"))
    lock = os.open(os.path.join(top, "jobs/runs.2"), os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(lock, fcntl.LOCK_SH)
    return lock


def clean(tmpfiles, conf, gone):
    """Ages until it is gone: a file of this very moment may count as young still. Returns the last try."""
    deadline = time.monotonic() + 20
    while True:
        done = subprocess.run([tmpfiles, "--clean", str(conf)], capture_output=True, text=True, timeout=60, check=False)
        if not gone.exists() or done.returncode != 0 or time.monotonic() > deadline:
            return done
        time.sleep(0.05)


def tmpfiles_age(tmpfiles):
    """With an age of 0 all goes that may go: the finished record, and nothing else."""
    place = tempfile.mkdtemp(prefix="vmmi-packaging-")
    top = os.path.join(place, "vmmi")
    os.mkdir(top, 0o700)
    lock = make(top)
    try:
        text = (ROOT / "packaging/tmpfiles.d/vmmi.conf").read_text(encoding="utf-8")
        conf = pathlib.Path(place, "vmmi.conf")
        conf.write_text(text.replace("/run/vmmi", top).replace("7d", "0"), encoding="utf-8")
        done = clean(tmpfiles, conf, pathlib.Path(top, "jobs/done.1"))
        left = sorted(str(path.relative_to(top)) for path in pathlib.Path(top).rglob("*"))
    finally:
        os.close(lock)
        shutil.rmtree(place)
    wanted = ["by-guest", "by-guest/guest", "jobs", "jobs/runs.2", "jobs/runs.2/job.json", "lock", "sim",
              "sim/default.json", "version"]
    return [] if done.returncode == 0 and left == wanted else [str(left), done.stderr]


def polkit_names():
    """The rule takes the names that scopes get, and no others."""
    text = (ROOT / "packaging/polkit/50-vmmi.rules").read_text(encoding="utf-8")
    pattern = re.search(r"/\^(.*)\$/\.test\(action\.lookup\(\"unit\"\)\)", text)
    if not pattern:
        return ["no pattern for the unit's name"]
    found = re.compile(f"^{pattern.group(1)}\\Z")
    return [name for name, wanted in NAMES.items() if bool(found.search(name)) != wanted]


def drop_in():
    """One setting; the others are samples."""
    return [] if active("systemd/50-vmmi.conf") == [["KillMode=process"]] else [str(active("systemd/50-vmmi.conf"))]


def main():
    tap = Tap()
    tmpfiles = shutil.which("systemd-tmpfiles", path="/usr/bin:/bin")
    tap.row("tmpfiles.d: root's directories", tmpfiles_lines())
    if tmpfiles:
        tap.row("tmpfiles.d: a running migration is not aged", tmpfiles_age(tmpfiles))
    else:
        tap.skip("tmpfiles.d: a running migration is not aged", "systemd-tmpfiles is missing")
    tap.row("polkit: names of scopes", polkit_names())
    tap.row("drop-in: KillMode=process alone", drop_in())
    return tap.end()


sys.exit(main())
