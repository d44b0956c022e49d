# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_peers.py: what the policies of others do to a guest that never converges, in virtual time: how each run ends, after how
long, and what its reason says. The guest writes 80 MiB/s round and round over 64 of its 256 MiB, the link carries 38."""
import json
import os
import re
import tempfile

from tool import SOURCE, main, run

BUILD = os.environ["BUILD_ROOT"]
SCENARIO = {"vmmiSim": "scenario", "linkMibPerSecond": 38,
            "guests": [{"name": "busy", "memoryMib": 256, "workingSetMib": 64, "dirtyRateMibPerSecond": 80,
                        "pattern": "cyclic"}]}


def simulate(plugin, *settings):
    """One run: its line."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "scenario.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(SCENARIO, file)
        done = run("simulate", "--json", "--scenario", path, "--plugin", plugin,
                   *[f"--set={setting}" for setting in settings], VMMI_RUN_DIR=folder,
                   VMMI_PLUGIN_PATH=f"{BUILD}/tools/plugins")
    assert done.code == 0, done
    return done.objects()[0]


def completes(line, seconds, silence_ms):
    """After so many seconds, give or take two, and with a silence within these bounds."""
    assert (line["outcome"], line["where"]) == ("completed", "destination"), line
    assert abs(line["totalMs"] / 1000 - seconds) <= 2, line
    assert silence_ms[0] <= line["silenceMs"] <= silence_ms[1], line


def gives_up(line, seconds, words):
    assert (line["outcome"], line["where"]) == ("aborted", "source"), line
    assert abs(line["totalMs"] / 1000 - seconds) <= 2, line
    assert words in line["error"]["message"], line


def test_nova():
    gives_up(simulate("steps"), 1600, "the limit is 1600000 ms for 2048 MiB")


def test_nova_forces():
    completes(simulate("steps", "timeoutAction=force"), 1602, (1000, 2500))


def test_nova_forces_by_postcopy():
    completes(simulate("steps", "timeoutAction=force", "permitPostcopy=true"), 1602, (1, 100))


def test_kubevirt():
    gives_up(simulate("deadline"), 151, "150000 ms are acceptable for 1 GB")


def test_kubevirt_makes_progress():
    """Passes that all begin alike are progress: a shorter timeout for its lack changes nothing."""
    gives_up(simulate("deadline", "progressTimeoutMs=5000"), 151, "150000 ms are acceptable for 1 GB")


def test_kubevirt_suspends():
    completes(simulate("deadline", "allowWorkloadDisruption=true"), 153, (1000, 2500))


def test_kubevirt_postcopy():
    completes(simulate("deadline", "allowPostcopy=true"), 153, (1, 100))


def test_virsh_suspends():
    completes(simulate("deadline", "rules=virsh", "timeoutMs=20000"), 22, (1000, 2500))


def test_virsh_postcopy_after_precopy():
    completes(simulate("deadline", "rules=virsh", "postcopyAtIteration=2"), 8, (1, 100))


def test_stall_gives_up():
    gives_up(simulate("stall"), 47, "stalled: 64 MiB remain at best")


def test_stall_forces():
    completes(simulate("stall", "allowWorkloadDisruption=true"), 49, (1000, 2500))


def test_stall_postcopy():
    completes(simulate("stall", "allowPostcopy=true"), 49, (1, 100))


def test_stall_grants():
    completes(simulate("stall", "maxDowntimeMs=1500"), 49, (1000, 1800))


def test_proxmox():
    completes(simulate("doubling"), 27, (100, 900))


def test_proxmox_without_help():
    """Doubled four times: to 1600 ms."""
    line = simulate("doubling", "autoConverge=false", "compress=false")
    completes(line, 38, (1000, 2500))
    assert line["actions"] == 5, line


def test_manual_has_every_option():
    """In the policy's own section, with its default."""
    with open(os.path.join(SOURCE, "docs/man/vmmi-policies.7.rst"), encoding="utf-8") as file:
        sections = dict(re.findall(r"\n([a-z]+)\n=+\n(.*?)(?=\n[A-Za-z ]+\n=+\n)", file.read(), re.DOTALL))
    for plugin in ("deadline", "doubling", "schedule", "stall", "steps"):
        described = run("--vmmi-describe", program=f"{BUILD}/tools/plugins/{plugin}")
        for option in described.object()["options"]:
            lines = [line for line in sections[plugin].splitlines() if re.search(rf"\b{option['name']}\b", line)]
            assert lines, f"{plugin}: the manual does not know {option['name']}"
            default = str(option.get("default", "")).lower()
            assert any(default in line for line in lines), f"{plugin}: {option['name']} is {default}, not as in {lines}"


def test_mistakes_are_named():
    with tempfile.TemporaryDirectory() as folder:
        for plugin, setting, words in (("steps", "step=5", "'steps'"), ("stall", "allowPostCopy=true", "'allowPostcopy'"),
                                       ("deadline", "timeoutMs=5", "'rules' is 'kubevirt'"),
                                       ("doubling", "hits=-1", "'hits'")):
            path = os.path.join(folder, "scenario.json")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(SCENARIO, file)
            done = run("simulate", "--scenario", path, "--plugin", plugin, "--set", setting, VMMI_RUN_DIR=folder,
                       VMMI_PLUGIN_PATH=f"{BUILD}/tools/plugins")
            assert done.code not in (0, 1) and words in done.err, (plugin, setting, done)


main(globals())
