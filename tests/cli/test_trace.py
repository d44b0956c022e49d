# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_trace.py: what a policy writes down for others: vmmi migrate --trace and vmmi attach --trace, on simulated hosts."""
import json
import os
import stat
import subprocess

import tracefile
from simworld import World
from tool import PATIENCE, TOOL, main

STRANGER = """#!/bin/sh
[ "$1" = --vmmi-describe ] && echo '{"name": "stranger", "version": "1", "summary": "s", "protocolVersions": ["0.4.1"]}' && exit 0
exit 1
"""


def add_stranger(world):
    """A plugin that was not made with the kit."""
    folder = os.path.join(world.folder.name, "plugins")
    os.mkdir(folder, 0o700)
    path = os.path.join(folder, "stranger")
    with open(path, "w", encoding="utf-8") as file:
        file.write(STRANGER)
    os.chmod(path, 0o700)
    world.env["VMMI_PLUGIN_PATH"] = f"{folder}:{world.env['VMMI_PLUGIN_PATH']}"


def journal(world, name):
    return tracefile.read(os.path.join(world.env["VMMI_RUN_DIR"], "jobs", name, "journal"))


def test_whole():
    """From the start to the end, the same as in the journal."""
    with World("speed=1") as world:
        path = os.path.join(world.folder.name, "trace")
        code, out, err = world.migrate("--plugin", "stall", "--set", "maxDowntimeMs=700", "--set",
                                       "migration.params.bandwidth=50", "--set", "migration.flags=[\"auto_converge\"]", "--trace", path)
        assert code == 0, (out, err)
        entries = tracefile.read(path)
        first, last = entries[0], entries[-1]
        data = first["data"]
        assert first["kind"] == "start" and data["format"] == "vmmi-trace" and data["formatVersion"] == 1, first
        assert data["policy"] == "stall" and data["plugin"] == "stall" and data["pid"] and data["attached"] is False
        assert data["guest"]["name"] == "guest1" and data["options"]["maxDowntimeMs"] == 700, data
        assert data["mode"] == "p2p" and data["flags"] == ["auto_converge"] and "shadow" not in data, data
        seen = tracefile.states(entries)
        assert seen[:2] == ["starting", "begin"] and "precopy" in seen and seen[-1] == "completed", seen
        begin = [entry for entry in entries if entry["kind"] == "state" and entry["state"] == "begin"][0]
        assert begin["data"]["flags"] == ["auto_converge"], begin
        samples = tracefile.of_kind(entries, "sample")
        assert samples and samples[0]["reason"] and "elapsedMs" in samples[-1]["sample"], samples[:1]
        actions = tracefile.of_kind(entries, "action")
        assert actions, seen
        for action in (entry["data"] for entry in actions):
            assert action["reason"] and action["result"] in ("done", "failed", "dropped"), action
            assert action["decidedBoottimeMs"] == data["policyBoottimeMs"] + action["atMs"], action
        assert last["kind"] == "end" and last["data"]["outcome"] == "completed" and last["data"]["statistics"], last
        name = world.run("list", "--json").objects()[0]["id"]
        assert journal(world, name) == entries
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_relative():
    """A path is one of the directory that the command was called in; what was in the file goes."""
    with World("speed=20") as world:
        path = os.path.join(world.folder.name, "trace")
        with open(path, "w", encoding="utf-8") as file:
            file.write("old\n" * 100)
        done = subprocess.run([TOOL, "-c", world.source, "migrate", "guest1", world.destination, "--plugin", "touri", "--trace",
                               "./trace"], env=world.env, capture_output=True, text=True, cwd=world.folder.name, check=False,
                              timeout=PATIENCE)
        assert done.returncode == 0, done
        assert tracefile.read(path)[-1]["kind"] == "end"


def test_bad_paths():
    """An error by name, and nothing is started."""
    with World("speed=1") as world:
        folder = world.folder.name
        os.mkfifo(os.path.join(folder, "fifo"))
        os.symlink("elsewhere", os.path.join(folder, "link"))
        add_stranger(world)
        for plugin, path, text in (("touri", folder, "is not a regular file"), ("touri", "/nonexistent/trace", "/nonexistent/trace"),
                                   ("touri", f"{folder}/fifo", "is not a regular file"),
                                   ("touri", f"{folder}/link", "is not a regular file"),
                                   ("touri", "/dev/full", "is not a regular file"),
                                   ("stranger", f"{folder}/trace", "feature 'trace'")):
            code, out, err = world.migrate("--plugin", plugin, "--trace", path, "--json")
            error = json.loads(out)["error"]
            assert code in (2, 125) and text in error["message"] and text in err, (path, code, out, err)
        code, out, err = world.migrate("--plugin", "touri", "--set", "migration.trace=trace")
        assert code == 2 and "absolute" in err, err
        assert world.run("list", "--json").objects() == [] and not os.path.exists(f"{folder}/trace")


def test_killed_manager():
    """The plugin writes it, whoever is there to see."""
    with World("speed=4") as world:
        path = os.path.join(world.folder.name, "trace")
        process = world.start("--plugin", "touri", "--trace", path)
        tracefile.until(path, lambda entries: tracefile.of_kind(entries, "sample"))
        process.kill()
        process.communicate()
        entries = tracefile.until(path, lambda entries: entries and entries[-1]["kind"] == "end")
        assert entries[0]["kind"] == "start" and entries[-1]["data"]["outcome"] == "completed", entries[-1]


def test_take_over():
    """Whoever takes over writes a trace of its own, or none; and one file has one writer."""
    with World("speed=1") as world:
        one, two = (os.path.join(world.folder.name, name) for name in ("one", "two"))
        old = world.detach("guest3", "--plugin", "touri", "--trace", one)
        world.until(old, lambda item: item["state"] == "precopy")
        code, out, _ = world.migrate("--plugin", "touri", "--trace", one, "--json")
        assert code == 1 and "being written by another process" in json.loads(out.splitlines()[-1])["error"]["message"], out
        done = world.run("attach", "guest3", "--trace", two, "--detach")
        assert done.code == 0, done
        before = tracefile.until(one, lambda entries: entries[-1]["kind"] == "end")
        assert before[-1]["data"]["outcome"] == "released", before[-1]
        after = tracefile.until(two, lambda entries: tracefile.of_kind(entries, "sample"))
        assert after[0]["data"]["attached"] and tracefile.states(after)[:2] == ["starting", "precopy"], after[:3]
        done = world.run("attach", "guest3", "--set", "migration.params.bandwidth=100", "--detach")
        assert done.code == 0, done
        third = done.out.strip()
        world.until(third, lambda item: item["state"] == "precopy")
        assert "trace" not in world.run("show", third, "--json").object()["configuration"]["migration"]
        assert world.run("abort", third).code == 0
        assert tracefile.read(two)[-1]["data"]["outcome"] == "released" and tracefile.read(one) == before


FULL = """mount -t tmpfs -o size=4k none "$1" && head -c 4096 /dev/zero > "$1/filler" && shift || exit 77
exec "$@"
"""


def test_full_disk():
    """It costs lines, and not the migration; the completion says how many."""
    with World("speed=4") as world:
        folder = os.path.join(world.folder.name, "small")
        os.mkdir(folder)
        command = ["unshare", "-m", "sh", "-c", FULL, "sh", folder, TOOL, "-c", world.source, "--json", "migrate", "guest2",
                   world.destination, "--plugin", "touri", "--trace", f"{folder}/trace", "--timeout", "1"]
        done = subprocess.run(command, env=world.env, capture_output=True, text=True, check=False, timeout=PATIENCE)
        if done.returncode in (1, 77) and not done.stdout:
            print("# a file system of its own needs root")
            return
        last = json.loads(done.stdout.splitlines()[-1])
        assert done.returncode == 7 and last["outcome"] == "aborted", (done.stdout[-500:], done.stderr)
        said = last["completion"]["completion"]["error"]
        assert said["traceLost"] == len(journal(world, last["id"])), said


if __name__ == "__main__":
    main(globals())
