# SPDX-License-Identifier: LGPL-2.1-or-later
"""hosts.py: the lab's verbs, the link's byte counter, the processors' load, and what an earlier bench left running."""
import fcntl
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

from bench import HarnessError

HERE = pathlib.Path(__file__).resolve().parent
LAB = HERE.parents[1] / "lab" / "lab"
LAB_ROOT = pathlib.Path(os.environ.get("VMMI_LAB_ROOT", "/run/vmmi-lab"))


class Lab:
    """One lab by name. Whoever holds it holds a lock, so that two benches do not take it down under each other."""

    def __init__(self, name, build):
        self.name = name
        self.env = dict(os.environ, VMMI_LAB=name, VMMI_LAB_BIN=str(build / "tests" / "lab"), LC_ALL="C.UTF-8")
        self.directory = LAB_ROOT / name
        self.run_dir = self.directory / "bench-run"
        self.uris = {}
        self.lock = None

    def verb(self, *words, timeout=120, check=True):
        try:
            done = subprocess.run([LAB, *map(str, words)], env=self.env, capture_output=True, text=True,
                                  timeout=timeout, stdin=subprocess.DEVNULL, check=False)
        except subprocess.TimeoutExpired as error:
            raise HarnessError(f"lab {' '.join(map(str, words))}: no end after {timeout} s") from error
        if check and done.returncode != 0:
            raise HarnessError(f"lab {' '.join(map(str, words))}: exit {done.returncode}: {done.stderr.strip()[-300:]}")
        return done.stdout

    def lock_path(self):
        return f"/run/vmmi-bench-{self.name}.lock"

    def hold(self):
        while True:
            self.lock = open(self.lock_path(), "w", encoding="ascii")
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                self.lock = None
                raise SystemExit(f"another bench uses the lab '{self.name}'") from error
            if os.path.exists(self.lock_path()) and os.path.samestat(os.fstat(self.lock.fileno()), os.stat(self.lock_path())):
                return

    def up(self):
        """A lab that is new, whatever was left of an older one."""
        self.hold()
        self.sweep()
        self.verb("down")
        self.verb("up")
        self.uris = dict(re.findall(r"^(\w+)='(.*)'$", self.verb("env"), flags=re.M))

    def down(self):
        """Takes down what up() brought up; nothing of another bench."""
        if not self.lock:
            return
        self.sweep()
        self.verb("down", check=False)
        os.unlink(self.lock_path())
        self.lock.close()
        self.lock = None

    def sweep(self):
        """Ends the managers, shims and plugins of this bench's run directory, by their environment."""
        mark = os.fsencode(str(self.run_dir))
        for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
            pid = int(path.parent.name)
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:
                continue
            ours = any(word.startswith((b"VMMI_RUN_DIR=" + mark, b"VMMI_JOB=" + mark)) for word in words)
            if ours and pid != os.getpid():
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass

    def bytes_sent(self):
        """What the source has sent through the link, by its queue's own count."""
        found = json.loads(self.verb("exec", "source", "tc", "-s", "-j", "qdisc", "show", "dev", "lab0"))
        return sum(entry.get("bytes", 0) for entry in found if entry.get("root"))

    def mark(self):
        return int(self.verb("mark"))

    def figures(self, guest, *words):
        return json.loads(self.verb("figures", guest, *words))


class Load(threading.Thread):
    """Samples how busy each processor is."""

    PERIOD = 0.25

    def __init__(self):
        super().__init__(daemon=True)
        self.samples = []
        self.ended = threading.Event()

    def look(self):
        cores = {}
        with open("/proc/stat", encoding="ascii") as file:
            for line in file:
                words = line.split()
                if re.fullmatch(r"cpu\d+", words[0]):
                    ticks = [int(word) for word in words[1:9]]
                    cores[words[0]] = (sum(ticks), ticks[3] + ticks[4])
        self.samples.append((time.clock_gettime(time.CLOCK_BOOTTIME) * 1000, cores))

    def run(self):
        while True:
            self.look()
            if self.ended.wait(self.PERIOD):
                self.look()
                return

    def stop(self):
        self.ended.set()
        self.join()

    def busy(self, start_ms, end_ms):
        """The share of each processor's time that it was busy in a stretch, in order of their names."""
        before = [cores for at, cores in self.samples if at <= start_ms] or [self.samples[0][1]]
        after = [cores for at, cores in self.samples if at >= end_ms] or [self.samples[-1][1]]
        first, last = before[-1], after[0]
        shares = []
        for core in sorted(first):
            total, idle = (last[core][i] - first[core][i] for i in (0, 1))
            shares.append(round(1 - idle / total, 3) if total > 0 else None)
        return shares
