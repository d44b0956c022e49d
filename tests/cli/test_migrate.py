# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_migrate.py: vmmi migrate without a terminal: lines, objects, exit codes, settings. The migration is a scripted one."""
import json
import os
import signal
import subprocess
import tempfile

from tool import FAKED, ID, PATIENCE, environment, faked, main

STABLE = {"id", "guest", "uuid", "plugin", "state", "outcome", "where", "percent", "error"}
CONFIG = '{"vmmiVersion": "0.4.1", "contentType": "configuration", "configuration": %s}'


def migrate(play, *words, **changes):
    return faked(play, "migrate", "web1", "fake:other", *words, **changes)


def test_lines():
    done = migrate("completes")
    lines = done.out.splitlines()
    assert done.code == 0 and done.err == "", done.err
    assert lines[0] == f"web1 to fake:other under touri, migration {ID}"
    assert [line.split()[-1] for line in lines[1:5]] == ["starting", "begin", "precopy", "switchover"], lines
    assert lines[5:] == ["completed: web1 is on the destination, fake:other",
                         "total 6.4 s, downtime 212 ms, data 1.2 GiB, 5 passes"], lines
    assert "\r" not in done.out and "\033" not in done.out


def test_json():
    done = migrate("completes", "--json")
    objects = done.objects()
    assert done.code == 0 and done.err == ""
    for item in objects:
        assert STABLE <= set(item), item
    assert [item["state"] for item in objects] == ["starting", "begin", "precopy", "switchover", "completed"]
    assert objects[-1]["where"] == "destination" and objects[-1]["percent"] == 100


def check_end(play, code, outcome, error, words=""):
    done = migrate(play)
    assert done.code == code, (done.code, done.err)
    assert done.err == f"vmmi: the play ends with {error}\n", done.err
    assert words in done.out, done.out
    last = migrate(play, "--json").objects()[-1]
    assert last["outcome"] == outcome and error in last["error"]["message"], last


def test_fails():
    check_end("fails", 1, "failed", "migration-failed", "failed: web1 is on the source, fake:")


def test_released():
    check_end("released", 4, "released", "released")


def test_unknown():
    check_end("unknown", 6, "unknown", "outcome-unknown", "web1 is on fake: or on fake:other, that is not known")


def test_policy_deadline():
    check_end("policy-deadline", 7, "aborted", "deadline")


def test_plugin_says_busy():
    check_end("plugin-says-busy", 8, "failed", "guest-busy")


def check_start(play, code, number):
    done = migrate(play)
    assert done.code == code and done.out == "", (done.code, done.out)
    assert done.err.startswith("vmmi: the play") and done.err.count("\n") == 1 and "\033" not in done.err, done.err
    done = migrate(play, "--json", "--plugin", "touri")
    assert done.code == code and STABLE <= set(done.object())
    item = done.object()
    assert item["id"] is None and item["guest"] == "web1" and item["plugin"] == "touri", item
    assert item["error"]["code"] == number and item["error"]["details"] == "more of it", item


def test_guest_unknown():
    check_start("guest-unknown", 5, 10)


def test_plugin_unknown():
    check_start("plugin-unknown", 5, 109)


def test_plugin_refused():
    check_start("plugin-refused", 125, 110)


def test_guest_busy():
    check_start("guest-busy", 8, 14)


def test_bad_option():
    check_start("bad-option", 2, 119)


def test_harmless_on_a_terminal():
    check_start("control-characters", 125, 111)


def test_no_host():
    done = faked("completes", "-c", "nonsense:///", "migrate", "web1", "fake:other")
    assert done.code == 125 and "nonsense:///" in done.err


def received(*words, **changes):
    done = migrate("completes", "--json", *words, **changes)
    assert done.code == 0, done.err
    return json.loads(done.objects()[-1]["received"])


def test_settings():
    seen = received("--keep-source", "--username", "12", "--set", "limitMs=5", "-s", "migration.mode=managed")
    assert seen["settings"] == ["migration.attach=\"never\"", "migration.keepSource=true",
                                "connectionCredentials.username=\"12\"", "limitMs=5", "migration.mode=managed"], seen
    assert seen["plugin"] is None and seen["configuration"] is None and seen["migrateUri"] is None


def test_require_survival():
    assert not received()["survival"] and received("--require-survival")["survival"]


def test_migrate_uri():
    done = faked("completes", "--json", "migrate", "web1", "fake:other", "tcp://10.0.0.2", "--plugin=adaptive")
    seen = json.loads(done.objects()[-1]["received"])
    assert seen["migrateUri"] == "tcp://10.0.0.2" and seen["plugin"] == "adaptive"


def test_config_stdin():
    seen = received("--config", "-", stdin=CONFIG % '{"verbose": 3}')
    assert json.loads(seen["configuration"]) == {"verbose": 3}


def test_config_names_the_source():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "c.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(CONFIG % '{"connection": "nonsense:///from-config"}')
        done = subprocess.run([FAKED, "migrate", "g", "fake:other", "--config", path], capture_output=True, text=True,
                              env=environment(VMMI_FAKE="completes"), timeout=PATIENCE, check=False)
        assert done.returncode == 125 and "from-config" in done.stderr, done.stderr
        assert migrate("completes", "--config", path).code == 0


def test_bad_configs():
    for text, words in (("", "the input ended"), ("{", "the text ends"), (CONFIG % '{"verbose": "a"}', "'verbose' must be"),
                        ('{"vmmiVersion": "0.3.0"}', "0.3.0"),
                        ('{"vmmiVersion": "0.4.1", "contentType": "status", "timestamp": 1, "status": {}}', "not a configuration")):
        done = migrate("completes", "--config", "-", stdin=text)
        assert done.code == 2 and words in done.err and done.out == "", (text, done.err)
    assert migrate("completes", "--config", "/nonexistent").code == 2


def test_bad_timeout():
    for text in ("0", "-1", "x", "", "5s", "nan", "inf"):
        done = migrate("completes", f"--timeout={text}")
        assert done.code == 2 and "--timeout" in done.err, (text, done.err)
    assert migrate("completes", "--timeout=5", "--detach").code == 2


def test_arguments():
    for words in ((), ("a",), ("a", "b", "c", "d")):
        assert faked("completes", "migrate", *words).code == 2


def test_timeout():
    done = migrate("endless", "--timeout", "0.2")
    assert done.code == 7 and "the deadline passed" in done.err, done.err
    assert "aborted: web1 is on the source" in done.out
    last = migrate("endless", "--timeout", "0.2", "--json").objects()[-1]
    assert last["error"]["code"] == 16 and last["outcome"] == "aborted", last


def test_timeout_but_completed():
    done = migrate("abort-too-late", "--timeout", "0.2")
    assert done.code == 0 and "completed: web1 is on the destination" in done.out, done.out


def test_detach():
    done = migrate("endless", "--detach")
    assert done.code == 0 and done.out == ID + "\n"
    assert migrate("endless", "--detach", "--json").object()["id"] == ID


def test_service_kills():
    """A warning before anything is started, and no more."""
    done = migrate("completes", VMMI_FAKE_SURVIVAL="its KillMode= is 'control-group'")
    assert done.code == 0 and done.err == "vmmi: the policy will not outlive the service that vmmi runs in: its KillMode= is " \
        "'control-group'\n", done
    assert migrate("completes", "--json", VMMI_FAKE_SURVIVAL="x").objects()[-1]["error"] is None


class Running:
    """A migration that is being followed."""

    def __init__(self, play, *words, before=None):
        self.process = subprocess.Popen([FAKED, "-c", "fake:", "migrate", "web1", "fake:other", *words],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env=environment(VMMI_FAKE=play), preexec_fn=before)
        self.out = ""

    def until(self, needle):
        while needle not in self.out:
            line = self.process.stdout.readline()
            assert line, f"{needle!r} did not come: {self.out}"
            self.out += line

    def errors_until(self, needle):
        text = ""
        while needle not in text:
            line = self.process.stderr.readline()
            assert line, f"{needle!r} did not come: {text}"
            text += line

    def end(self):
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, self.out + out, err


def interrupted(play, code, words, *more):
    running = Running(play, *more)
    running.until("precopy")
    running.process.send_signal(signal.SIGINT)
    got, out, err = running.end()
    assert got == code, (got, out, err)
    assert "interrupted: aborting" in err, err
    assert words in out, out


def test_interrupt():
    interrupted("endless", 3, "aborted: web1 is on the source, fake:")


def test_interrupt_json():
    interrupted("endless", 3, '"outcome":"aborted"', "--json")


def test_interrupt_too_early():
    interrupted("not-ready", 3, "aborted: web1 is on the source")


def test_interrupt_too_late():
    interrupted("abort-too-late", 0, "completed: web1 is on the destination")


def test_interrupt_twice():
    running = Running("deaf")
    running.until("precopy")
    running.process.send_signal(signal.SIGINT)
    running.errors_until("interrupted")
    running.process.send_signal(signal.SIGINT)
    code, out, err = running.end()
    assert code == 6 and out.endswith(ID + "\n") and ID in err, (code, out, err)


def test_interrupt_twice_at_once():
    """However fast they come: the abort was asked for."""
    running = Running("deaf")
    running.until("precopy")
    running.process.send_signal(signal.SIGSTOP)
    running.process.send_signal(signal.SIGINT)
    running.process.send_signal(signal.SIGTERM)
    running.process.send_signal(signal.SIGCONT)
    code, out, err = running.end()
    assert code in (4, 6) and ("interrupted" in err) == (code == 6), (code, out, err)


def left_by(number):
    running = Running("endless")
    running.until("precopy")
    running.process.send_signal(number)
    code, out, err = running.end()
    assert code == 4 and out.endswith(ID + "\n") and "the migration goes on" in err, (code, out, err)


def test_sigterm():
    left_by(signal.SIGTERM)


def test_sighup():
    left_by(signal.SIGHUP)


def test_nohup():
    running = Running("endless", before=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    running.until("precopy")
    running.process.send_signal(signal.SIGHUP)
    running.process.send_signal(signal.SIGINT)
    assert running.end()[0] == 3


main(globals())
