#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_plugins.py: plugins that are not there, may not be run, cannot be run, or misbehave. The hosts are simulated."""
import os
import shutil
import signal

from frame import BOX, Skip, main, row, same, until
from world import World

UNKNOWN, REFUSED, LAUNCH, PROTOCOL, CRASHED = 109, 110, 111, 112, 113
SHELL = "#!/bin/sh\n"
DESCRIBED = SHELL + '[ "$1" != --vmmi-describe ] || exit 1\n'
SUCCESS = ('{"vmmiVersion": "0.4.1", "contentType": "completion", "timestamp": 1, '
           '"completion": {"result": "success", "success": {}}}')


def refuses(name, code, message, error_code, path=None):
    """No plugin process was started: the world was not touched, no record is left."""
    try:
        World().refuses(code, message, "--plugin", name, error_code=error_code)
    finally:
        if path and os.path.lexists(path):
            shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)


@row("plugin missing")
def missing():
    refuses("nosuch", 5, "there is no plugin 'nosuch'", UNKNOWN)


@row("plugin with a name that no plugin can have")
def bad_name():
    for name in ("../touri", "migrate", ""):
        World().refuses(125, "plugin", "--plugin", name, error_code=REFUSED)


@row("plugin not executable")
def not_executable():
    path = os.path.join(BOX.plugins, BOX.plugin("plain", DESCRIBED, 0o644))
    refuses("plain", 125, f"{path}.*execut", REFUSED, path)


@row("plugin writable by others")
def writable():
    for mode in (0o757, 0o777):
        path = os.path.join(BOX.plugins, BOX.plugin("open", DESCRIBED, mode))
        refuses("open", 125, f"{path}.*writ", REFUSED, path)


@row("plugin in a directory writable by others")
def writable_directory():
    path = os.path.join(BOX.plugins, BOX.plugin("inside", DESCRIBED))
    os.chmod(BOX.plugins, 0o777)
    try:
        refuses("inside", 125, f"{BOX.plugins}.*writ", REFUSED, path)
    finally:
        os.chmod(BOX.plugins, 0o755)


@row("plugin of another owner")
def foreign():
    if os.getuid() != 0:
        raise Skip("only root can give files away")
    path = os.path.join(BOX.plugins, BOX.plugin("foreign", DESCRIBED))
    os.chown(path, 65534, 65534)
    refuses("foreign", 125, f"{path}.*own", REFUSED, path)


@row("plugin is a directory")
def directory():
    path = os.path.join(BOX.plugins, "folder")
    os.mkdir(path)
    refuses("folder", 125, f"{path}.*regular file|{path}.*directory", REFUSED, path)


@row("plugin is a dangling link")
def dangling():
    path = os.path.join(BOX.plugins, "dangling")
    os.symlink(BOX.at("nothing"), path)
    refuses("dangling", 125, f"'dangling'.*{BOX.at('nothing')}.*link", REFUSED, path)


@row("plugin without its interpreter")
def no_interpreter():
    path = os.path.join(BOX.plugins, BOX.plugin("lost", "#!/nonexistent/interpreter\n"))
    refuses("lost", 125, "lost.*No such file", LAUNCH, path)


@row("plugin that is no program")
def no_program():
    path = os.path.join(BOX.plugins, BOX.plugin("data", "\x7fELF and nothing else\n"))
    refuses("data", 125, "data.*Exec format error", LAUNCH, path)


@row("shim missing")
def no_shim():
    World().refuses(125, "vmmi-shim|no-shim", env=BOX.environment(VMMI_SHIM_PATH=BOX.at("no-shim")), error_code=LAUNCH)


def misbehaves(name, text, code, message, outcome="failed", where="source", **last):
    """A row with a plugin that migrates nothing: the guest stays, and the outcome says so."""
    @row(name)
    def check():
        BOX.plugin("bad", DESCRIBED + "cat >/dev/null\n" + text)
        world = World()
        world.run("--plugin", "bad").expect(code, message, outcome=outcome, where=where, state=outcome, **last)
        world.at("source")


misbehaves("plugin says nothing and ends", "exit 0\n", 1, "'bad' ended with exit status 0, without a completion",
           error_code=PROTOCOL)
misbehaves("plugin lies: success, and the guest has not moved", f"echo '{SUCCESS}' >&2\n", 1,
           "'bad' says success, but the guest has not moved", error_code=PROTOCOL)
misbehaves("plugin crashes", "kill -SEGV $$\n", 1, "'bad' was killed by signal 11", error_code=CRASHED)
misbehaves("plugin writes garbage", "echo '{\"contentType\":' >&2; exit 3\n", 1, "exit status 3, without a completion",
           error_code=PROTOCOL)
misbehaves("plugin contradicts itself", f"echo '{SUCCESS}' >&2; exit 1\n", 1, "'bad'.*success", error_code=PROTOCOL)


@row("plugin killed in mid-flight: the migration goes on, its end is told")
def killed():
    world = World()
    with world.migrate() as run:
        run.state("precopy")
        os.kill(run.helper()["pid"], signal.SIGKILL)
        run.state("unattended")
        got = run.expect(0, "'touri' was killed by signal 9", outcome="completed", where="destination", error_code=CRASHED)
    same("the end of the plugin", got["exit"], {"kind": "killed", "value": 9})
    world.at("destination")


@row("shim killed in mid-flight: only the exit status is lost")
def shim_killed():
    world = World()
    with world.migrate() as run:
        run.state("precopy")
        os.kill(run.helper()["shimPid"], signal.SIGKILL)
        got = run.expect(0, None, outcome="completed", where="destination")
    same("the end of the plugin", got["exit"]["kind"], "unknown")
    world.at("destination")


@row("shim and plugin killed in mid-flight")
def both_killed():
    world = World()
    with world.migrate() as run:
        run.state("precopy")
        helper = run.helper()
        os.kill(helper["shimPid"], signal.SIGKILL)
        os.kill(helper["pid"], signal.SIGKILL)
        got = run.expect(0, "'touri' ended, nobody saw how", outcome="completed", where="destination", error_code=CRASHED)
    same("the end of the plugin", got["exit"]["kind"], "unknown")
    world.at("destination")


@row("plugin hangs in mid-flight: Ctrl-C aborts through the host")
def hung():
    world = World(link=1)
    with world.migrate() as run:
        run.state("precopy")
        pid = run.helper()["pid"]
        os.kill(pid, signal.SIGSTOP)
        run.signal(signal.SIGINT)
        until("the host has aborted", lambda: not [made for made in world.read()["guests"] if "job" in made])
        same("where the guest runs", world.where(), "source")
        os.kill(pid, signal.SIGKILL)
        got = run.expect(3, "was aborted", outcome="aborted", where="source", error_code=9)
    same("the end of the plugin", got["exit"]["kind"], "killed")


@row("plugin asked to end: the migration goes on")
def released():
    world = World()
    with world.migrate() as run:
        run.state("precopy")
        os.kill(run.helper()["pid"], signal.SIGTERM)
        run.expect(4, "the migration goes on", outcome="released", state="released", error_code=13)
        until("the guest arrives", lambda: world.look() == "destination")


main()
