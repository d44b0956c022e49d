# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_schedule.py: the convergence schedule as a plugin: the configuration in use today at the top level and in `policy`,
what is refused before anything starts, and a migration that it ends."""
import json
import os
import subprocess

from simworld import BUILD, World
from tool import PATIENCE, main

PLUGIN = os.path.join(BUILD, "tools", "schedule")
MESSAGE = '{"vmmiVersion": "0.4.1", "contentType": "configuration", "configuration": %s}'


def action(name, *params):
    return {"name": name, "params": list(params)}


TODAY = {"init": [action("setDowntime", "100")],
         "stalling": [{"limit": 1, "action": action("setDowntime", "150")}, {"limit": -1, "action": action("abort")}]}
ENGINE = {"initialItems": [{"action": "setDowntime", "params": ["100"]}],
          "convergenceItems": [{"stallingLimit": 1, "convergenceItem": {"action": "setDowntime", "params": ["150"]}}],
          "lastItems": [{"action": "abort", "params": []}]}
QUICK = ("--set", "monitorIntervalMs=100")


def write(world, content, message=True):
    """A configuration in a file; its path."""
    path = os.path.join(world.folder.name, "config.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write(MESSAGE % json.dumps(content) if message else json.dumps(content))
    return path


def run_schedule(world, content, *words, message=True, guest="guest3"):
    """A migration under the schedule: exit code, the last object, standard error."""
    code, out, err = world.migrate("--plugin", "schedule", "--config", write(world, content, message), "--json", *words,
                                   guest=guest)
    return code, json.loads(out.splitlines()[-1]), err


def is_given_up(code, last):
    """It took all three actions in their order, and then gave up."""
    done = [(item["action"], item.get("value"), item["result"]) for item in last["actions"]]
    assert done == [("tune", 100, "done"), ("tune", 150, "done"), ("abort", None, "done")], done
    assert code == 3 and last["outcome"] == "aborted" and last["where"] == "source", (code, last)
    assert "action 2 of 2 of schedule: abort" in last["error"]["message"], last["error"]


def test_today_as_it_is():
    content = {"schedule": TODAY, "monitorInterval": 1}
    with World() as world:
        code, last, _ = run_schedule(world, content, message=False)
        is_given_up(code, last)
        assert last["actions"][1]["atMs"] >= 2000, last["actions"]


def test_top_level():
    with World() as world:
        code, last, _ = run_schedule(world, {"schedule": TODAY}, *QUICK)
        is_given_up(code, last)


def test_in_policy():
    with World() as world:
        code, last, _ = run_schedule(world, {"policy": {"schedule": TODAY, "monitorIntervalMs": 100}})
        is_given_up(code, last)


def test_engine_form():
    with World() as world:
        code, last, _ = run_schedule(world, {"schedule": ENGINE}, *QUICK)
        is_given_up(code, last)


def test_engine_lists():
    with World() as world:
        code, last, _ = run_schedule(world, ENGINE, *QUICK, message=False)
        is_given_up(code, last)


def test_preset_switches():
    with World() as world:
        code, out, err = world.migrate("--plugin", "schedule", "--set", "preset=ovirt-post-copy", *QUICK, "--json",
                                       guest="guest3")
        last = json.loads(out.splitlines()[-1])
        assert code == 0 and last["where"] == "destination", err
        assert last["actions"][-1]["action"] == "start-postcopy", last["actions"]


def refused(words, content, wanted=2):
    """Nothing is started: the command finds it (2), or the plugin does (1)."""
    with World() as world:
        code, last, _ = run_schedule(world, content, guest="guest1")
        assert code == wanted and last["error"]["code"] == 119 and words in last["error"]["message"], (code, last)
        assert last["id"] is None or (last["outcome"], last["sample"]) == ("failed", None), last
        assert world.where("guest1") == "source"


def test_refused_place():
    wrong = {"stalling": TODAY["stalling"][:1] + [{"limit": 2, "action": action("setDowntime", "fast")}]}
    refused("schedule.stalling[1].action.params[0]: must be a number of 1..2000000 ms, got 'fast'", {"schedule": wrong}, 1)


def test_refused_after_abort():
    wrong = {"stalling": TODAY["stalling"] + [{"limit": -1, "action": action("postcopy")}]}
    refused("schedule.stalling[2]: comes after 'abort'", {"policy": {"schedule": wrong}}, 1)


def test_refused_twice():
    refused("option 'schedule' is given twice: at the top level and in 'policy'",
            {"schedule": TODAY, "policy": {"schedule": TODAY}})


def test_refused_option():
    refused("'monitorIntervall' of plugin 'schedule' (from caller) does not exist; did you mean 'monitorInterval'?",
            {"policy": {"monitorIntervall": 10}})


def test_refused_interval():
    refused("'monitorInterval' of plugin 'schedule' (from caller) must be 1..3600 s, got 0",
            {"schedule": TODAY, "monitorInterval": 0})


def plain(world, content):
    """The executable by itself, as a manager without the library starts it: exit status, completion."""
    refusal = world.run("migrate", "guest3", "sim:///nobody", "--plugin", "touri", "--json")
    content = {"connection": world.source, **content}
    done = subprocess.run([PLUGIN, refusal.objects()[-1]["uuid"], world.destination, "-", "-"],
                          input=MESSAGE % json.dumps(content), capture_output=True, text=True, env=world.env, check=False,
                          timeout=PATIENCE)
    return done.returncode, json.loads(done.stderr)["completion"]


def test_plain():
    with World() as world:
        status, completion = plain(world, {"schedule": TODAY, "policy": {"monitorIntervalMs": 100}})
        done = [item["action"] for item in completion["error"]["actions"]]
        assert status == 1 and done == ["tune", "tune", "abort"], completion


def test_plain_refused():
    with World() as world:
        status, completion = plain(world, {"schedule": {"init": [action("setDowntime")]}})
        assert status == 1 and completion["error"]["code"] == 119, completion
        assert "schedule.init[0].params[0]: is missing" in completion["error"]["message"], completion
        status, completion = plain(world, {"verbose": 1, "monitorInterval": "often"})
        assert ": option 'monitorInterval' must be an unsigned integer" in completion["error"]["message"], completion
        assert "line 1, column " in completion["error"]["message"], completion
        assert world.where("guest3") == "source"


def test_describe():
    done = subprocess.run([PLUGIN, "--vmmi-describe"], capture_output=True, text=True, timeout=PATIENCE, check=True)
    described = json.loads(done.stdout)
    options = {option["name"]: option for option in described["options"]}
    assert described["name"] == "schedule" and done.stderr == ""
    assert options["schedule"]["topLevel"] and options["monitorInterval"]["default"] == 10
    assert options["preset"]["choices"] == ["ovirt-minimal-downtime", "ovirt-suspend", "ovirt-post-copy",
                                            "ovirt-very-large", "ovirt-legacy"]


def test_info():
    with World() as world:
        done = world.run("plugin", "info", "schedule")
        assert done.code == 0 and "ovirt-post-copy, ovirt-very-large" in done.out and "(1..3600)" in done.out, done


def test_no_warning():
    with World() as world:
        path = write(world, {"schedule": TODAY, "monitorInterval": 10, "shedule": 1})
        done = world.run("message", "check", path, "--json")
        assert done.code == 0 and "shedule" in done.out and '"schedule"' not in done.out, done


main(globals())
