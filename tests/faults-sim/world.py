# SPDX-License-Identifier: LGPL-2.1-or-later
"""world.py: simulated hosts for rows: a new world for each, and where its guests are, read from its own file."""
import json

from frame import BOX, Run, Wrong, running, same

RUNNING, PAUSED, ABSENT = 1, 2, 5
PLACES = ("source", "destination")


class World:
    """A world of its own, with the three usual guests or those that the parameters describe."""

    def __init__(self, **parameters):
        BOX.count += 1
        self.path = BOX.at(f"world-{BOX.count}.json")
        query = "".join(f"&{key.replace('_', '-')}={value}" for key, value in parameters.items())
        self.source = f"sim:///?file={self.path}{query}"
        self.destination = f"sim:///destination?file={self.path}{query}"

    def read(self):
        with open(self.path, encoding="utf-8") as stream:
            return json.load(stream)

    def where(self, name="guest1"):
        """The host on which the guest runs, as the world's file has it."""
        found = [made for made in self.read()["guests"] if made["name"] == name]
        if not found:
            raise Wrong(f"the world has no guest {name}")
        places = [side for side, place in zip(PLACES, found[0]["places"]) if place["state"] == RUNNING]
        return places[0] if len(places) == 1 else "both" if places else "nowhere"

    def look(self, name="guest1"):
        """The same at present: the world goes on when somebody opens it."""
        Run("migrate", "nobody", self.destination, source=self.source).end()
        return self.where(name)

    def at(self, place, name="guest1"):
        same("where the guest runs", self.where(name), place)

    def migrate(self, *arguments, guest="guest1", destination=None, **options):
        """vmmi migrate, started, under touri unless a plugin is named; ends with the block."""
        if not any(word.startswith(("--plugin", "-p")) for word in arguments):
            arguments = ("--plugin=touri", *arguments)
        return running("migrate", guest, destination or self.destination, *arguments,
                       source=options.pop("source", self.source), **options)

    def run(self, *arguments, **options):
        """vmmi migrate, to its end."""
        with self.migrate(*arguments, **options) as run:
            return run.end()

    def refuses(self, code, message, *arguments, error_code, guest="guest1", destination=None, **options):
        """vmmi migrate starts nothing, and the guest stays."""
        before = BOX.jobs()
        got = self.run(*arguments, guest=guest, destination=destination, **options)
        got.expect(code, message, error_code=error_code, outcome=None, state=None, where=None, id=None)
        same("the records", BOX.jobs(), before)
        plain = self.run(*arguments, guest=guest, destination=destination, plain=True, **options)
        plain.expect(code, message)
        same("standard output", plain.out(), "")
        self.untouched(guest)

    def untouched(self, name):
        """Nobody has even begun to move the guest."""
        try:
            found = [made for made in self.read()["guests"] if made["name"] == name]
        except FileNotFoundError:
            return
        for made in found:
            same("the guest on the source", made["places"][0]["state"], RUNNING)
            same("the guest's last migration", made.get("last"), None)
            same("the guest's migration", made.get("job"), None)


__all__ = ["ABSENT", "BOX", "PAUSED", "RUNNING", "Run", "World"]
