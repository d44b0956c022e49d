# SPDX-License-Identifier: LGPL-2.1-or-later
"""points.py: starts in which one call goes wrong (interpose.c), and what must be true afterwards, whichever it was.

This process is the reaper of all that is left alone, so that it knows when nothing of a start lives any more.
"""
import collections
import ctypes
import errno
import os
import random
import re
import signal
import subprocess
import sys
import time

from shimbox import JOB_TOOL, Skip, Wrong

INTERPOSE = os.environ.get("VMMI_INTERPOSE", "")
PR_SET_CHILD_SUBREAPER = 36
# Longer than this is a hang.
PATIENCE = 20
HANG = 5
ERRNOS = ["EINTR", "EAGAIN", "EMFILE", "ENFILE", "ENOSPC", "EIO", "ENOMEM", "EPERM", "EACCES", "ENOSYS"]
PLUGIN = 'echo $$ >>"$RAN"; echo "the last word" >&2; exit 7'
MEMORY = ("malloc", "calloc", "realloc")
# Phases that stay.
SETTLED = {"finished", "abandoned", "gone"}

Point = collections.namedtuple("Point", "who function nth")


def seed():
    """That of --seed=N, else a new one; printed, so that a run can be repeated."""
    given = [word.partition("=")[2] for word in sys.argv if word.startswith("--seed=")]
    number = int(given[0]) if given else int.from_bytes(os.urandom(4), "big")
    print(f"# --seed={number}", flush=True)
    return random.Random(number)


def become_reaper():
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children(pid):
    """All that descend from a process."""
    parents = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as stream:
                parents[int(name)] = int(stream.read().rpartition(")")[2].split()[1])
        except OSError:
            pass
    found, more = [], [pid]
    while more:
        more = [child for child, parent in parents.items() if parent in more]
        found += more
    return found


def state_of(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:
            return stream.read().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def reap_some():
    """Whether anything is left behind those that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    except ChildProcessError:
        return False


def reap_all(what, seconds=PATIENCE):
    """Waits until nothing of a start lives."""
    end = time.monotonic() + seconds
    while reap_some():
        if time.monotonic() > end:
            raise Wrong(f"{what}: after {seconds} s these are left: {[(p, state_of(p)) for p in children(os.getpid())]}")
        time.sleep(0.002)


class Start:
    """One start of a plugin in a run directory of its own, with something that goes wrong."""

    count = 0

    def __init__(self, box, point, what, body=PLUGIN, timeout_ms=None, top=None, fill=None):
        if not INTERPOSE:
            raise Skip("no interposer here")
        Start.count += 1
        self.name = f"{point.who}:{point.function}:{point.nth}:{what}"
        self.box, self.point, self.what = box, point, what
        self.top = os.path.join(top or box.path, f"run-{Start.count}")
        self.ran = os.path.join(box.path, f"ran-{Start.count}")
        self.log = os.path.join(box.path, f"log-{Start.count}")
        if not hasattr(box, "plugin"):
            box.plugin = {}
        if body not in box.plugin:
            box.plugin[body] = box.script(body)
        number = str(getattr(errno, what)) if what.startswith("E") else what
        fail = {"LD_PRELOAD": INTERPOSE, "VMMI_FAIL": f"{point.who}:{point.function}:{point.nth}:{number}"}
        fail.update({"VMMI_FAIL_LOG": self.log} if what == "log" else {})
        fail.update({"VMMI_FAIL_FILE": fill} if fill else {})
        if "ASAN_OPTIONS" in os.environ:
            fail["ASAN_OPTIONS"] = os.environ["ASAN_OPTIONS"] + ":verify_asan_link_order=0"
        ours = fail if point.who in ("manager", "any") else {}
        theirs = fail if point.who != "manager" else {}
        self.command = [JOB_TOOL, "start", self.top, box.plugin[body], f"RAN={self.ran}",
                        *(f"{key}={value}" for key, value in theirs.items())]
        self.environment = {**os.environ, **ours, **({"VMMI_TEST_TIMEOUT_MS": str(timeout_ms)} if timeout_ms else {})}
        self.out = os.path.join(box.path, f"out-{Start.count}")
        self.began = time.monotonic()
        with open(self.out, "wb") as out:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=out,  # pylint: disable=R1732
                                            stderr=subprocess.STDOUT, env=self.environment)
        self.got = self.took = None

    def wrong(self, text):
        jobs = os.path.join(self.top, "jobs")
        left = {name: sorted(os.listdir(os.path.join(jobs, name))) for name in os.listdir(jobs)} if os.path.isdir(jobs) else {}
        return Wrong(f"{self.name}: {text} (it said: {self.said()!r}; records: {left})")

    def said(self):
        with open(self.out, encoding="utf-8", errors="replace") as stream:
            return stream.read()[-2000:]

    def stopped(self):
        """The process that is stopped, once it is; None when all have ended."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            below = children(os.getpid())
            found = [pid for pid in below if state_of(pid) == "T"]
            if found:
                return found[0]
            if self.process.poll() is not None and not reap_some():
                return None
            time.sleep(0.001)
        raise self.wrong("nothing was stopped")

    def wait(self, limit=HANG):
        """Waits for the manager's end."""
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise self.wrong("it hangs") from None
        self.took = time.monotonic() - self.began
        if self.took > limit:
            raise self.wrong(f"it took {self.took:.1f} s")
        text = self.said()
        if code in (0, 1) and text.startswith("{"):
            import json  # pylint: disable=import-outside-toplevel
            self.got = json.loads(text)
        elif not self.may_die(code):
            raise self.wrong(f"it ended with {code}")
        return self

    def finish(self, limit=HANG):
        self.wait(limit)
        reap_all(self.name)
        return self.check()

    def may_die(self, code):
        """Whether this end of the manager was to be expected."""
        if self.point.function in MEMORY:
            # GLib ends a program that gets no memory: a crash like any other.
            return code in (-signal.SIGTRAP, -signal.SIGABRT, -signal.SIGSEGV)
        return (self.what, code) in (("kill", -signal.SIGKILL), ("exit", 3))

    # --- what must be true ---

    def times_run(self):
        try:
            with open(self.ran, encoding="utf-8") as stream:
                return len(stream.readlines())
        except FileNotFoundError:
            return 0

    def check(self):
        """A legal state, and a true one."""
        jobs = self.box.tool("look", self.top) if os.path.isdir(os.path.join(self.top, "jobs")) else {}
        if "code" in jobs:
            raise self.wrong(f"the run directory cannot be read: {jobs}")
        for folder in ("jobs", "by-guest"):
            path = os.path.join(self.top, folder)
            garbage = [name for name in (os.listdir(path) if os.path.isdir(path) else []) if name.startswith(".")]
            if garbage:
                raise self.wrong(f"garbage is left in {folder}: {garbage}")
        if [job for job in jobs.values() if job.get("phase") not in SETTLED]:
            raise self.wrong(f"nothing runs, and this is no end: {jobs}")
        ends = [(job["phase"], job["kind"], job["value"]) for job in jobs.values()]
        if self.got is None:
            self.check_killed(ends)
        elif self.got["code"]:
            self.check_error(ends)
        else:
            self.check_success(ends)
        return self

    def victim_is_shim(self):
        return self.point.who in ("shim", "any") and self.what in ("kill", "exit")

    def check_success(self, ends):
        good = [("finished", "exited", 7)]
        # Nobody saw the end when the shim was ended before it; that is what the record says.
        if self.victim_is_shim():
            good.append(("gone", "unknown", -1))
        if len(ends) != 1 or ends[0] not in good or self.times_run() != 1:
            raise self.wrong(f"success is claimed, the plugin ran {self.times_run()} times, and the record says {ends}")

    def check_error(self, ends):
        got = self.got
        if ends:
            raise self.wrong(f"the start failed, and a record is left: {ends}")
        if not got["message"] or got["code"] < 100 and got["code"] != 2:
            raise self.wrong("this is no error of the library")
        if self.point.who not in ("manager", "any") and not re.match(r"stage [a-z-]+, errno \d+ \(E[A-Z]+\)", got["details"]):
            raise self.wrong("the error does not name its stage")
        if self.times_run() and "it was stopped" not in got["message"] and "stage running" not in got["details"]:
            raise self.wrong("the start failed, and the plugin has run")

    def check_killed(self, ends):
        """The manager has no say any more: only the record has."""
        ran = self.times_run()
        if ran > 1 or len(ends) > 1:
            raise self.wrong(f"the plugin ran {ran} times, records {ends}")
        recorded = [end for end in ends if end == ("finished", "exited", 7)]
        not_started = [end for end in ends if end[0] == "abandoned" or end[1] == "not-started"]
        if ran != len(recorded) or len(recorded) + len(not_started) != len(ends):
            raise self.wrong(f"the plugin ran {ran} times, the record says {ends}")


def survey(box, who):
    """All calls of one start, as points, in their order."""
    begun = Start(box, Point("any" if who == "manager" else who, "none", 0), "log")
    begun.finish()
    seen = collections.Counter()
    points = []
    with open(begun.log, encoding="utf-8") as stream:
        for line in stream:
            by, function = line.split()
            if by == who:
                seen[function] += 1
                points.append(Point(who, function, seen[function]))
    if not points:
        raise Wrong(f"no call of the {who} was seen")
    return points
