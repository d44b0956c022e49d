# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_list.py: vmmi list and vmmi list --watch: what a table shows and how it fits. The records are scripted ones, the last
rows are real ones on simulated hosts."""
import json
import os
import re
import signal
import tempfile
import time

from simworld import World
from tool import FAKED, PATIENCE, Terminal, environment, faked, main, run

STABLE = {"id", "guest", "uuid", "plugin", "state", "outcome", "where", "percent", "error"}
UUID = "01234567-89ab-cdef-0123-456789abcdef"
NOW = int(time.time() * 1000)

RUNNING = {"id": f"{UUID}.3", "guest": "web1", "uuid": UUID, "plugin": "adaptive", "state": "precopy", "percent": 43,
           "phase": "running", "createdMs": NOW - 12000, "source": "qemu:///system", "destination": "qemu+ssh://host2/system",
           "sample": {"dataRemainingBytes": 1288490189, "memoryBytesPerSecond": 123731968}, "error": None, "where": None,
           "outcome": None}
COMPLETED = {"id": f"{UUID}.1", "guest": "web1", "uuid": UUID, "plugin": "touri", "state": "completed", "percent": 100,
             "phase": "finished", "createdMs": NOW - 7300000, "source": "qemu:///system",
             "destination": "qemu+ssh://host2/system", "outcome": "completed", "where": "destination", "error": None}
FAILED = dict(COMPLETED, id=f"{UUID}.2", outcome="failed", state="failed", where="source", percent=9,
              error={"code": 8, "message": "the link\033[31m broke\nin two", "details": ""}, createdMs=NOW - 300000)
REPLACED = dict(FAILED, id=f"{UUID}.4", outcome="released", state="released", replacedBy=f"{UUID}.5")
SILENT = dict(RUNNING, id=f"{UUID}.6", guest="web2", plugin="foreign", state=None, percent=0, sample=None)
LEFT = dict(RUNNING, id=f"{UUID}.7", guest="web3", state="unattended", phase="finished")
WIDE = dict(RUNNING, id=f"{UUID}.8", guest="虚拟机" * 6, plugin="ü" * 20)


class Records:
    """A file with scripted records."""

    def __init__(self, *records):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "records.json")
        os.mkdir(os.path.join(self.folder.name, "jobs"))
        self.write(*records)

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.folder.cleanup()

    def write(self, *records):
        """Replaces the records, and lets a watcher see that something has changed."""
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            json.dump(records, file)
        os.rename(self.path + ".new", self.path)
        open(os.path.join(self.folder.name, "jobs", "touch"), "w", encoding="utf-8").close()
        os.unlink(os.path.join(self.folder.name, "jobs", "touch"))

    def list(self, *words, **changes):
        return faked("endless", "list", *words, VMMI_FAKE_RECORDS=self.path, **changes)

    def terminal(self, *words, **changes):
        return Terminal("endless", "list", "--run-dir", self.folder.name, *words, VMMI_FAKE_RECORDS=self.path, **changes)


def plain(text):
    """Without colours."""
    return re.sub(r"\033\[[0-9;]*m", "", text)


def test_columns():
    with Records(COMPLETED, FAILED, RUNNING) as records:
        done = records.list()
        head, *rows = done.out.splitlines()
        assert done.code == 0 and done.err == "" and "\033" not in done.out, done
        assert head.split() == ["ID", "GUEST", "PLUGIN", "STATE", "DONE", "WHERE", "AGE"]
        assert rows[0].split()[:5] == [f"{UUID}.1", "web1", "touri", "completed", "100%"], rows
        assert "destination, qemu+ssh://host2/system" in rows[0] and rows[0].endswith("2 h"), rows
        assert rows[1].split()[3:5] == ["failed", "-"] and "source: the link?[31m broke in two" in rows[1], rows
        assert "1.2 GiB left, 118 MiB/s, to qemu+ssh://host2/system" in rows[2] and " 43%" in rows[2], rows
        assert len({len(line) for line in [head, *rows]}) == 1, done.out


def test_words():
    """Replaced, without a journal, left alone."""
    with Records(REPLACED, SILENT, LEFT) as records:
        rows = records.list().out.splitlines()[1:]
        assert "replaced by 01234567.5" in rows[0] and "released" in rows[0]
        assert "running" in rows[1] and "foreign" in rows[1]
        assert "unattended" in rows[2] and "its plugin has ended" in rows[2]


def test_filters():
    with Records(COMPLETED, RUNNING) as records:
        for words, ids in (((), 2), (("--running",), 1), (("--ended",), 1), (("--running", "--ended"), 2)):
            assert len(records.list(*words).out.splitlines()) == ids + 1, words
        assert "completed" in records.list("-e").out and "precopy" in records.list("-r").out


def test_json():
    with Records(COMPLETED, FAILED, RUNNING) as records:
        items = records.list("--json").objects()
        assert [item["id"][-1] for item in items] == ["1", "2", "3"]
        assert all(STABLE <= set(item) for item in items)


def test_empty():
    for words, text in (((), "There are no migrations"), (("--running",), "No migration is running"),
                        (("--ended",), "No migration has ended")):
        with Records() as records:
            done = records.list(*words)
            assert done.code == 0 and text in done.out and "vmmi -c sim:/// migrate guest1" in done.out, done.out
            assert records.list("--json", *words).out == ""


def test_damaged():
    with Records("migration X: job.json: line 1, column 2", COMPLETED, "another") as records:
        done = records.list()
        assert done.code == 0 and len(done.out.splitlines()) == 2, done.out
        assert done.err == "vmmi: 2 records cannot be read, the first: migration X: job.json: line 1, column 2\n", done.err
        items = records.list("--json").objects()
        assert len(items) == 2 and STABLE <= set(items[1]) and "job.json" in items[1]["error"]["message"], items
    with Records("it is damaged") as records:
        assert records.list().out == "", "an empty list would be a lie"


def test_every_width():
    with Records(COMPLETED, FAILED, RUNNING, REPLACED, SILENT, LEFT, WIDE) as records:
        for columns in (1, 2, 5, 11, 12, 20, 30, 50, 79, 80, 100, 140, 250):
            terminal = records.terminal(columns=columns)
            assert terminal.end() == 0
            lines = [line for line in plain(terminal.text).split("\r\n") if "vmmi wait ID" not in line]
            for line in lines:
                width = sum(2 if ord(c) > 0x2e80 else 1 for c in line)
                assert width < max(columns, 2), (columns, line)
            if columns >= 30:
                assert all(f"01234567.{n}" in terminal.text or f"{UUID}.{n}" in terminal.text for n in (1, 2, 3, 4)), columns


def test_terminal():
    with Records(COMPLETED, FAILED, LEFT) as records:
        terminal = records.terminal(columns=200)
        assert terminal.end() == 0
        assert "\033[32mcompleted" in terminal.text and "\033[31mfailed" in terminal.text, terminal.text
        assert "'vmmi wait ID'" in terminal.text
        for changes in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            terminal = records.terminal(columns=200, **changes)
            assert terminal.end() == 0 and "\033" not in terminal.text, terminal.text
        terminal = records.terminal(columns=50, LC_ALL="C")
        assert terminal.end() == 0 and terminal.text.isascii() and "~" in terminal.text, terminal.text


def test_full_output():
    with Records(RUNNING) as records, open("/dev/full", "w", encoding="ascii") as full:
        import subprocess
        done = subprocess.run([FAKED, "list"], stdout=full, stderr=subprocess.PIPE, check=False, timeout=PATIENCE,
                              env=environment(VMMI_FAKE="endless", VMMI_FAKE_RECORDS=records.path))
        assert done.returncode == 125 and b"cannot write" in done.stderr, done


# --- watch


def screens(text):
    """The frames of a table that is drawn in place, without escapes."""
    return [re.sub(r"\033\[[0-9;?]*[A-Za-z]", "", frame) for frame in text.split("\033[H")[1:]]


def test_watch_terminal():
    with Records(COMPLETED) as records:
        terminal = records.terminal("--watch", columns=120)
        terminal.until("completed")
        assert "\033[?1049h" in terminal.text and "\033[?25l" in terminal.text
        records.write(COMPLETED, FAILED)
        at = terminal.until("failed")
        terminal.resize(40)
        terminal.until("\033[J", terminal.until("\033[H", at))
        terminal.press(b"\x03")
        assert terminal.end() == 0
        assert "0 running, 2 ended" in terminal.text
        assert all(len(line) < 40 for line in screens(terminal.text)[-1].split("\033[?25h")[0].splitlines() if "^C" not in line)
        # The screen is given back, and the last table stays.
        assert "failed" in terminal.text.split("\033[?25h\033[?1049l")[1], terminal.text[-600:]


def test_watch_height():
    """What does not fit goes: those that have ended first."""
    with Records(*[dict(COMPLETED, id=f"{UUID}.{n}") for n in range(100, 140)], RUNNING) as records:
        terminal = records.terminal("--watch", columns=120)
        terminal.until("more are not shown")
        terminal.signal(signal.SIGTERM)
        assert terminal.end() == 0
        frame = screens(terminal.text.split("\033[?1049l")[0])[0]
        assert frame.count("\r\n") < 24 and "precopy" in frame and ".139" in frame and ".100" not in frame, frame
        assert "21 more are not shown" in frame and "1 running, 40 ended" in frame, frame


def test_watch_empty():
    with Records() as records:
        terminal = records.terminal("--watch", columns=60)
        terminal.until("There are no migrations")
        records.write(COMPLETED)
        terminal.until("completed")
        terminal.press(b"\x03")
        assert terminal.end() == 0


def test_watch_stop():
    """Ctrl-Z gives the terminal back, and later it goes on."""
    with Records(COMPLETED) as records:
        terminal = records.terminal("--watch", columns=100)
        at = terminal.until("completed")
        terminal.signal(signal.SIGTSTP)
        at = terminal.until("\033[?1049l", at)
        deadline = time.monotonic() + PATIENCE
        while True:
            with open(f"/proc/{terminal.process.pid}/stat", encoding="ascii") as file:
                if file.read().split(")")[1].split()[0] == "T":
                    break
            assert time.monotonic() < deadline, "it does not stop"
            time.sleep(0.01)
        terminal.signal(signal.SIGCONT)
        terminal.until("completed", terminal.until("\033[?1049h", at))
        terminal.signal(signal.SIGINT)
        assert terminal.end() == 0


class Stream:
    """`vmmi list --watch` without a terminal."""

    def __init__(self, process):
        self.process = process

    def until(self, condition):
        for line in self.process.stdout:
            if condition(line):
                return line
        raise AssertionError("it ended: " + self.process.stderr.read())

    def end(self):
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode == 0 and err == "", (self.process.returncode, out, err)


def stream(records, *words):
    import subprocess
    return Stream(subprocess.Popen([FAKED, "list", "--watch", "--run-dir", records.folder.name, *words], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=environment(VMMI_FAKE="endless", VMMI_FAKE_RECORDS=records.path)))


def test_watch_lines():
    with Records(COMPLETED) as records:
        watch = stream(records)
        watch.until(lambda line: f"{UUID}.1  web1  completed" in line)
        records.write(COMPLETED, FAILED)
        line = watch.until(lambda line: True)
        assert f"{UUID}.2" in line and "failed" in line and "\033" not in line, line
        records.write(FAILED)
        assert watch.until(lambda line: True) == f"{UUID}.1  removed\n"
        watch.end()


def test_watch_json():
    with Records(COMPLETED) as records:
        watch = stream(records, "--json")
        watch.until(lambda line: json.loads(line)["state"] == "completed")
        records.write(dict(COMPLETED, acknowledged=True))
        assert json.loads(watch.until(lambda line: True))["acknowledged"] is True
        records.write()
        last = json.loads(watch.until(lambda line: True))
        assert last["id"] == f"{UUID}.1" and last["removed"] is True and STABLE <= set(last), last
        watch.end()


def test_watch_reader_gone():
    with Records(COMPLETED) as records:
        watch = stream(records)
        watch.until(lambda line: True)
        watch.process.stdout.close()
        records.write(FAILED)
        assert watch.process.wait(PATIENCE) != 0
        watch.process.stderr.close()


# --- the real thing


def test_watch_real():
    """A migration from its first line to its last, begun while somebody watches."""
    with World("speed=10") as world:
        watch = Stream(world.open("list", "--watch", "--json"))
        name = world.detach("guest1")
        seen = []
        while not seen or seen[-1]["outcome"] is None:
            seen.append(json.loads(watch.until(lambda line: True)))
        assert {item["id"] for item in seen} == {name} and seen[-1]["where"] == "destination", seen
        states = [item["state"] for item in seen]
        assert "precopy" in states and states[-1] == "completed", states
        percents = [item["percent"] for item in seen]
        assert percents == sorted(percents), percents
        watch.end()


def test_damaged_real():
    with World("speed=20") as world:
        assert world.migrate()[0] == 0
        name = world.run("list", "--json").object()["id"]
        with open(os.path.join(world.env["VMMI_RUN_DIR"], "jobs", name, "job.json"), "w", encoding="utf-8") as file:
            file.write("{")
        done = world.run("list")
        assert done.code == 0 and done.out == "" and name in done.err and done.err.count("\n") == 1, done.err
        for verb in ("show", "wait", "log", "status", "abort", "release", "acknowledge"):
            done = world.run(verb, name, "--json")
            assert done.code == 125 and name in done.object()["error"]["message"], (verb, done.code, done.err)


def test_no_run_dir():
    done = run("list", "--run-dir", "/nonexistent/x")
    assert done.code == 125 and "/nonexistent" in done.err and done.err.count("\n") == 1, done.err
    assert STABLE <= set(run("list", "--json", "--run-dir", "/nonexistent/x").object())


if __name__ == "__main__":
    main(globals())
