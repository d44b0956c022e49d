#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""lab.py: real migrations between the two libvirt hosts of the lab, whose manager, shim and plugin are killed at random moments.

Usage: lab.py [--count N] [--seed N] [--progress]

Two guests go to and fro, one of them persistent. After each round the guest runs on exactly one host, its memory is
verified, no migration of it runs, and the outcome that the next manager tells is the truth. Needs root.
"""
import argparse
import os
import random
import re
import subprocess
import sys
import time

import procs
from batch import Batch, Durations
from figures import Figures, run_batch, show

LAB = os.environ["VMMI_LAB_PROGRAM"]
ACTORS = ("manager", "shim", "plugin")
LATE = 1.1
OTHER = {"source": "destination", "destination": "source"}


def call(*command, check=True):
    """A program that ends by itself; returns its output."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False,
                          env={**os.environ, "LC_ALL": "C"})
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout.strip()


class Guest:
    """A guest of the lab, and where it is."""

    def __init__(self, name, env, *options):
        self.name, self.env = name, env
        call(LAB, "guest", name, "--memory", "32", "--working-set", "6", "--dirty-rate", "6", *options)
        self.uuid = call("virsh", "-q", "-c", env["SRC"], "domuuid", name)
        self.place = "source"

    def uris(self):
        """From where it is: the host, the destination with its migration URI, and that host as seen from here."""
        env, back = self.env, "" if self.place == "source" else "BACK_"
        hosts = {"source": env["SRC"], "destination": env["DST"]}
        return hosts[self.place], f"{env[back + 'DEST_URI']} {env[back + 'MIGRATE_URI']}", hosts[OTHER[self.place]]

    def look(self):
        """Where it is now, as a simulated world would be shown, with roles for hosts; and what is wrong with it."""
        where, wrong = call(LAB, "where", self.name), []
        hosts = {}
        for side in ("source", "destination"):
            if where in (side, "both"):
                hosts[side] = {"state": "running"}
        if where in OTHER:
            uri = self.env["SRC" if where == "source" else "DST"]
            if re.search("^Operation: *(Out|In)", call("virsh", "-q", "-c", uri, "domjobinfo", self.name, check=False), re.M):
                wrong.append(f"{self.name} is still being moved")
        else:
            wrong.append(f"{self.name} runs on: {where}: {call(LAB, 'states', self.name)}")
        verified = call(LAB, "verify", self.name, check=False)
        if not verified.startswith("V ok"):
            wrong.append(f"{self.name} is damaged: {verified}")
        roles = hosts if self.place == "source" else {OTHER[side]: state for side, state in hosts.items()}
        self.place = where if where in OTHER else self.place
        return {"guests": [{"name": self.name, "uuid": self.uuid, "hosts": roles}]}, wrong


class LabPlan:
    """One round, as plan.py has them for simulated hosts."""

    def __init__(self, seed, number, guest, disturbed=True):
        draw = random.Random(f"{seed}/lab/{number}/{guest.name}")
        self.seed, self.row, self.number, self.guest = seed, "lab", number, guest
        self.name, self.world, self.uuid = guest.name, f"{guest.name}-{number}", guest.uuid
        self.kind, self.plugin, self.witness = "moves", "touri", True
        actors = draw.sample(ACTORS, draw.randint(1, 3)) if disturbed else []
        self.kills = {who: draw.random() * LATE for who in actors}

    def settings(self):
        return []

    def write(self, _):
        source, destination, _ = self.guest.uris()
        return source, destination

    def see(self, _):
        return self.guest.uris()[2]

    def __str__(self):
        kills = ", ".join(f"{who} at {share:.3f}" for who, share in self.kills.items())
        return f"lab round {self.number} (seed {self.seed}): {self.name} from the {self.guest.place}; kills {kills}"


class LabBatch(Batch):
    """Both guests at once."""

    simulated = False

    def look(self):
        for each in self.rounds:
            each.world, wrong = each.plan.guest.look()
            self.complaints += wrong

    def take(self, text):
        """Ids are told apart; there are no worlds."""
        super().take(text)


def run(arguments, guests):
    """All rounds; returns the figures."""
    figures, durations, number = Figures("lab"), Durations(), 0
    for _ in range(2):
        plans = [LabPlan(arguments.seed, -1, guest, disturbed=False) for guest in guests]
        run_batch(Figures("none"), LabBatch(plans, os.environ["VMMI_PLUGINS"], durations), False)
    while number < arguments.count:
        plans = [LabPlan(arguments.seed, number + index, guest) for index, guest in enumerate(guests)]
        run_batch(figures, LabBatch(plans, os.environ["VMMI_PLUGINS"], durations), False)
        number += len(guests)
        if arguments.progress and number % 50 == 0:
            show(figures.tell())
        if figures.left:
            break   # a guest that is not where it should be spoils every round behind it
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--progress", action="store_true")
    arguments = parser.parse_args()
    if arguments.seed is None:
        arguments.seed = random.SystemRandom().randrange(10 ** 6)
    print("1..1", flush=True)
    if os.getuid() != 0:
        print("ok 1 - lab # SKIP the lab needs root")
        return
    arguments.count = max(8, arguments.count // int(os.environ.get("VMMI_TEST_SHARE", "1")))
    began = time.monotonic()
    call(LAB, "up")
    env = dict(re.findall(r"^VMMI_LAB_(\w+)='(.*)'$", call(LAB, "env"), re.M))
    guests = [Guest("kill1", env), Guest("kill2", env, "--persistent")]
    # Not before the lab is up: its processes are not this program's.
    procs.become_subreaper()
    try:
        figures = run(arguments, guests)
    finally:
        for guest in guests:
            call(LAB, "destroy", guest.name, check=False)
    print(f"{'ok' if figures.good() else 'not ok'} 1 - lab: manager, shim and plugin killed, alone and together", flush=True)
    show([*figures.tell(), f"  seed {arguments.seed}, {time.monotonic() - began:.1f} s"])
    sys.exit(0 if figures.good() else 1)


main()
