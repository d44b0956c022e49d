# SPDX-License-Identifier: LGPL-2.1-or-later
"""plan.py: what is done in a round: which world, which plugin, who is killed when. All of it follows from seed, row and number.

Times are shares of the time that an undisturbed migration takes, which is measured: a machine that is busy today draws the same plan.
"""
import json
import os
import random

# What each row kills.
ROWS = {
    "none": (),
    "R1": ("manager",),
    "R2": ("manager", "shim"),
    "R3": ("manager", "plugin"),
    "all": ("manager", "shim", "plugin"),
    "lab": ("manager", "shim", "plugin"),
}
# What may happen to a migration by itself, and how often.
KINDS = [
    ("moves", 40), ("transient", 8), ("fails in prepare", 5), ("fails in perform", 9), ("fails in finish", 5),
    ("guest is destroyed", 4), ("kit-free", 12), ("quick lies", 7), ("sends nothing", 5), ("fails", 5),
]
PLUGINS = {"kit-free": "minimal", "quick lies": "quick", "sends nothing": "no-completion", "fails": "fails"}
# What is measured undisturbed, so that there is a time to take shares of.
UNDISTURBED = ["moves", "moves", "moves", "fails in perform", "kit-free", "kit-free", "quick lies", "sends nothing", "fails"]
SPEED = 15
# A little before its spawning and beyond the end: "from spawn to end" without gaps at the edges.
LATE = 1.12
# So many rounds in a row, each time after so many others, do without a connection to the destination.
ALONE, ALONE_EVERY = 24, 6


class Plan:
    """One round."""

    name = "guest1"

    def __init__(self, seed, row, number, kind=None):
        draw = random.Random(f"{seed}/{row}/{number}")
        self.seed, self.row, self.number = seed, row, number
        self.world = f"{row}-{number}"
        self.uuid = f"{draw.getrandbits(32):08x}-{number & 0xffff:04x}-4000-8000-{draw.getrandbits(48):012x}"
        self.kind = kind or draw.choices([kind for kind, _ in KINDS], [weight for _, weight in KINDS])[0]
        self.plugin = PLUGINS.get(self.kind, "touri")
        # What is destroyed after 400 ms shall not have arrived before.
        self.memory = draw.choice([64, 96] if self.kind == "guest is destroyed" else [8, 32, 64, 96])
        # Without a witness an outcome can be unknown; that takes time, so such rounds come together.
        self.witness = number // ALONE % ALONE_EVERY != ALONE_EVERY - 1
        self.kills = {who: draw.random() * LATE for who in ROWS[row]}

    def settings(self):
        """What is set for the plugin."""
        return [] if self.plugin in ("touri", "minimal") else ["policy.durationMs=60"]

    @staticmethod
    def see(source):
        """The URI of the destination, for whoever wants to look there; it makes the world if it comes first."""
        return source.replace("sim:///", "sim:///destination", 1)

    def guest(self):
        """The guest, as a scenario has it."""
        guest = {"name": "guest1", "uuid": self.uuid, "memoryMib": self.memory, "workingSetMib": 4,
                 "dirtyRateMibPerSecond": 2, "persistent": self.kind != "transient"}
        if self.plugin == "touri" and self.kind.startswith("fails in "):
            guest["faults"] = [{"step": self.kind.removeprefix("fails in "), "kind": "fail"}]
        if self.kind == "guest is destroyed":
            guest["events"] = [{"afterMs": 400, "do": "destroy"}]
        return guest

    def write(self, directory):
        """Writes the scenario; returns the URIs of source and destination."""
        path = os.path.join(directory, f"{self.world}.scenario")
        with open(path, "w", encoding="utf-8") as stream:
            json.dump({"vmmiSim": "scenario", "speed": SPEED, "linkMibPerSecond": 64, "guests": [self.guest()]}, stream)
        return f"sim:///?world={self.world}&scenario={path}", f"sim:///destination?world={self.world}"

    def __str__(self):
        kills = ", ".join(f"{who} at {share:.3f}" for who, share in self.kills.items())
        return f"{self.row} round {self.number} (seed {self.seed}): {self.kind}, {self.memory} MiB; kills {kills}"
