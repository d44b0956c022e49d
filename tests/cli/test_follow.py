# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_follow.py: the verbs that are told ID: show, wait, status, log, abort, release, acknowledge. First with scripted migrations
and records, then with real ones on simulated hosts, whose starter is killed."""
import json
import os
import signal
import tempfile

from simworld import World
from test_list import COMPLETED, FAILED, RUNNING, STABLE, UUID, Records
from tool import FAKED, Terminal, environment, faked, run, main

FINISHED = dict(FAILED, id=f"{UUID}.9", evidence="source domain is running", exit={"kind": "killed", "value": 9},
                directory="/nonexistent", pluginPath="/usr/libexec/vmmi/touri", acknowledged=True,
                statistics={"elapsedMs": 6400, "downtimeFinalMs": 212}, diagnostics="out of\033[31m memory\nsecond",
                actions=[{"action": "tune", "what": "downtimeMs", "value": 300, "atMs": 1200, "reason": "pass 2 left\033 20 MiB",
                          "result": "done"}],
                configured={"configuration": {"connection": "qemu:///system", "logFilePath": "/var/log/touri.log",
                                              "migration": {"flags": ["live"], "params": {"bandwidth": 5}}},
                            "origins": {"connection": "connection", "migration.flags": "caller", "logFilePath": "caller",
                                        "migration.params.bandwidth": "--set"}})


def act(play, verb, *words, records=(RUNNING,), **changes):
    """A verb on scripted records; what follows them is a play."""
    with Records(*records) as file:
        return faked(play, verb, *words, VMMI_FAKE_RECORDS=file.path, **changes)


# --- who is meant


def test_unknown():
    for verb in ("show", "wait", "status", "log", "abort", "release", "acknowledge"):
        done = act("endless", verb, "nobody")
        assert done.code == 5 and done.out == "" and "'nobody'" in done.err and done.err.count("\n") == 1, (verb, done.err)
        item = act("endless", verb, "nobody", "--json").object()
        assert STABLE <= set(item) and item["error"]["code"] == 115, (verb, item)


def test_arguments():
    for verb in ("show", "wait", "status", "log", "abort", "release"):
        assert act("endless", verb).code == 2 and act("endless", verb, "a", "b").code == 2, verb
    for words in ((), ("--all-ended", "web1")):
        assert act("endless", "acknowledge", *words).code == 2
    for verb in ("wait", "status", "attach"):
        for text in ("0", "-1", "x", "nan"):
            done = act("endless", verb, "web1", f"--timeout={text}")
            assert done.code == 2 and "--timeout" in done.err, (verb, text)


def test_brief_id():
    records = (COMPLETED, FAILED, RUNNING)
    for word in ("01234567.2", f"{UUID}.2"):
        assert act("endless", "show", word, "--json", records=records).object()["outcome"] == "failed", word
    twin = dict(COMPLETED, id="01234567-ffff-cdef-0123-456789abcdef.2")
    done = act("endless", "show", "01234567.2", records=(FAILED, twin))
    assert done.code == 5 and "more than one" in done.err, done.err
    for word in ("0123456.2", "01234567.", "01234567.2x", "01234567.77"):
        assert act("endless", "show", word, records=records).code == 5, word


# --- wait


def test_wait_ends():
    for play, code in (("completes", 0), ("fails", 1), ("released", 4), ("unknown", 6), ("policy-deadline", 7),
                       ("plugin-says-busy", 8)):
        with tempfile.TemporaryDirectory() as folder:
            mark = os.path.join(folder, "acknowledged")
            done = act(play, "wait", "web1", VMMI_FAKE_ACKNOWLEDGED=mark)
            assert done.code == code, (play, done.code, done.err)
            assert done.out.startswith(f"web1 to qemu+ssh://host2/system under touri, migration {UUID}.3\n"), done.out
            with open(mark, encoding="ascii") as file:
                assert file.read() == f"{UUID}.3"
            items = act(play, "wait", "web1", "--json").objects()
            assert all(STABLE <= set(item) for item in items) and items[-1]["outcome"] is not None, items


def test_wait_for_virsh():
    """A migration that virsh started: nobody knows where to."""
    done = act("completes", "wait", "web1", records=(dict(RUNNING, destination=None),))
    assert done.out.startswith("web1 to a host that is not known under"), done.out
    assert "completed: web1 is on the destination, a host that is not known\n" in done.out, done.out


def test_wait_unseen_is_kept():
    """What could not be written was not seen: it is not acknowledged."""
    import subprocess
    with Records(RUNNING) as records, open("/dev/full", "w", encoding="ascii") as full:
        mark = os.path.join(records.folder.name, "acknowledged")
        done = subprocess.run([FAKED, "wait", "web1"], stdout=full, stderr=subprocess.PIPE, check=False, timeout=60,
                              env=environment(VMMI_FAKE="completes", VMMI_FAKE_RECORDS=records.path,
                                              VMMI_FAKE_ACKNOWLEDGED=mark))
        assert done.returncode == 0 and b"cannot write" in done.stderr and not os.path.exists(mark), done


def test_wait_timeout():
    done = act("endless", "wait", "web1", "--timeout", "0.2")
    assert done.code == 7 and "has not ended after 0.2 s; it goes on" in done.err, (done.code, done.err)
    item = act("endless", "wait", "web1", "--timeout", "0.2", "--json").objects()[-1]
    assert item["error"]["code"] == 114 and item["outcome"] in (None, "none"), item


def test_wait_terminal():
    with Records(RUNNING) as records:
        terminal = Terminal("endless", "wait", "web1", VMMI_FAKE_RECORDS=records.path, columns=120)
        terminal.until("to go")
        terminal.press(b"\x03")
        assert terminal.end() == 4
        assert "the migration goes on" in terminal.text and "aborting" not in terminal.text, terminal.text


# --- status


def test_status():
    done = act("endless", "status", "web1")
    assert done.code == 0 and "\033" not in done.out, done
    lines = dict((line.split(None, 1) for line in done.out.splitlines()))
    assert lines["state"] == "precopy, 43%, pass 3" and lines["elapsed"] == "12.4 s, 4.0 s to go", lines
    assert lines["memory"] == "1.2 GiB left, 2.0 GiB in all, 118 MiB/s" and lines["dirtied"] == "80.0 MiB/s", lines
    assert lines["downtime"] == "limit 300 ms, expected 240 ms" and lines["policy"] == "touri; it is?[31m early", lines
    item = act("endless", "status", "web1", "--json").object()
    assert STABLE <= set(item) and item["status"]["percent"] == 43


def test_status_none():
    for play, code, words in (("not-ready", 1, "cannot be asked yet"), ("deaf", 7, "no answer came in time")):
        done = act(play, "status", "web1")
        assert done.code == code and words in done.err and done.out == "", (play, done)
        assert words in act(play, "status", "web1", "--json").object()["error"]["message"]


# --- abort, release


def test_abort():
    done = act("endless", "abort", "web1")
    assert done.code == 0 and done.err == "", done
    assert done.out == "aborted: web1 is on the source, qemu:///system\n", done.out
    item = act("endless", "abort", "web1", "--json").object()
    assert item["outcome"] == "aborted" and item["where"] == "source", item
    assert act("not-ready", "abort", "web1").code == 0


def test_abort_otherwise():
    for play, code, kind in (("abort-too-late", 1, "completed"), ("fails", 1, "failed"), ("unknown", 6, "unknown")):
        play_of = {"fails": "fails-deaf", "unknown": "unknown-deaf"}.get(play, play)
        done = act(play_of, "abort", "web1")
        assert done.code == code and kind in done.err and done.out.startswith(kind), (play, done.code, done.err)
        item = act(play_of, "abort", "web1", "--json").object()
        assert item["outcome"] == kind and item["error"]["message"], item


def test_no_wait():
    for verb in ("abort", "release"):
        done = act("deaf", verb, "web1", "--no-wait")
        assert done.code == 0 and f"vmmi wait {UUID}.3" in done.out, done
        assert act("deaf", verb, "web1", "--no-wait", "--json").object()["id"] == f"{UUID}.3"


def test_release():
    done = act("endless", "release", "web1")
    assert done.code == 0 and done.err == "" and done.out.startswith("released: web1"), done
    done = act("completes-deaf", "release", "web1")
    assert done.code == 1 and "completed" in done.err, done


def test_abort_interrupted():
    with Records(RUNNING) as records:
        terminal = Terminal("deaf", "abort", "web1", VMMI_FAKE_RECORDS=records.path)
        terminal.until("to go")
        terminal.press(b"\x03")
        assert terminal.end() == 6
        assert "its end is not known yet" in terminal.text, terminal.text


# --- show, log, acknowledge


def test_show():
    done = act("endless", "show", "01234567.9", records=(FINISHED,))
    text = done.out
    assert done.code == 0 and done.err == "" and "\033" not in text, done
    for part in (f"migration     {UUID}.9", f"guest         web1, {UUID}", "outcome       failed",
                 "where         web1 is on the source, qemu:///system", "evidence      source domain is running",
                 "its plugin    killed by signal 9, Killed", "figures       total 6.4 s, downtime 212 ms",
                 "error         the link?[31m broke in two", "directory     /nonexistent", "5 min ago",
                 "1.2 s  downtimeMs 300, done: pass 2 left? 20 MiB"):
        assert part in text, (part, text)
    rows = {line.split()[0]: line.split()[1:] for line in text.split("CONFIGURATION")[1].splitlines()[1:] if line.split()}
    assert rows["migration.params.bandwidth"] == ["5", "--set"] and rows["migration.flags"] == ['["live"]', "caller"], rows
    item = act("endless", "show", "web1", "--json", records=(FINISHED,)).object()
    assert STABLE <= set(item) and item["origins"]["migration.params.bandwidth"] == "--set", item
    assert item["configuration"]["migration"]["flags"] == ["live"] and item["inCharge"] is None, item


def test_show_in_charge():
    by = f"{UUID}.3"
    old = dict(FAILED, outcome="released", state="released", replacedBy=by)
    now = dict(RUNNING, replaces=FAILED["id"])
    done = act("endless", "show", FAILED["id"], records=(old, now))
    assert f"in charge     adaptive, migration {by}" in done.out and f"replaced by   {by}" in done.out, done.out
    done = act("endless", "show", by, records=(old, now))
    assert "in charge     adaptive\n" in done.out and f"replaces      {FAILED['id']}" in done.out, done.out
    item = act("endless", "show", FAILED["id"], "--json", records=(old, now)).object()
    assert item["inCharge"] == {"id": by, "plugin": "adaptive"}, item


def test_log():
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "journal"), "w", encoding="utf-8") as file:
            base = FAILED["createdMs"]
            for entry in ({"kind": "start", "data": {"policy": "touri", "version": "1"}}, {"kind": "state", "state": "precopy"},
                          {"kind": "sample", "sample": {}},
                          {"kind": "action", "data": {"action": "tune", "what": "downtimeMs", "value": 300, "result": "done",
                                                      "reason": "slow\033[2J"}},
                          {"kind": "end", "data": {"outcome": "failed", "where": "source"}}):
                file.write(json.dumps(dict(entry, seq=1, timestampMs=base + 1500)) + "\n")
            file.write('damaged\n{"kind": "state", "state": "never writ')
        record = dict(FINISHED, directory=folder)
        done = act("endless", "log", "web1", records=(record,))
        assert done.code == 0 and done.err == "" and done.out.splitlines() == [
            f"web1 under touri, migration {UUID}.9", "log file      /var/log/touri.log",
            "      1.5 s  touri 1 runs", "      1.5 s  precopy", "      1.5 s  downtimeMs 300, done: slow?[2J",
            "      1.5 s  end: failed, the guest is on: source", "             out of?[31m memory", "             second"], done.out
        items = act("endless", "log", "web1", "--json", records=(record,)).objects()
        assert [item["kind"] for item in items] == ["migration", "start", "state", "action", "end", "printed", "printed"]
        assert all(STABLE <= set(item) for item in items) and items[0]["logFilePath"] == "/var/log/touri.log"


def test_log_running():
    """Without an outcome the messages of the protocol are told from the rest here."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "stderr"), "w", encoding="utf-8") as file:
            file.write('first\n{"contentType": "completion",\n "x": 1}\n{not json}\nlast without newline')
        done = act("endless", "log", "web1", records=(dict(RUNNING, directory=folder),))
        assert [line.strip() for line in done.out.splitlines()[1:]] == ["first", "{not json}", "last without newline"], done.out
        os.unlink(os.path.join(folder, "stderr"))
        os.symlink("/etc/passwd", os.path.join(folder, "stderr"))
        done = act("endless", "log", "web1", records=(dict(RUNNING, directory=folder),))
        assert "has printed nothing" in done.out and "root" not in done.out, done.out


def test_acknowledge():
    done = act("completes", "acknowledge", "web1", f"{UUID}.1", records=(COMPLETED,))
    assert done.code == 0 and done.out == f"{UUID}.1\n" * 2, done
    done = act("endless", "acknowledge", "web1")
    assert done.code == 1 and "has not ended" in done.err, done
    seen = dict(COMPLETED, acknowledged=True)
    done = act("completes", "acknowledge", "--all-ended", "--json", records=(seen, FAILED, RUNNING))
    assert done.code == 0 and [item["id"] for item in done.objects()] == [FAILED["id"]], done
    assert done.object()["acknowledged"] is True


# --- the real thing


def killed_starter(world, guest="guest1", *words):
    """A migration whose `vmmi migrate` was killed with SIGKILL while it copies."""
    process = world.start("--json", *words, guest=guest)
    for line in process.stdout:
        item = json.loads(line)
        if item["state"] == "precopy":
            break
    process.kill()
    process.communicate()
    return item["id"]


def test_starter_killed():
    with World("speed=5") as world:
        name = killed_starter(world)
        assert world.record(name)["id"] == name
        waits = [world.open("wait", "guest1", "--json") for _ in range(2)]
        for wait in waits:
            out, err = wait.communicate(timeout=60)
            last = json.loads(out.splitlines()[-1])
            assert wait.returncode == 0 and last["outcome"] == "completed" and last["where"] == "destination", (out, err)
        item = world.record(name)
        assert item["acknowledged"] is True and item["outcome"] == "completed", item
        done = world.run("wait", name)
        assert done.code == 0 and "completed: guest1 is on the destination" in done.out, done.out
        # One that has ended long ago is told at once, without its states.
        assert len(done.out.splitlines()) == 3, done.out


def test_starter_killed_and_plugin_ended():
    """Nobody was there at the end: the list says so, show finds out."""
    with World("speed=20") as world:
        name = killed_starter(world)
        item = world.until(name, lambda item: item["phase"] == "finished")
        assert item["outcome"] is None and item["state"] == "unattended", item
        row = world.run("list").out.splitlines()[1]
        assert "unattended" in row and "its plugin has ended" in row, row
        done = world.run("show", "guest1")
        assert "outcome       completed" in done.out and "where         guest1 is on the destination" in done.out, done.out
        assert world.record(name)["outcome"] == "completed" and world.record(name)["acknowledged"] is False
        assert world.run("acknowledge", "--all-ended").out == name + "\n"
        assert world.record(name)["acknowledged"] is True


def test_abort_real():
    with World("speed=1") as world:
        name = killed_starter(world, "guest3")
        assert world.run("wait", name, "--timeout", "0.1").code == 7
        assert "precopy" in world.run("status", "guest3").out
        done = world.run("abort", "guest3")
        assert done.code == 0 and "aborted: guest3 is on the source" in done.out, done
        assert world.run("abort", name).code == 0, "it was aborted, if before"
        assert world.run("release", name).code == 1
        assert world.run("wait", name).code == 3
        assert world.where("guest3") == "source"


def test_abort_without_a_plugin():
    """The source is asked where nobody is left to be."""
    with World("speed=1") as world:
        name = killed_starter(world, "guest3")
        os.kill(world.pid(name), signal.SIGKILL)
        world.until(name, lambda item: item["phase"] == "finished")
        assert "nobody" in world.run("show", name).out
        done = world.run("abort", name, "--no-wait")
        assert done.code == 0 and "is on the source" in done.out, done


def test_percent_never_falls():
    """What is left grows again with each pass; how far it is does not go back, whoever reads the journal."""
    with World("speed=20") as world:
        name = world.detach("guest3")
        world.until(name, lambda item: (item["sample"] or {}).get("iteration", 0) >= 4)
        with open(os.path.join(world.record(name)["directory"], "journal"), encoding="utf-8") as file:
            samples = [entry["sample"] for entry in map(json.loads, file) if entry["kind"] == "sample"]
    left = [sample["dataRemainingBytes"] for sample in samples if "dataRemainingBytes" in sample]
    percent = [sample["percent"] for sample in samples if "percent" in sample]
    assert left != sorted(left, reverse=True), "the guest was too calm for this test"
    assert percent == sorted(percent), percent


def test_release_real():
    with World("speed=1") as world:
        name = world.detach("guest3")
        world.until(name, lambda item: item["state"] == "precopy")
        wait = world.open("wait", name)
        done = world.run("release", "guest3")
        assert done.code == 0 and "released: guest3" in done.out, done
        out, err = wait.communicate(timeout=60)
        assert wait.returncode == 4, (out, err)


def test_detach_hint():
    with World("speed=1") as world:
        done = world.run("migrate", "guest3", world.destination, "--detach")
        assert done.code == 0 and done.err == f"To follow it: vmmi wait {done.out.strip()}\n", done


def test_log_follow():
    with World("speed=5") as world:
        name = world.detach("guest1")
        done = world.run("log", name, "--follow")
        lines = [line.split(None, 2)[-1] for line in done.out.splitlines()[1:]]
        assert done.code == 0 and lines[0].startswith("touri ") and "precopy" in lines, done.out
        assert lines[-1] == "end: completed, the guest is on: destination", done.out
        log = [item["kind"] for item in world.run("log", name, "--json").objects()]
        assert log[0] == "migration" and log[-1] == "end" and "printed" not in log, log


def test_another_user():
    """Root looks at the run directory of somebody else, and touches nothing."""
    if os.geteuid() != 0:
        print("# not root: skipped")
        return
    with World("speed=20") as world:
        assert world.migrate()[0] == 0
        name = killed_starter(world, "guest3")
        os.kill(world.pid(name), signal.SIGINT)
        world.until(name, lambda item: item["phase"] == "finished")
        run_dir = world.env["VMMI_RUN_DIR"]
        for folder, _, files in os.walk(run_dir):
            os.chown(folder, 65534, 65534)
            for file in files:
                os.chown(os.path.join(folder, file), 65534, 65534, follow_symlinks=False)

        def look():
            return sorted((folder, sorted(files)) for folder, _, files in os.walk(run_dir))

        before = look()
        assert run("wait", name, "--run-dir", run_dir, "--timeout", "0.2").code == 7, "nobody has settled it"
        done = run("list", "--run-dir", run_dir)
        assert done.code == 0 and len(done.out.splitlines()) == 3, done
        assert run("show", name, "--run-dir", run_dir).code == 0
        assert run("log", name, "--run-dir", run_dir).code == 0
        assert run("wait", "guest1", "--run-dir", run_dir).code == 0
        for verb in ("abort", "release", "acknowledge"):
            done = run(verb, name, "--run-dir", run_dir)
            assert done.code not in (0, 3, 4) and done.err.count("\n") == 1, (verb, done)
        done = run("acknowledge", "guest1", "--run-dir", run_dir)
        assert done.code == 125 and run_dir in done.err, done
        assert look() == before


if __name__ == "__main__":
    main(globals())
