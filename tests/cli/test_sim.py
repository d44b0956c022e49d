# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_sim.py: the whole way, on simulated hosts: command, library, shim, plugin, driver. Each row is a fault: the message that
a user sees, the exit code, and where the guest is afterwards."""
import json
import os
import signal
import time

from simworld import World
from tool import PATIENCE, main

CONFIG = '{"vmmiVersion": "0.4.1", "contentType": "configuration", "configuration": %s}'
STABLE = {"id", "guest", "uuid", "plugin", "state", "outcome", "where", "percent", "error"}


def row(world, code, words, where, *options, guest="guest1", destination=None):
    """A refusal or an end: exit code, message, place; the same with --json."""
    got, out, err = world.migrate(*options, guest=guest, destination=destination)
    assert got == code, (got, out, err)
    assert words in err and err.count("\n") == 1, err
    if where:
        assert world.where(guest) == where, where


def test_completes():
    with World() as world:
        code, out, err = world.migrate()
        assert code == 0 and err == "", (code, err)
        assert "completed: guest1 is on the destination" in out and "total " in out and "downtime " in out, out
        assert world.where("guest1") == "destination"


def test_json():
    with World() as world:
        code, out, err = world.migrate("--json")
        objects = [json.loads(line) for line in out.splitlines()]
        assert code == 0 and err == ""
        assert all(STABLE <= set(item) for item in objects)
        assert objects[0]["state"] == "starting" and objects[-1]["state"] == "completed"
        assert objects[-1]["where"] == "destination" and objects[-1]["percent"] == 100
        assert objects[-1]["error"] is None and objects[-1]["plugin"] == "touri"
        percents = [item["percent"] for item in objects]
        assert percents == sorted(percents), percents


def test_default_plugin():
    with World() as world:
        done = world.run("migrate", "guest1", world.destination, "--json")
        assert done.code == 0 and done.objects()[-1]["plugin"] == "adaptive", done


def test_unknown_guest():
    with World() as world:
        row(world, 5, "knows no guest 'nobody'", None, guest="nobody")


def test_unknown_plugin():
    with World() as world:
        row(world, 5, "there is no plugin 'tuori'", "source", "--plugin", "tuori")


def test_source_not_there():
    with World() as world:
        world.source = "sim:///nowhere"
        code, _, err = world.migrate()
        assert code in (2, 125) and "nowhere" in err, (code, err)


def test_wrong_uri():
    with World() as world:
        world.source = "sim:///?speed=fast"
        row(world, 2, "speed", None)


def test_destination_not_there():
    with World() as world:
        row(world, 1, "'nowhere'", "source", destination="sim:///nowhere")


def test_destination_refuses():
    with World("speed=20&fail=prepare") as world:
        code, out, err = world.migrate()
        assert code == 1 and "failed: guest1 is on the source" in out, (code, out, err)
        assert world.where("guest1") == "source"


def test_unknown_option():
    with World() as world:
        row(world, 2, "option 'nonsense' of plugin 'touri'", "source", "--set", "nonsense=1")


def test_unknown_flag():
    with World() as world:
        row(world, 2, "flag 'banana'", "source", "--set", 'migration.flags=["banana"]')


def test_configs():
    with World() as world:
        path = os.path.join(world.folder.name, "config.json")
        for text, words in (("", "there is no object"), ("{", "line 1, column 2"), ("{}", "'vmmiVersion' is missing"),
                            ('{"vmmiVersion": "0.5.0"}', "0.5.0"), (CONFIG % '{"verbose": "x"}', "column 87: 'verbose' must be"),
                            (CONFIG % ('{"x": "%s"}' % ("y" * 1100000)), "the limit is 1048576")):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            row(world, 2, words, None, "--config", path)
        row(world, 2, "No such file", None, "--config", path + "x")
        row(world, 2, "is a directory", "source", "--config", world.folder.name)


def test_timeout():
    with World("speed=1") as world:
        row(world, 7, "the deadline passed", "source", "--timeout", "0.5", guest="guest3")


def wait_for(path):
    deadline = time.monotonic() + PATIENCE
    while not os.path.exists(path):
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.02)


def begun(world, *words, guest="guest3"):
    """A migration that copies."""
    process = world.start(*words, guest=guest)
    text = ""
    while "precopy" not in text:
        line = process.stdout.readline()
        assert line, f"it ended: {text} {process.stderr.read()}"
        text += line
    return process


def test_interrupt():
    with World("speed=1") as world:
        process = begun(world)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 3 and "aborted: guest3 is on the source" in out, (process.returncode, out, err)
        assert world.where("guest3") == "source"


def test_leaving_and_busy():
    with World("speed=1") as world:
        process = begun(world)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 4 and "the migration goes on" in err, err
        name = out.splitlines()[-1]
        code, out, err = world.migrate(guest="guest3")
        assert code == 8 and "guest3" in err, (code, err)
        # Its plugin goes on; it is ended here as a manager would, and leaves its record.
        job = os.path.join(world.env["VMMI_RUN_DIR"], "jobs", name)
        with open(os.path.join(job, "helper.json"), encoding="utf-8") as file:
            os.kill(json.load(file)["pid"], signal.SIGINT)
        wait_for(os.path.join(job, "result.json"))


def test_plugin_killed():
    """The migration goes on without its plugin (L5), and the truth is told."""
    with World("speed=3") as world:
        process = begun(world, "--json", guest="guest1")
        jobs = os.path.join(world.env["VMMI_RUN_DIR"], "jobs")
        with open(os.path.join(jobs, os.listdir(jobs)[0], "helper.json"), encoding="utf-8") as file:
            os.kill(json.load(file)["pid"], signal.SIGKILL)
        out, err = process.communicate(timeout=PATIENCE)
        last = json.loads(out.splitlines()[-1])
        assert last["exit"] == {"kind": "killed", "value": 9}, last
        assert last["where"] == "destination" and last["outcome"] == "completed", (last, err)
        assert process.returncode == 0


def test_guest_destroyed():
    with World("speed=1&guest=guest1&destroy-after=1000") as world:
        code, out, err = world.migrate("--json")
        last = json.loads(out.splitlines()[-1])
        assert code == 1 and last["where"] == "nowhere" and last["outcome"] == "failed", (code, last, err)


main(globals())
