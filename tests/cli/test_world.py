# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_world.py: vmmi sim: looking at a simulated world and putting it back, as a person does between experiments."""
import json
import os
import tempfile

from tool import main, run


class World:
    """A run directory of its own, and a world in it."""

    def __init__(self, uri="sim:///?world=mine"):
        self.folder = tempfile.TemporaryDirectory()
        self.run_dir = os.path.join(self.folder.name, "run")
        self.file = os.path.join(self.run_dir, "sim", "mine.json")
        self.uri = uri

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.folder.cleanup()

    def sim(self, *words, uri=None):
        return run("-c", uri or self.uri, "sim", *words, VMMI_RUN_DIR=self.run_dir)


def test_show():
    with World() as world:
        result = world.sim("show")
        shown = json.loads(result.out)
        assert result.code == 0 and result.err == "", result.err
        assert [guest["name"] for guest in shown["guests"]] == ["guest1", "guest2", "guest3"]
        assert shown["guests"][0]["hosts"] == {"source": {"state": "running", "reason": "other", "id": 1,
                                                          "persistent": True, "job": "none"}}
        assert os.path.exists(world.file)


def test_show_json():
    with World() as world:
        shown = world.sim("show", "--json").object()
        assert shown["world"] == "mine" and shown["speed"] == 1.0 and shown["timeMs"] < 60000
        assert [host["name"] for host in shown["hosts"]] == ["source", "destination"]


def test_reset():
    """A world takes on what the URI says, from a reset on; without that it becomes what it was made as."""
    with World() as world:
        faster = "sim:///?world=mine&speed=7"
        assert world.sim("show").code == 0
        refused = world.sim("show", uri=faster)
        assert refused.code == 2 and "was made without 'speed=7'" in refused.err, refused.err
        assert world.sim("reset", uri=faster).out == ""
        assert world.sim("reset", "--json").object() == {"uri": "sim:///?world=mine", "reset": True}
        assert world.sim("show", "--json").object()["speed"] == 7


def test_spoiled():
    with World() as world:
        assert world.sim("show").code == 0
        with open(world.file, "w", encoding="utf-8") as file:
            file.write('{"vmmiSim": "world", "format": 1')
        for words in (["show"], ["show", "--json"]):
            result = world.sim(*words)
            assert result.code == 125 and "mine.json" in result.err and result.err.count("\n") == 1, result.err
        assert world.sim("reset").code == 0
        assert world.sim("show").code == 0


def test_usage():
    with World() as world:
        for words, needle in ((["turn"], "'sim' knows 'reset' and 'show', not 'turn'"), ([], "'sim' needs reset|show")):
            result = world.sim(*words)
            assert result.code == 2 and needle in result.err, result.err
        result = world.sim("reset", uri="qemu:///system")
        assert result.code == 2 and "is no URI of the simulator" in result.err, (result.code, result.err)


main(globals())
