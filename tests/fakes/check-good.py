# SPDX-License-Identifier: LGPL-2.1-or-later
"""check-good.py: the plugins that were written without the library, on the lab: each really migrates a guest.

Usage: check-good.py LAB-PROGRAM PLUGIN
"""
import json
import pathlib
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "abi"))

from run_plugin import PATIENCE, Plugin, UUID   # pylint: disable=wrong-import-position
from tap import Tap                   # pylint: disable=wrong-import-position

LAB, PLUGIN = sys.argv[1:3]
NAME = pathlib.Path(PLUGIN).name
GUEST = f"good-{NAME}"
# The example of the manual: it says no more than C1 to C3 ask for, and takes nothing over.
MINIMAL = NAME == "minimal"


def lab(*arguments):
    """Runs the lab; its output."""
    return subprocess.run([LAB, *arguments], check=True, capture_output=True, text=True).stdout.strip()


class World:
    """The lab, and a fresh guest in it."""

    def __init__(self):
        lab("up")
        self.variables = dict(re.findall("(?m)^(VMMI_LAB_[A-Z_]+)='(.*)'$", lab("env")))
        self.source = self.variables["VMMI_LAB_SRC"]
        self.uuid = ""

    def virsh(self, *arguments):
        """A call to the source."""
        return subprocess.run(["virsh", "-q", f"--connect={self.source}", *arguments], check=True,
                              capture_output=True, text=True).stdout.strip()

    def guest(self, *options):
        """A fresh guest on the source."""
        lab("shape", "none")
        lab("destroy", GUEST)
        lab("guest", GUEST, "--memory", "64", "--working-set", "16", *options)
        self.uuid = self.virsh("domuuid", GUEST)

    def arguments(self, **other):
        """Those of a plugin that shall move it."""
        return [other.get("uuid", self.uuid), other.get("destination", self.variables["VMMI_LAB_DEST_URI"]),
                self.variables["VMMI_LAB_MIGRATE_URI"]]

    def plugin(self, *, arguments=None, verbose=1, **migration):
        """The plugin at work."""
        return Plugin(PLUGIN, arguments=arguments or self.arguments(),
                      configuration={"connection": self.source, "verbose": verbose, "migration": migration})

    def job_runs(self):
        """Whether the guest is being migrated, and its memory counted."""
        figures = self.virsh("domjobinfo", "--rawstats", GUEST)
        return bool(re.search("^operation: 5$", figures, re.M) and re.search("^memory_total: [1-9]", figures, re.M))


def judge(plugin, status, code=None, **wanted):
    """Complaints about the end: exit status, the one completion, its code and its words."""
    complaints = []
    got = plugin.wait()
    if got != status:
        complaints.append(f"exit status {got}, not {status}")
    completions = plugin.completions()
    if len(completions) != 1:
        return complaints + [f"{len(completions)} completions: {plugin.read('stderr')!r}"]
    completion = completions[0]
    content = completion.get(completion["result"], {})
    if completion["result"] != ("error" if code else "success"):
        complaints.append(f"the result is not as wanted: {completion}")
    for key, value in {**({"code": code} if code else {}), **({} if MINIMAL else wanted)}.items():
        if content.get(key) != value:
            complaints.append(f"'{key}' is {content.get(key)!r}, not {value!r}: {completion}")
    try:
        json.loads(plugin.read("stderr"))
    except ValueError:
        complaints.append("there is noise on standard error")
    return complaints


def where(wanted):
    """A complaint unless the guest runs there and its memory is whole."""
    found = lab("where", GUEST)
    if found != wanted:
        return [f"the guest is at {found}, not at {wanted}"]
    return [] if subprocess.run([LAB, "verify", GUEST], check=False, capture_output=True).returncode == 0 \
        else ["the guest's memory is damaged"]


def completes(world):
    """Moves the guest."""
    world.guest()
    with world.plugin() as plugin:
        return judge(plugin, 0, outcome="completed", where="destination", attached=False) + \
            where("destination") + (["unasked output"] if plugin.read("stdout") else [])


def completes_persistent(world):
    """Moves the definition, too."""
    world.guest("--persistent")
    with world.plugin() as plugin:
        complaints = judge(plugin, 0, outcome="completed") + where("destination")
    if GUEST in world.virsh("list", "--all", "--name").split():
        complaints.append("it is still defined on the source")
    return complaints


def answers(world):
    """Answers SIGUSR1, once for each, and is aborted."""
    world.guest("--fill")
    lab("shape", "4")
    with world.plugin() as plugin:
        plugin.until(world.job_runs, "no migration was started")
        for count in 1, 2:
            plugin.send(signal.SIGUSR1)
            plugin.until(lambda c=count: len(plugin.statuses()) >= c, "no status came")
        plugin.send(signal.SIGINT)
        complaints = judge(plugin, 1, 9, outcome="aborted", where="source") + where("source")
        totals = [status.get("memory", {}).get("total", 0) > 0 for status in plugin.statuses()]
        if len(totals) != 2 or not (MINIMAL or totals[1]):
            complaints.append(f"statuses: {plugin.statuses()}")
        return complaints


def keeps_silent(world):
    """With verbose 0 nothing but the completion is written (M4)."""
    world.guest("--fill")
    lab("shape", "4")
    with world.plugin(verbose=0) as plugin:
        plugin.until(world.job_runs, "no migration was started")
        plugin.send(signal.SIGUSR1)
        lab("shape", "none")
        return judge(plugin, 0) + ([f"output: {plugin.read('stdout')!r}"] if plugin.read("stdout") else [])


def aborts_early(world):
    """An abort at once is carried out, whenever it comes."""
    world.guest("--fill")
    lab("shape", "4")
    with world.plugin() as plugin:
        plugin.send(signal.SIGINT)
        return judge(plugin, 1, 9, outcome="aborted") + where("source")


def releases(world):
    """The migration goes on without it."""
    world.guest("--fill")
    lab("shape", "4")
    with world.plugin() as plugin:
        plugin.until(world.job_runs, "no migration was started")
        plugin.send(signal.SIGTERM)
        complaints = judge(plugin, 1, 13, outcome="released")
        if not world.job_runs():
            complaints.append("the migration does not go on")
    lab("shape", "none")
    return complaints + arrives()


def arrives():
    """Waits until the guest has arrived by itself."""
    deadline = time.monotonic() + PATIENCE
    while lab("where", GUEST) != "destination" and time.monotonic() < deadline:
        time.sleep(0.1)
    return where("destination")


def attaches(world):
    """Takes a running migration over (L7), which is refused when it is not wanted (B12)."""
    world.guest("--fill", "--persistent")
    lab("shape", "4")
    with world.plugin() as first:
        first.until(world.job_runs, "no migration was started")
        first.send(signal.SIGTERM)
        complaints = judge(first, 1, 13)
    with world.plugin(attach="never") as plugin:
        complaints += judge(plugin, 1, 14)
    with world.plugin(attach="only", arguments=world.arguments(destination="-")) as plugin:
        plugin.send(signal.SIGUSR1)
        plugin.until(plugin.statuses, "no status came")
        plugin.send(signal.SIGINT)
        return complaints + judge(plugin, 1, 9, attached=True, where="source") + where("source")


def refuses(world):
    """What is wrong is found before anything starts."""
    world.guest()
    complaints = []
    for code, options in ((10, {"arguments": world.arguments(uuid=UUID)}), (2, {"attach": "only"}),
                          (15, {"mode": "direct"}), (15, {"flags": ["nonsense"]}), (6, {"attach": "maybe"}),
                          (8, {"arguments": world.arguments(destination="qemu+tcp://192.0.2.2:1/system")})):
        if MINIMAL and code not in (8, 10):
            continue
        with world.plugin(**options) as plugin:
            complaints += judge(plugin, 1, code)
    return complaints + where("source")


def main():
    """One row for each."""
    tap = Tap()
    world = World()
    try:
        for row in (completes, completes_persistent, answers, keeps_silent, aborts_early, releases, attaches,
                    refuses):
            if MINIMAL and row in (completes_persistent, attaches):
                continue
            try:
                complaints = row(world)
            except (TimeoutError, subprocess.SubprocessError) as error:
                complaints = [f"{error}: {getattr(error, 'stderr', '')}"]
            tap.row(f"{row.__name__}: {row.__doc__}", complaints)
    finally:
        lab("shape", "none")
        lab("destroy", GUEST)
    return tap.end()


sys.exit(main())
