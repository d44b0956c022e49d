# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_verbs.py: usage, version, message, driver and plugin: what they print and how they end."""
import json
import os
import tempfile

from tool import faked, main, run

GOOD = '{"vmmiVersion": "0.4.1", "contentType": "configuration", "configuration": {"verbose": 1}}'
DONE = '{"vmmiVersion": "0.4.1", "contentType": "completion", "timestamp": 7, ' \
       '"completion": {"result": "success", "success": {}}}'
BAD = '{"vmmiVersion": "0.4.1",\n "contentType": "configuration", "configuration": {"verbose": "x"}}'


def usage(done, needle):
    assert done.code == 2, done.code
    assert needle in done.err and done.err.startswith("vmmi: ") and done.err.count("\n") == 1, done.err


def test_no_verb():
    usage(run(), "a verb is needed")
    usage(run("-c"), "a verb is needed")


def test_unknown_verb():
    usage(run("teleport"), "there is no verb 'teleport'")


def test_usage_json():
    done = run("--json", "teleport")
    usage(done, "teleport")
    assert "teleport" in done.object()["error"]["message"]


def test_arguments():
    usage(run("message"), "'message' needs check FILE")
    usage(run("driver", "list", "more"), "'more' is one argument too many")
    usage(run("driver", "paint"), "not 'paint'")
    usage(run("plugin", "info"), "needs a NAME")
    usage(run("plugin", "list", "x"), "too many")


def test_options_anywhere():
    for words in (["--json", "version"], ["version", "--json"], ["-c", "version", "--json", "version"]):
        assert run(*words).object()["protocol"] == "0.4.1"


def test_version():
    assert run("version").out.startswith("vmmi 0.")
    assert run("--version").out == run("version").out


def test_message_file():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "m.json")
        for text, code, words in ((GOOD, 0, "a configuration, protocol 0.4.1"), (DONE, 0, "a completion that says success"),
                                  (BAD, 1, "line 2, column 63: 'verbose' must be an integer 0..10, got a string")):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            done = run("message", "check", path)
            assert done.code == code, done.err
            assert words in done.out + done.err and path in done.out + done.err, done.err
            described = run("--json", "message", "check", path)
            assert described.code == code
            assert described.object()["valid"] == (code == 0) and described.object()["file"] == path


def test_message_stdin():
    done = run("message", "check", "-", stdin=GOOD + " {")
    assert done.code == 0 and done.out == "-: a configuration, protocol 0.4.1\n", done.err
    done = run("message", "check", "-", stdin="")
    assert done.code == 1 and "the input ended without a message" in done.err


def test_message_unknown_key():
    text = GOOD.replace("verbose", "verbos")
    done = run("message", "check", "-", stdin=text)
    assert done.code == 0 and "the key 'verbos' is not known" in done.out, done.out
    assert run("--json", "message", "check", "-", stdin=text).object()["unknownKeys"] == ["verbos"]


def test_message_no_file():
    done = run("message", "check", "/nonexistent/file")
    assert done.code == 2 and "No such file" in done.err


def test_message_version():
    done = run("--json", "message", "check", "-", stdin='{"vmmiVersion": "9.0.0"}')
    assert done.code == 1 and done.object()["error"]["code"] == 18


def test_driver_list():
    assert "fake" in faked("", "driver", "list").out
    assert "fake" in [driver["name"] for driver in faked("", "--json", "driver", "list").object()["drivers"]]


def test_driver_info():
    text = faked("", "driver", "info").out
    assert "driver    fake" in text and "guest_lookup" in text, text
    info = faked("", "--json", "driver", "info").object()
    calls = {call["name"]: call for call in info["calls"]}
    assert calls["guest_lookup"]["layer"] == "fake" and calls["guest_lookup"]["mandatory"]
    assert calls["guest_start"]["layer"] is None
    assert info["local"] is True


def test_driver_info_nobody():
    done = run("-c", "nonsense:///", "--json", "driver", "info")
    assert done.code == 125 and done.object()["error"]["code"] == 104


def make_plugins(folder):
    description = {"name": "good", "version": "1.2", "protocolVersions": ["0.4.1"], "summary": "does good",
                   "options": [{"name": "limitMs", "type": "uint", "default": 300, "unit": "ms", "meaning": "the limit"}]}
    scripts = {"good": f"#!/bin/sh\necho '{json.dumps(description)}'\n", "mute": "#!/bin/sh\nexit 1\n",
               "liar": "#!/bin/sh\necho '{\"name\": 5}'\n", "open": "#!/bin/sh\nexit 0\n"}
    for name, text in scripts.items():
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o777 if name == "open" else 0o755)
    os.chmod(folder, 0o755)


def test_plugin_list():
    with tempfile.TemporaryDirectory() as folder:
        make_plugins(folder)
        done = run("plugin", "list", VMMI_PLUGIN_PATH=folder)
        rows = {line.split()[0]: line for line in done.out.splitlines()}
        assert done.code == 0
        assert "1.2" in rows["good"] and "does good" in rows["good"]
        assert "does not describe itself" in rows["mute"], rows["mute"]
        assert "its description is wrong" in rows["liar"], rows["liar"]
        assert "refused" in rows["open"] and "written by" in rows["open"], rows["open"]
        plugins = run("--json", "plugin", "list", VMMI_PLUGIN_PATH=folder).object()["plugins"]
        verdicts = {plugin["name"]: plugin["verdict"] for plugin in plugins}
        assert verdicts["good"] == "usable" and verdicts["open"] == "refused", verdicts


def test_plugin_info():
    with tempfile.TemporaryDirectory() as folder:
        make_plugins(folder)
        done = run("plugin", "info", "good", VMMI_PLUGIN_PATH=folder)
        assert done.code == 0 and "limitMs" in done.out and "the limit" in done.out, done.out
        info = run("--json", "plugin", "info", "good", VMMI_PLUGIN_PATH=folder).object()
        assert info["description"]["options"][0]["default"] == 300 and info["error"] is None
        assert run("plugin", "info", "mute", VMMI_PLUGIN_PATH=folder).code == 0
        done = run("--json", "plugin", "info", "open", VMMI_PLUGIN_PATH=folder)
        assert done.code == 125 and done.object()["error"]["code"] == 110
        done = run("--json", "plugin", "info", "none", VMMI_PLUGIN_PATH=folder)
        assert done.code == 5 and done.object()["error"]["code"] == 109


def test_plugin_path():
    with tempfile.TemporaryDirectory() as folder:
        done = run("plugin", "path", VMMI_PLUGIN_PATH=folder)
        assert done.out.splitlines()[:2] == [folder, "/usr/libexec/vmmi"], done.out
        assert run("--json", "plugin", "path", VMMI_PLUGIN_PATH=folder).object()["path"][0] == folder


def test_output_is_full():
    with open("/dev/full", "w", encoding="utf-8") as full:
        import subprocess
        from tool import TOOL, environment
        done = subprocess.run([TOOL, "version"], stdout=full, stderr=subprocess.PIPE, text=True, env=environment(),
                              check=False)
    assert done.returncode == 125 and "cannot write" in done.stderr


main(globals())
