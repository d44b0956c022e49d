#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_take_over.py: a policy is put in charge of a migration of a real guest that runs already."""
import contextlib
import json
import os
import subprocess
import time

from frame import BOX, Wrong, main, record, row, same, until
from hosts import LAB, guest, lab

TAKE, POLICIES = os.environ["VMMI_LAB_TAKE"], os.environ["VMMI_KIT_POLICIES"]
ATTACHED = '"attached":true'


def environment():
    env = BOX.environment()
    env["VMMI_PLUGIN_PATH"] += ":" + POLICIES
    return env


class Taken:
    """A run of take.c."""

    def __init__(self, made, *arguments):
        self.out, self.err = BOX.new("take-out"), BOX.new("take-err")
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen([TAKE, LAB.SRC, made.name, *arguments], stdout=out, stderr=err,  # pylint: disable=consider-using-with
                                            stdin=subprocess.DEVNULL, env=environment())

    def objects(self):
        with open(self.out, encoding="utf-8") as stream:
            return [json.loads(line) for line in stream.read().split("\n")[:-1]]

    def tell(self):
        with open(self.err, encoding="utf-8") as stream:
            return stream.read()

    def begun(self):
        """It is in charge."""
        def first():
            if self.process.poll() is not None and not self.objects():
                raise Wrong(f"it could not take over: {self.tell()!r}")
            return self.objects()
        return until("it took over", first)[0]

    def completed(self):
        """Waits for its end, which must be good."""
        until("the end of the migration", lambda: self.process.poll() is not None)
        if self.process.returncode != 0:
            raise Wrong(f"it ended with {self.process.returncode}: {self.objects()[-1:]!r} {self.tell()!r}")
        got = self.objects()[-1]
        same("the outcome", got["outcome"], "completed")
        same("where the guest runs", got["where"], "destination")
        same("the error", got["error"], None)
        same("attached", got["completion"]["completion"]["success"]["attached"], True)
        return got


@contextlib.contextmanager
def taken(made, *arguments):
    run = Taken(made, *arguments)
    try:
        yield run
    finally:
        run.process.kill()
        run.process.wait()


@contextlib.contextmanager
def hard_guest():
    """One that does not arrive over this link with a pause of 900 ms, ever."""
    with guest("hard", "--memory", "96", "--working-set", "64", "--dirty-rate", "80", "--pattern", "cyclic", slow=False) as made:
        lab("shape", "38")
        try:
            yield made
        finally:
            lab("shape", "none")


def passes(made, count):
    """Waits until memory was gone through so often."""
    until(f"{count} passes", lambda: int(made.job().get("memory_iteration", 0)) >= count)


def followed(run, new):
    """The command that started the first one goes on with the next, to the end."""
    run.expect(0, outcome="completed", where="destination")
    same("whom it followed", run.last()["id"], new["id"])


def linked(old, new):
    """The records name each other, in the one direction that is written."""
    same("what the new one replaces", new["replaces"], old["id"])
    same("whose guest it is", new["uuid"], old["uuid"])
    same("what became of the old one", record(old["directory"], "outcome.json")["outcome"], "released")
    shown = record(new["directory"], "job.json")
    same("its destination", shown["uri"]["destination"], LAB.DEST_URI)


@row("virsh started it; touri takes it over")
def virsh():
    with guest() as made:
        with made.migrating():
            with taken(made, "touri") as run:
                same("what it replaces", run.begun()["replaces"], None)
                made.fast()
                got = run.completed()
        if got["sample"] is None or got["percent"] != 100:
            raise Wrong(f"it knows no figures: {got!r}")
        made.at("destination")


@row("a gentle policy is swapped for a forceful one, on a guest that would never arrive")
def swapped():
    with hard_guest() as made:
        with made.migrate("--plugin", "gentle", env=environment()) as run:
            run.state("precopy")
            began = time.monotonic()
            passes(made, 4)
            swap = time.monotonic()
            with taken(made, "forceful") as next_run:
                new = next_run.begun()
                in_charge = time.monotonic()
                got = next_run.completed()
            end = time.monotonic()
            followed(run, new)
            linked(run.objects()[0], new)
        figures = got["statistics"]
        print(f"# figures: {swap - began:.1f} s until the swap, {in_charge - swap:.2f} s for it, {end - in_charge:.1f} s after it; "
              f"paused for {figures['downtimeFinalMs']} ms; whole job {figures['elapsedMs']} ms", flush=True)
        # Counted from the start of libvirt's job, also by the one that came later.
        if figures["elapsedMs"] < (swap - began) * 1000:
            raise Wrong(f"the job took {figures['elapsedMs']} ms, less than until the swap")
        made.at("destination")


@row("the same policy goes on, with more bandwidth and another option")
def reset():
    with guest() as made:
        with made.migrate("--plugin", "gentle", env=environment()) as run:
            run.state("precopy")
            made.moving()
            with taken(made, "-", "downtimeMs=3000", "migration.params.bandwidth=1000") as next_run:
                new = next_run.begun()
                same("the plugin", new["plugin"], "gentle")
                got = next_run.completed()
            followed(run, new)
            linked(run.objects()[0], new)
        same("its option", record(new["directory"], "config.json")["configuration"]["policy"]["downtimeMs"], 3000)
        same("what was done", [(done["what"], done["value"], done["result"]) for done in got["actions"]],
             [("bandwidthMibPerSecond", 1000, "done"), ("downtimeMs", 3000, "done")])
        made.at("destination")


@row("a bare plugin replaces the one in charge, with more bandwidth")
def bare():
    content = {"connection": LAB.SRC, "migration": {"replace": True, "params": {"bandwidth": 1000}}}
    config = BOX.write(json.dumps({"vmmiVersion": "0.4.1", "contentType": "configuration", "configuration": content}))
    with guest() as made:
        with made.migrate("--plugin", "gentle", env=environment()) as run:
            run.state("precopy")
            made.moving()
            done = subprocess.run([os.path.join(POLICIES, "gentle"), made.uuid, LAB.DEST_URI, LAB.MIGRATE_URI, config], check=False,
                                  capture_output=True, text=True, env=environment(), timeout=90)
            old = run.objects()[0]
            run.expect(0, outcome="completed", where="destination")
        if done.returncode != 0 or ATTACHED not in done.stderr.replace(" ", ""):
            raise Wrong(f"it ended with {done.returncode}: {done.stderr!r}")
        new = os.path.join(BOX.run_dir, "jobs", f"{made.uuid}.2")
        same("what it replaces", record(new, "job.json")["replaces"], old["id"])
        made.at("destination")


if __name__ == "__main__":
    main()
