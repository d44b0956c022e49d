#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""race.py: two managers that start for one guest at once (row R22), and managers in a process that ignores SIGCHLD or has
another thread that reaps every child (row R23).

Usage: race.py R22|R23... [--count N] [--seed N] [--progress]

R22: exactly one starts, the other is told "busy" with the id of the one that did; no record of the loser is left. Guests are used
again and again, also while the claim of a dead migration is still there. R23: each migration ends as it would elsewhere.
"""
import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

import procs
from batch import MANAGER, PATIENCE, Box, make_plugins

BUSY = 14           # guest-busy, as an error's code
GUESTS = 8
BESIDE = 8          # migrations of one manager at once, in R23
REAL_EVERY = 10     # one race in so many is about a real migration
WORDS = {"fails": ("failed", "exited", 1), "quick": ("failed", "exited", 0), "killed": ("failed", "killed", 9),
         "touri": ("completed", "exited", 0), "no-completion": ("failed", "exited", 0)}


class Wrong(Exception):
    """Something is not as it should be."""


class Manager:
    """A manager that is told what to do, line by line."""

    def __init__(self, box, *options):
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            [MANAGER, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=box.environment(), bufsize=0)
        self.buffer = b""
        self.kept = []

    def tell(self, *words):
        self.process.stdin.write(("\t".join(words) + "\n").encode())

    def read(self):
        """The next object that it prints."""
        while b"\n" not in self.buffer:
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                raise Wrong(f"the manager ended: {self.process.wait()}")
            self.buffer += more
        line, _, self.buffer = self.buffer.partition(b"\n")
        return json.loads(line)

    def hear(self, *events):
        """The next object of one of these kinds; others are kept for later."""
        for got in self.kept:
            if got["event"] in events:
                self.kept.remove(got)
                return got
        while True:
            got = self.read()
            if got["event"] in events:
                return got
            self.kept.append(got)

    def end(self):
        self.process.stdin.close()
        while os.read(self.process.stdout.fileno(), 65536):
            pass
        status = self.process.wait(PATIENCE)
        if status != 0:
            raise Wrong(f"a manager ended with {status}")


def wait_for(what, condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise Wrong(f"waited too long for {what}")
        time.sleep(0.001)


# --- R22 ----------------------------------------------------------------------------------------------------------------


class Races:
    """Two managers, and guests that they race for."""

    def __init__(self, box, draw):
        self.box, self.draw = box, draw
        self.managers = [Manager(box), Manager(box)]
        self.last = {}      # guest: directory of the last winner's record
        self.wins = [0, 0]
        self.ids = set()

    def target(self, number):
        """What both want to start: URI, guest, destination, plugin, setting."""
        if number % REAL_EVERY:
            world = f"guests={GUESTS}&memory=8"
            return (f"sim:///?world=race&{world}", f"guest{1 + number % GUESTS}", "sim:///destination?world=race", "quick",
                    f"policy.durationMs={self.draw.choice([30, 60])}")
        return (f"sim:///?world=real-{number}&memory=8&speed=20", "guest1", f"sim:///destination?world=real-{number}",
                "touri", None)

    def run(self, number):
        uri, guest, destination, plugin, setting = self.target(number)
        if guest in self.last and plugin == "quick":
            wait_for("the last winner's end", lambda: os.path.exists(os.path.join(self.last[guest], "result.json")))
        order = self.draw.sample(self.managers, 2)
        pause = self.draw.choice([0, 0, 0, 0.0005, 0.002])
        words = ["start", uri, guest, destination, plugin, "-", *([setting] if setting else [])]
        order[0].tell(*words)
        if pause:
            time.sleep(pause)
        order[1].tell(*words)
        answers = [manager.hear("started", "refused") for manager in self.managers]
        self.judge(answers)
        winner = 0 if answers[0]["event"] == "started" else 1
        if plugin == "touri":
            self.come_late(self.managers[1 - winner], words, answers[winner]["id"])
        self.wins[winner] += 1
        self.ids.add(answers[winner]["id"])
        if plugin == "quick":
            self.last[guest] = os.path.join(self.box.run_dir, "jobs", answers[winner]["id"])
        # A manager that leaves settles nothing: the claim stays, and is the next race's to replace.
        if self.draw.random() < 0.5:
            self.managers[winner].tell("leave")
            self.managers[winner].hear("left")
            self.managers[winner].kept = []
        else:
            self.managers[winner].hear("end")

    def come_late(self, manager, words, winner):
        """Once more, while the guest is being moved: the same answer, or there is no guest any more."""
        while True:
            manager.tell(*words)
            got = manager.hear("started", "refused")
            if got["event"] == "started":
                if not os.path.exists(os.path.join(self.box.run_dir, "jobs", winner, "result.json")):
                    raise Wrong(f"started while {winner} is there: {got}")
                self.ids.add(got["id"])
                manager.hear("end")
                return
            if got["code"] != BUSY:
                return
            if winner not in got["message"]:
                raise Wrong(f"{winner} moves the guest, and the other was told {got}")

    def after_each_other(self, answers):
        """On a busy machine the first may have ended before the second was looked at."""
        paths = [os.path.join(self.box.run_dir, "jobs", answer["id"]) for answer in answers]
        for path in paths:
            wait_for("a result", lambda where=path: os.path.exists(os.path.join(where, "result.json")))
        made = [procs.read_json(os.path.join(path, "job.json"))["createdBoottimeMs"] for path in paths]
        ended = [procs.read_json(os.path.join(path, "result.json"))["endedBoottimeMs"] for path in paths]
        self.ids.update(answer["id"] for answer in answers)
        return made[1] >= ended[0] or made[0] >= ended[1]

    def judge(self, answers):
        events = sorted(answer["event"] for answer in answers)
        if events == ["started", "started"] and self.after_each_other(answers):
            return
        if events != ["refused", "started"]:
            raise Wrong(f"both are {events}: {answers}")
        won, lost = sorted(answers, key=lambda answer: answer["event"] != "started")
        if lost["code"] != BUSY or won["id"] not in lost["message"] + lost["details"]:
            raise Wrong(f"{won} won, and the other was told {lost}")

    def end(self):
        for manager in self.managers:
            manager.end()
        left = set(os.listdir(os.path.join(self.box.run_dir, "jobs")))
        if left != self.ids:
            raise Wrong(f"records of losers: {sorted(left - self.ids)}, records that are gone: {sorted(self.ids - left)}")


def races(arguments, box, draw):
    """Row R22."""
    match = Races(box, draw)
    for number in range(arguments.count):
        try:
            match.run(number)
        except Wrong as error:
            raise Wrong(f"race {number}: {error}") from None
        if arguments.progress and number % 500 == 499:
            print(f"# {number + 1} races", flush=True)
    match.end()
    return f"{arguments.count} races, won {match.wins[0]} and {match.wins[1]}, each other one was told who had"


# --- R23 ----------------------------------------------------------------------------------------------------------------


def check_end(got, plugin):
    """It ended as it would in a manager that minds its children."""
    said = got["migration"]
    if (said["outcome"], said["exit"]["kind"], said["exit"]["value"]) != WORDS[plugin]:
        raise Wrong(f"{plugin} ended as {said['outcome']}, {said['exit']}")


def orphaned(arguments, box, draw):
    """Row R23: both kinds of disorder by turns, BESIDE migrations at once."""
    managers = [Manager(box, "--sigchld=ignore"), Manager(box, "--sigchld=steal")]
    done = 0
    while done < arguments.count:
        manager = managers[done // BESIDE % 2]
        plugins = [draw.choice(list(WORDS)) for _ in range(BESIDE)]
        started = {}
        for index, plugin in enumerate(plugins):
            world = f"child-{done + index}"
            manager.tell("start", f"sim:///?world={world}&memory=8&speed=20", "guest1", f"sim:///destination?world={world}",
                         plugin, "-", *(["policy.durationMs=10"] if plugin != "touri" else []))
            answer = manager.hear("started", "refused")
            if answer["event"] != "started":
                raise Wrong(f"{plugin} was refused: {answer}")
            started[answer["id"]] = plugin
        for _ in plugins:
            got = manager.hear("end")
            check_end(got, started.pop(got["id"]))
        done += len(plugins)
    for manager in managers:
        manager.end()
    return f"{done} migrations, each ended as it would elsewhere"


ROWS = {"R22": ("two managers start for one guest at once", races, 300),
        "R23": ("SIGCHLD ignored, and children reaped by others", orphaned, 56)}


def run_row(number, row, arguments, plugins):
    name, function, count = ROWS[row]
    arguments.count = max(8, (arguments.wanted or count) // int(os.environ.get("VMMI_TEST_SHARE", "1")))
    box, began = Box(plugins), time.monotonic()
    try:
        text, good = function(arguments, box, random.Random(f"{arguments.seed}/{row}")), True
    except Wrong as error:
        text, good = str(error), False
    finally:
        box.remove()
    print(f"{'ok' if good else 'not ok'} {number} - {row}: {name}", flush=True)
    print(f"# {text}\n# seed {arguments.seed}, {time.monotonic() - began:.1f} s", flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="+", choices=list(ROWS))
    parser.add_argument("--count", type=int, dest="wanted")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--progress", action="store_true")
    arguments = parser.parse_args()
    if arguments.seed is None:
        arguments.seed = random.SystemRandom().randrange(10 ** 6)
    print(f"1..{len(arguments.rows)}", flush=True)
    path = tempfile.mkdtemp(prefix="vmmi-kill-plugins-")
    try:
        plugins = make_plugins(path)
        good = [run_row(number, row, arguments, plugins) for number, row in enumerate(arguments.rows, 1)]
    finally:
        shutil.rmtree(path, ignore_errors=True)
    sys.exit(0 if all(good) else 1)


main()
