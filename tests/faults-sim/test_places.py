#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_places.py: run directories that cannot be used, full disks, several at once, an ordinary user, and the command's own end.
The hosts are simulated.
"""
import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess

from frame import BOX, PLUGINS, SHIM, TOOL, Skip, Wrong, alive, check_object, main, record, row, same, until
from world import World

RUN_DIR, BUSY, ABORTED, DEADLINE, SYSTEM = 116, 14, 9, 16, 102
NOBODY = 65534


def refuses(path, message, code=125, error_code=RUN_DIR):
    """Nothing was started; the guest stays."""
    world = World()
    env = BOX.environment(VMMI_RUN_DIR=path)
    world.run(env=env).expect(code, message, error_code=error_code, outcome=None, id=None)
    world.untouched("guest1")


@row("run directory that cannot be made")
def run_dir_impossible():
    refuses("/proc/vmmi", "/proc/vmmi")
    refuses(BOX.write("", "file"), "directory")


@row("run directory relative")
def run_dir_relative():
    refuses("relative", "relative.*absolute|absolute.*relative")


@row("run directory writable by others")
def run_dir_open():
    path = BOX.new("open")
    os.mkdir(path)
    os.chmod(path, 0o777)
    refuses(path, f"{path}")


@row("run directory is a link")
def run_dir_link():
    target, path = BOX.new("target"), BOX.new("link")
    os.mkdir(target, 0o700)
    os.symlink(target, path)
    refuses(path, f"{path}")
    same("what is in the target", os.listdir(target), [])


@row("run directory of another owner")
def run_dir_foreign():
    if os.getuid() != 0:
        raise Skip("only root can give directories away")
    path = BOX.new("foreign")
    os.mkdir(path, 0o700)
    os.chown(path, NOBODY, NOBODY)
    refuses(path, f"{path}")


@row("run directory not writable")
def run_dir_read_only():
    path = BOX.new("readonly")
    os.mkdir(path, 0o500)
    if os.access(path, os.W_OK):
        with mounted(path, "ro"):
            refuses(path, f"{path}.*Read-only")
    else:
        refuses(path, f"{path}.*Permission denied")


@contextlib.contextmanager
def mounted(path, options):
    """A file system in memory; root only."""
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"mode=0700,{options}", "vmmi-faults", path], capture_output=True,
                          check=False)
    if done.returncode != 0:
        raise Skip(f"cannot mount: {done.stderr.decode().strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=False)


def fill(path):
    """Leaves no room on a small file system."""
    with open(os.path.join(path, "ballast"), "wb") as stream, contextlib.suppress(OSError):
        while True:
            os.write(stream.fileno(), b"x" * 4096)


@row("run directory on a full disk: nothing is started")
def disk_full():
    if os.getuid() != 0:
        raise Skip("only root can mount")
    path = BOX.new("full")
    os.mkdir(path, 0o700)
    with mounted(path, "size=64k"):
        world = World()
        env = BOX.environment(VMMI_RUN_DIR=path)
        fill(path)
        got = world.run(env=env)
        same("the exit code", got.code, 125)
        got.expect(125, "No space left", error_code=got.last()["error"]["code"], outcome=None, id=None)
        world.untouched("guest1")


@row("disk fills up during the migration: the guest arrives, the end is told")
def disk_fills():
    if os.getuid() != 0:
        raise Skip("only root can mount")
    path = BOX.new("filling")
    os.mkdir(path, 0o700)
    with mounted(path, "size=256k"):
        world = World()
        with world.migrate(env=BOX.environment(VMMI_RUN_DIR=path)) as run:
            run.state("precopy")
            fill(path)
            got = run.end().last()
        same("where", got["where"], "destination")
        same("the outcome", got["outcome"], "completed")
        world.at("destination")


@row("descriptors used up: nothing is started")
def no_descriptors():
    world = World()
    run = world.run(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8)))
    run.expect(125, "Too many open files", error_code=run.last()["error"]["code"], outcome=None, id=None)
    world.untouched("guest1")


@row("standard output full: said, and the exit code tells of the migration")
def no_output():
    world = World(speed=20)
    with open("/dev/full", "wb") as full:
        done = subprocess.run([TOOL, "-c", world.source, "--json", "migrate", "guest1", world.destination], stdout=full,
                              stderr=subprocess.PIPE, text=True, check=False, env=BOX.environment(), timeout=60)
    same("the exit code", done.returncode, 0)
    if "cannot write to standard output" not in done.stderr:
        raise Wrong(f"nothing was said: {done.stderr!r}")
    same("where the guest runs", world.where(), "destination")


@row("standard output is a pipe that nobody reads: the migration is not hurt")
def broken_pipe():
    world = World()
    read, write = os.pipe()
    with subprocess.Popen([TOOL, "-c", world.source, "--json", "migrate", "guest1", world.destination], stdout=write,
                          stderr=subprocess.DEVNULL, env=BOX.environment()) as process:
        os.close(write)
        os.read(read, 1)
        os.close(read)
        process.wait(60)
    until("the guest arrives", lambda: world.look() == "destination")


@row("two vmmi at once: one wins, the other is told")
def two_at_once():
    world = World()
    with world.migrate() as one, world.migrate() as two:
        until("one is refused", lambda: one.process.poll() is not None or two.process.poll() is not None)
        winner, loser = (two, one) if one.process.poll() is not None else (one, two)
        loser.expect(8, "already|has a policy", error_code=BUSY)
        winner.expect(0, None, outcome="completed", where="destination")
    world.at("destination")


@row("twelve vmmi at once for one guest: exactly one migrates it")
def crowd():
    world = World()
    with contextlib.ExitStack() as stack:
        runs = [stack.enter_context(world.migrate()) for _ in range(12)]
        codes = sorted(run.end().code for run in runs)
    same("the exit codes", codes, [0] + [8] * 11)
    world.at("destination")


@row("Ctrl-C: aborted, the guest stays")
def interrupted():
    world = World(link=1)
    with world.migrate() as run:
        run.state("precopy")
        run.signal(signal.SIGINT)
        run.expect(3, "interrupted: aborting", outcome="aborted", where="source", error_code=ABORTED)
    world.at("source")


@row("Ctrl-C before anything has begun")
def interrupted_early():
    world = World(link=1)
    with world.migrate() as run:
        run.state("starting")
        run.signal(signal.SIGINT)
        got = run.expect(3, "interrupted: aborting", outcome="aborted", where="source", error_code=ABORTED)
        same("the state", got["state"], "aborted")
    world.at("source")


@row("--timeout: aborted, and the guest stays")
def too_late():
    world = World(link=1)
    world.run("--timeout", "0.7").expect(7, "the deadline passed", outcome="aborted", where="source", error_code=DEADLINE)
    world.at("source")


@row("SIGTERM: detached, the guest arrives, the end is recorded")
def detached():
    world = World()
    with world.migrate() as run:
        run.state("precopy")
        run.signal(signal.SIGTERM)
        got = run.expect(4, "detached; the migration goes on", outcome=None, where=None)
        until("the end is recorded", lambda: record(got["directory"], "result.json"))
    world.at("destination")


@row("vmmi killed: the plugin goes on, its end is recorded")
def killed():
    world = World()
    with world.migrate() as run:
        run.state("precopy")
        directory, pid = run.directory(), run.helper()["pid"]
        run.signal(signal.SIGKILL)
        run.end()
        same("the plugin runs", alive(pid), True)
        result = until("the end is recorded", lambda: record(directory, "result.json"))
        same("its exit", (result["kind"], result["value"]), ("exited", 0))
    world.at("destination")


@row("an ordinary user, without root and without a run directory of their own")
def ordinary_user():
    if os.getuid() != 0:
        raise Skip("these tests run as an ordinary user already")
    place = BOX.new("user")
    link = os.path.join(PLUGINS, "touri")   # relative, to the plugin beside its folder
    for source in (TOOL, SHIM, os.path.realpath(link), link):
        target = os.path.join(place, os.path.relpath(source, os.path.dirname(os.path.dirname(os.path.dirname(TOOL)))))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(source, target, follow_symlinks=False)
    library = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(TOOL))), "src")
    os.mkdir(os.path.join(place, "src"))
    for name in os.listdir(library):
        if name.startswith("libvmmi.so") and os.path.isfile(os.path.join(library, name)):
            shutil.copy(os.path.join(library, name), os.path.join(place, "src", name))
    os.chmod(BOX.path, 0o755)
    try:
        as_user(place)
    finally:
        os.chmod(BOX.path, 0o700)


def as_user(place):
    """The whole way as the user "nobody"; its world is in its own run directory."""
    home = BOX.new("runtime")
    os.mkdir(home, 0o700)
    os.chown(home, NOBODY, NOBODY)
    env = BOX.environment(VMMI_RUN_DIR=None, XDG_RUNTIME_DIR=home, HOME=home,
                          VMMI_SHIM_PATH=os.path.join(place, "tools/shim/vmmi-shim"),
                          VMMI_PLUGIN_PATH=os.path.join(place, "tools/plugins"))
    done = subprocess.run(
        ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", os.path.join(place, "tools/vmmi/vmmi"),
         "--json", "-c", "sim:///", "migrate", "guest1", "sim:///destination"],
        capture_output=True, text=True, env=env, check=False, timeout=60, cwd="/")
    if done.returncode != 0 or done.stderr:
        raise Wrong(f"it ended with {done.returncode}: {done.stdout[-500:]} {done.stderr}")
    last = [check_object(line) for line in done.stdout.splitlines()][-1]
    same("where", last["where"], "destination")
    same("the record's place", os.path.dirname(last["directory"]), os.path.join(home, "vmmi", "jobs"))
    with open(os.path.join(home, "vmmi/sim/default.json"), encoding="utf-8") as stream:
        made = json.load(stream)["guests"][0]
    same("the guest on the destination", made["places"][1]["state"], 1)


main()
