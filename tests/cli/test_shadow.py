# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_shadow.py: a policy that only watches (vmmi shadow), on simulated hosts."""
import json
import os
import signal

import tracefile
from simworld import World
from test_trace import add_stranger
from tool import PATIENCE, main

STABLE = {"id", "guest", "uuid", "plugin", "state", "outcome", "where", "percent", "error", "shadow"}


def watching(world, name, *words, guest="guest3"):
    """A shadow that has seen something; returns its process and the path of its trace."""
    path = os.path.join(world.folder.name, name)
    process = world.open("--json", "shadow", guest, "--trace", path, *words)
    tracefile.until(path, lambda entries: tracefile.of_kind(entries, "sample"))
    return process, path


def end_of(process):
    out, err = process.communicate(timeout=PATIENCE)
    item = json.loads(out)
    assert STABLE <= set(item) and item["shadow"] is True and item["id"] is None, item
    return process.returncode, item, err


def running(world, guest="guest3", *words):
    name = world.detach(guest, "--plugin", "touri", *words)
    world.until(name, lambda item: item["state"] == "precopy")
    return name


SLOW = ("--set", "migration.params.bandwidth=4")


def completes(world, guest):
    """A slow migration gets the bandwidth that it needs, from a policy that takes over; how it ended."""
    done = world.run("attach", guest, "--set", "migration.params.bandwidth=1000", "--json")
    assert done.code == 0 and done.objects()[-1]["outcome"] == "completed", done
    return done.objects()[-1]


def test_nothing_to_watch():
    with World("speed=1") as world:
        add_stranger(world)
        done = world.run("shadow", "guest1", "--plugin", "touri", "--json")
        assert done.code == 5 and "nothing to watch" in done.object()["error"]["message"] and STABLE <= set(done.object()), done
        done = world.run("shadow", "guest1", "--plugin", "touri", "--wait", "0.3", "--json")
        assert done.code == 5 and "it was waited for" in done.object()["error"]["message"], done
        assert world.run("shadow", "nobody", "--plugin", "touri").code == 5
        assert world.run("shadow", "guest1", "--wait", "-1").code == 2
        done = world.run("shadow", "guest1", "--wait", "5", "--plugin", "stranger")
        assert done.code == 125 and "feature 'shadow'" in done.err or "feature 'trace'" in done.err, done
        code, _, err = world.migrate("--plugin", "touri", "--set", "migration.shadow=true")
        assert code == 2 and "only watches" in err, err


def test_two():
    """Two policies beside the one that is in charge: they see its migration, and it does not see them. Another may take over."""
    with World("speed=4") as world:
        real = running(world, "guest1", *SLOW)
        one, first = watching(world, "one", "--plugin", "stall", guest="guest1")
        two, second = watching(world, "two", "--plugin", "doubling", guest="guest1")
        assert [item["id"] for item in world.run("list", "--json").objects()] == [real]
        item = completes(world, "guest1")
        assert item["error"] is None and item["replaces"] == real, item
        for process, path, plugin in ((one, first, "stall"), (two, second, "doubling")):
            code, item, err = end_of(process)
            assert code == 0 and item["outcome"] == "completed" and item["plugin"] == plugin and item["trace"] == path, (item, err)
            entries = tracefile.read(path)
            assert entries[0]["data"]["shadow"] is True and entries[0]["data"]["attached"] is True, entries[0]
            assert tracefile.states(entries)[-1] == "completed" and entries[-1]["data"]["outcome"] == "completed"
            assert all(entry["data"]["result"] == "shadow" for entry in tracefile.of_kind(entries, "action"))
            assert [action["id"] for action in item["actions"]] == [
                entry["data"]["id"] for entry in tracefile.of_kind(entries, "action")]
        assert world.run("show", real, "--json").object()["actions"] == []


def test_decides():
    """Each decision is told, in order, and nothing of it happens; after its abort it looks on."""
    with World("speed=10") as world:
        real = running(world)
        process, path = watching(world, "trace", "--plugin", "deadline", "--set", "completionTimeoutMsPerGib=1000")
        entries = tracefile.until(path, lambda entries: any(
            entry["data"]["action"] == "abort" for entry in tracefile.of_kind(entries, "action")))
        count = len(tracefile.of_kind(entries, "action"))
        tracefile.until(path, lambda more: len(tracefile.of_kind(more, "sample")) > len(tracefile.of_kind(entries, "sample")) + 1)
        assert world.record(real)["state"] == "precopy"
        process.send_signal(signal.SIGINT)
        code, item, _ = end_of(process)
        assert code == 4 and item["outcome"] == "released" and item["error"]["code"] == 13, item
        actions = item["actions"]
        assert len(actions) == count and actions[-1]["action"] == "abort" and actions[-1]["result"] == "shadow", actions
        assert tracefile.read(path)[-1]["data"]["outcome"] == "released"
        assert world.record(real)["state"] == "precopy" and world.record(real)["outcome"] is None


def test_killed():
    """SIGINT and SIGKILL, of the policy itself: the migration goes on."""
    with World("speed=1") as world:
        real = running(world)
        for number, code, outcome in ((signal.SIGINT, 4, "released"), (signal.SIGTERM, 4, "released"),
                                      (signal.SIGKILL, 6, "unknown")):
            process, path = watching(world, f"trace-{number}", "--plugin", "touri")
            os.kill(tracefile.read(path)[0]["data"]["pid"], number)
            status, item, _ = end_of(process)
            assert status == code and item["outcome"] == outcome, item
        assert world.record(real)["state"] == "precopy" and world.run("status", real, "--json").code == 0
        assert world.run("abort", real).code == 0


def test_waits():
    """It is there first, and its policy's time begins with the migration."""
    with World("speed=4") as world:
        path = os.path.join(world.folder.name, "trace")
        process = world.open("--json", "shadow", "guest1", "--plugin", "stall", "--trace", path, "--wait", "60")
        real = running(world, "guest1", *SLOW)
        tracefile.until(path, lambda entries: tracefile.of_kind(entries, "sample"))
        assert completes(world, "guest1")["replaces"] == real
        code, item, err = end_of(process)
        assert code == 0 and item["outcome"] == "completed", (item, err)
        entries = tracefile.read(path)
        assert entries[0]["boottimeMs"] - entries[0]["data"]["policyBoottimeMs"] < 1000, entries[0]


main(globals())
