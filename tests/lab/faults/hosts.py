# SPDX-License-Identifier: LGPL-2.1-or-later
"""hosts.py: the lab for rows: two hosts, guests, and what is known about them without libvmmi."""
import contextlib
import os
import re
import shlex
import subprocess

from frame import PATIENCE, Run, Skip, Wrong, running, same, until

LAB_PROGRAM = os.environ["VMMI_LAB_PROGRAM"]
FULL_SPEED = 8796093022207   # MiB/s, libvirt's own "no limit"


def call(*command, check=True):
    """A program that ends by itself; returns its output."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False,
                          env={**os.environ, "LC_ALL": "C"})
    if check and done.returncode != 0:
        raise Wrong(f"{shlex.join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout.strip()


def lab(*arguments, check=True):
    return call(LAB_PROGRAM, *arguments, check=check)


class Lab:
    """The lab of this build directory."""

    def __init__(self):
        self.env = {}

    def up(self, *arguments):
        """Brings it up, or mends it."""
        if os.getuid() != 0:
            raise Skip("the lab needs root")
        lab("up", *arguments)
        self.read()

    def read(self):
        self.env = dict(re.findall(r"^VMMI_LAB_(\w+)='(.*)'$", lab("env"), re.M))

    def __getattr__(self, name):
        if name not in self.env:
            self.up()
        return self.env[name]

    def pid(self, side):
        """libvirtd of that side."""
        self.read()
        return int(self.env[f"{side.upper()}_PID"])


LAB = Lab()


class Guest:
    """A guest of the lab."""

    def __init__(self, name):
        self.name = name
        self.uuid = self.virsh("domuuid", name)

    def virsh(self, *arguments, host=None, check=True):
        return call("virsh", "-q", "-c", host or LAB.SRC, *arguments, check=check)

    def slow(self):
        """From now on it cannot be migrated faster than 1 MiB/s: slower than it works."""
        self.virsh("migrate-setspeed", self.name, "1")
        return self

    def fast(self):
        """Lets a migration end."""
        self.virsh("migrate-setspeed", self.name, str(FULL_SPEED))
        return self

    def job(self):
        """libvirt's figures of the migration that runs; none when there is none."""
        text = self.virsh("domjobinfo", "--rawstats", self.name, check=False)
        figures = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
        return figures if figures.get("operation") == "5" else {}

    def moving(self):
        """Waits until memory flows."""
        until("memory flows", lambda: int(self.job().get("memory_processed", 0)) > 65536)

    def still(self):
        """Waits until no migration runs."""
        until("the migration has ended", lambda: not self.job())

    def where(self):
        return lab("where", self.name)

    def at(self, place):
        """The guest runs there, nowhere else, all in one piece. On a busy machine beats may be lost or damaged on their way out: only a
        guest that fell back to an older memory repeats them."""
        same("where the guest runs", self.where(), place)
        lab("verify", self.name)
        figures = dict(line.split("=", 1) for line in lab("beats", self.name).splitlines() if "=" in line)
        if figures["damaged"] == "0":
            same("the guest's repeated beats", figures["repeated"], "0")

    def arrives(self):
        """It comes to the destination by itself."""
        until("the guest is on the destination", lambda: self.where() == "destination")
        self.at("destination")

    @contextlib.contextmanager
    def migrating(self, *options):
        """virsh migrates it; the block begins when memory flows, and ends after virsh."""
        command = ["virsh", "-q", "-c", LAB.SRC, "migrate", "--live", "--p2p", *options, self.name, LAB.DEST_URI,
                   LAB.MIGRATE_URI]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            self.moving()
            try:
                yield process
                process.wait(PATIENCE)
            finally:
                process.terminate()

    def migrate(self, *arguments, destination=None, data=None, **options):
        """vmmi migrate, started, under touri unless a plugin is named; ends with the block."""
        if not any(word.startswith(("--plugin", "-p")) for word in arguments):
            arguments = ("--plugin=touri", *arguments)
        return running("migrate", self.name, destination or LAB.DEST_URI, data or LAB.MIGRATE_URI, *arguments,
                       source=options.pop("source", LAB.SRC), **options)

    def run(self, *arguments, **options):
        """vmmi migrate, to its end."""
        with self.migrate(*arguments, **options) as run:
            return run.end()


@contextlib.contextmanager
def guest(name="faults", *options, slow=True):
    """A small busy guest on the source. A slow one stays in pre-copy until it is told to be fast."""
    if not LAB.env:
        LAB.up()
    lab("destroy", name, check=False)
    lab("guest", name, "--memory", "64", "--working-set", "16", "--dirty-rate", "6", *options)
    try:
        made = Guest(name)
        yield made.slow() if slow else made
    finally:
        lab("destroy", name, check=False)


@contextlib.contextmanager
def mended():
    """Whatever a row does to the hosts and to the link is put right."""
    try:
        yield
    finally:
        lab("mend", check=False)
        for side in ("source", "destination"):
            lab("start", side, check=False)
        LAB.read()


@contextlib.contextmanager
def another_lab(suffix, *arguments):
    """A lab of the block's own takes the place of the usual one."""
    if os.getuid() != 0:
        raise Skip("the lab needs root")
    usual = os.environ.get("VMMI_LAB")
    os.environ["VMMI_LAB"] = (usual or "default") + suffix
    LAB.env = {}
    try:
        LAB.up(*arguments)
        yield
    finally:
        lab("down", check=False)
        LAB.env = {}
        if usual is None:
            del os.environ["VMMI_LAB"]
        else:
            os.environ["VMMI_LAB"] = usual


__all__ = ["FULL_SPEED", "LAB", "Guest", "Run", "another_lab", "call", "guest", "lab", "mended"]
