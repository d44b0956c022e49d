# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_replay.py: recorded migrations under other policies: what is shown, what is written, what is refused."""
import html
import json
import os

from simworld import World
from tool import main

STABLE = {"id", "guest", "uuid", "plugin", "state", "outcome", "where", "percent", "error"}
PARTED = "where its decisions part from the original's, the recorded figures are no longer what would have happened"


class Recorded:
    """A world in which guest2 was migrated by the policy of the examples."""

    world = None

    @classmethod
    def get(cls):
        if not cls.world:
            cls.world = World()
            code, _, err = cls.world.migrate("--plugin", "patient", guest="guest2")
            assert code == 0, err
            cls.trace = cls.world.run("report", "guest2", "--json").object()["trace"]
        return cls.world


def path(name):
    return os.path.join(Recorded.get().folder.name, name)


def replay(*words, trace="guest2"):
    return Recorded.get().run("replay", trace, *words)


def test_same_policy_decides_the_same():
    done = replay("--plugin", "patient")
    assert done.code == 0 and done.err == "", done
    assert "It decides as the original did" in done.out, done.out
    found = replay("--plugin", "patient", "--json").object()
    assert found["changedAtMs"] is None and found["course"].startswith("It decides")
    mine, theirs = found["actions"], found["original"]["actions"]
    assert [(a["what"], a["value"], a["reason"]) for a in mine] == [(a["what"], a["value"], a["reason"]) for a in theirs]
    assert mine and all(action["result"] == "replayed" for action in mine)


def test_same_policy_keeps_its_options():
    code, _, err = Recorded.get().migrate("--plugin", "patient", "--set", "maxDowntimeMs=700", guest="guest1")
    assert code == 0, err
    done = Recorded.get().run("replay", "guest1", "--plugin", "patient", "-o", path("options.trace"))
    assert done.code == 0, done
    with open(path("options.trace"), encoding="utf-8") as file:
        assert json.loads(file.readline())["data"]["options"] == {"maxDowntimeMs": 700}


def test_another_policy():
    done = replay("--plugin", "steps", "--set", "downtimeMs=400")
    assert done.code == 0 and done.err == "", done
    assert "guest2, recorded under patient 1, replayed under steps" in done.out, done.out
    assert "downtime limit" in done.out and PARTED in done.out and "THE ORIGINAL DID" in done.out, done.out
    assert "--- from here on" in done.out


def test_other_flags():
    done = replay("--plugin", "schedule", "--set", "preset=ovirt-minimal-downtime")
    assert done.code == 0 and "It would have started with other flags (auto_converge" in done.out, done
    assert "from the beginning on, the recorded figures are not what would have happened" in done.out, done


def test_does_nothing():
    done = replay("--plugin", "touri")
    assert done.code == 0 and "It would have done nothing." in done.out and PARTED in done.out, done


def test_json():
    found = replay("--plugin", "touri", "--json").object()
    assert STABLE <= set(found) and STABLE <= set(found["original"])
    assert found["plugin"] == "touri" and found["original"]["plugin"] == "patient" and found["guest"] == "guest2"
    assert found["replayOf"] == found["original"]["trace"] and found["outcome"] == "unknown"
    assert found["actions"] == [] and isinstance(found["changedAtMs"], int) and PARTED in found["course"]


def test_written_and_drawn():
    done = replay("--plugin", "steps", "--set", "downtimeMs=400", "-o", path("one.trace"))
    again = replay("--plugin", "steps", "--set", "downtimeMs=400", "-o", path("two.trace"))
    assert done.code == 0 and again.code == 0 and done.out == again.out
    with open(path("one.trace"), "rb") as one, open(path("two.trace"), "rb") as two:
        assert one.read() == two.read()
    drawn = Recorded.get().run("report", "guest2", path("one.trace"), "-o", path("both.html"))
    assert drawn.code == 0, drawn
    with open(path("both.html"), encoding="utf-8") as file:
        text = html.unescape(file.read())
    for needle in ("Migration of guest2", "steps (replay)", "patient", PARTED):
        assert needle in text, needle
    assert "-" in Recorded.get().run("report", path("one.trace")).out


def test_config():
    with open(path("config.json"), "w", encoding="utf-8") as file:
        json.dump({"vmmiVersion": "0.4.1", "contentType": "configuration", "configuration": {
            "migration": {"flags": ["postcopy"]}, "schedule": {
                "init": [{"name": "setDowntime", "params": ["77"]}],
                "stalling": [{"limit": -1, "action": {"name": "abort", "params": []}}]}}}, file)
    done = replay("--plugin", "schedule", "--config", path("config.json"))
    assert done.code == 0 and "downtime limit 77 ms" in done.out, done
    over = replay("--plugin", "patient", "--config", path("config.json"), "--set", "policy.maxDowntimeMs=450", "--json")
    assert 450 in [action["value"] for action in over.object()["actions"]], over


def refused(code, needle, *words, trace="guest2"):
    done = replay(*words, trace=trace)
    assert done.code == code and needle in done.err and done.err.count("\n") == 1 and done.out == "", done
    done = replay(*words, "--json", trace=trace)
    assert done.code == code and needle in done.object()["error"]["message"], done


def test_refused():
    refused(2, "--plugin is needed")
    refused(5, "there is no plugin 'nope'", "--plugin", "nope")
    refused(2, "option 'bla' is unknown", "--plugin", "touri", "--set", "bla=1")
    refused(2, "the recorded ones", "--plugin", "touri", "--set", "migration.mode=managed")
    refused(2, "KEY=VALUE", "--plugin", "touri", "--set", "bla")
    refused(5, "nobody", "--plugin", "touri", trace="nobody")
    refused(2, "cannot be opened", "--plugin", "touri", trace="/nonexistent/trace")
    refused(2, "is empty", "--plugin", "touri", trace=empty())


def empty():
    with open(path("empty"), "w", encoding="utf-8"):
        pass
    return path("empty")


def test_plugin_without_the_feature():
    folder = path("plugins")
    os.mkdir(folder, 0o755)
    with open(os.path.join(folder, "old"), "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\nexit 3\n")
    os.chmod(os.path.join(folder, "old"), 0o755)
    world = Recorded.get()
    before = world.env["VMMI_PLUGIN_PATH"]
    world.env["VMMI_PLUGIN_PATH"] = folder
    try:
        refused(125, "plugin 'old' cannot do that: its description does not name the feature 'replay'", "--plugin", "old")
    finally:
        world.env["VMMI_PLUGIN_PATH"] = before


def test_trace_is_not_written_over():
    world = Recorded.get()
    world.run("replay", "guest2", "--plugin", "touri", "-o", path("own.trace"))
    done = replay("--plugin", "touri", "-o", path("own.trace"), trace=path("own.trace"))
    assert done.code != 0 and "not written over" in done.err, done
    with open(path("own.trace"), encoding="utf-8") as file:
        assert json.loads(file.readline())["kind"] == "start"


try:
    main(globals())
finally:
    if Recorded.world:
        Recorded.world.__exit__()
