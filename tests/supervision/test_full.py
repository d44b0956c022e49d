# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_full.py: the run directory's file system fills up before each call of manager and shim (R8).

The start fails with a defined error, or what the plugin says last and how it ended are stored. As root, on a file system of 512 KiB
in a world of its own.
"""
import os
import subprocess
import sys

from points import MEMORY, Start, become_reaper, reap_all, seed, survey
from shimbox import SANITIZED, SOAK, Skip, Wrong, main, row

# A completion of 30,000 bytes: more than a page, less than what is reserved.
TALKS = 'echo $$ >>"$RAN"; head -c 30000 /dev/zero | tr "\\0" x >&2; exit 7'
WORDS = "x" * 30000


def own_world():
    """Runs this script again where it may mount; False where that cannot be."""
    if os.environ.get("VMMI_TEST_WORLD"):
        return True
    probe = subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL, check=False)
    if os.geteuid() != 0 or probe.returncode:
        return False
    os.execvpe("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv],
               {**os.environ, "VMMI_TEST_WORLD": "1"})


MAY_MOUNT = own_world()
RANDOM = seed()
become_reaper()


class Full(Start):
    """A start in a small file system that is full from some call on."""

    def last_words(self):
        jobs = os.path.join(self.top, "jobs")
        for name in os.listdir(jobs):
            with open(os.path.join(jobs, name, "stderr"), encoding="utf-8") as stream:
                return stream.read()
        return None

    def check_success(self, ends):
        super().check_success(ends)
        if self.last_words() != WORDS:
            raise self.wrong("what the plugin said last is not whole")


def small(box):
    """A file system of 512 KiB; returns its directory."""
    path = os.path.join(box.path, "small")
    if not os.path.isdir(path):
        os.mkdir(path, 0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k,mode=0700", "vmmi-test", path], check=True)
    return path


def fill_at(box, point):
    top = small(box)
    try:
        start = Full(box, point, "fill", body=TALKS, top=top, fill=os.path.join(top, "filler"))
        start.wait()
        reap_all(start.name)
        # Some calls are made more or less often, as things come.
        if not os.path.exists(os.path.join(top, "filler")):
            start.check()
            return True
        # Looking needs no room, and whoever makes some finds all in order.
        if start.got["code"] == 0:
            start.check()
        os.unlink(os.path.join(top, "filler"))
        start.check()
        return start.got["code"] == 0
    finally:
        subprocess.run(["umount", "--lazy", top], check=True)


def add(who, count):
    @row(f"the file system is full from each call of the {who} on")
    def _(box):
        if not MAY_MOUNT:
            raise Skip("mounting needs root")
        points = [point for point in survey(box, who) if point.function not in MEMORY]
        chosen = points if SOAK or len(points) <= count else [points[i] for i in sorted(RANDOM.sample(range(len(points)), count))]
        complaints, good = [], 0
        for point in chosen:
            try:
                good += fill_at(box, point)
            except Wrong as wrong:
                complaints.append(str(wrong))
        print(f"# {len(chosen)} starts, {good} of them succeeded all the same")
        if complaints:
            raise Wrong("\n".join(complaints))


for name, number in (("manager", 60), ("shim", 60), ("child", 30)):
    add(name, number // 4 if SANITIZED else number)


main()
