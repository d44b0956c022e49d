# SPDX-License-Identifier: LGPL-2.1-or-later
"""frame.py: what the fault matrix is made of: a private surrounding, runs of the command, rows in TAP.

Rows are as in rows.py, whose names are passed on to the scripts here.
"""
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile

import rows
from rows import PATIENCE, Skip, Wrong, alive, row, same, until

TOOL = os.environ["VMMI_TOOL"]
PLUGINS = os.environ["VMMI_PLUGINS"]
SHIM = os.environ["VMMI_SHIM"]
FAKES = os.environ["VMMI_FAKES"]
LEAKS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lsan.supp")
# Names that scripts may rely on in every object about a migration.
CONTRACT = {"id", "guest", "uuid", "plugin", "state", "outcome", "where", "percent", "error"}
OUTCOMES = {None, "completed", "failed", "aborted", "released", "unknown"}
PLACES = {None, "source", "destination", "nowhere", "both", "unknown"}


# --- the surrounding ------------------------------------------------------------------------------------------------


class Box:
    """A private directory with everything that the command may read or write."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="vmmi-faults-")
        self.run_dir = self.at("run")
        self.plugins = self.at("plugins")
        self.conf = self.at("conf")
        os.mkdir(self.plugins, 0o755)
        os.mkdir(self.conf, 0o755)
        self.count = 0

    def at(self, *names):
        return os.path.join(self.path, *names)

    def new(self, stem):
        """A name that nothing has yet."""
        self.count += 1
        return self.at(f"{stem}-{self.count}")

    def write(self, text, stem="file", mode=0o600):
        """A new file; returns its path."""
        path = self.new(stem)
        with open(path, "wb") as stream:
            stream.write(text if isinstance(text, bytes) else text.encode())
        os.chmod(path, mode)
        return path

    def plugin(self, name, text, mode=0o755):
        """A plugin of the box; returns its name."""
        path = os.path.join(self.plugins, name)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.chmod(path, mode)
        return name

    def environment(self, **changes):
        """That of the command: what leads elsewhere is taken out."""
        env = {key: value for key, value in os.environ.items()
               if not key.startswith(("VMMI_", "LIBVIRT_", "G_", "NO_COLOR")) or key.startswith("VMMI_LAB")}
        env.update(LC_ALL="C.UTF-8", VMMI_RUN_DIR=self.run_dir, VMMI_CONF_DIR=self.conf, VMMI_SHIM_PATH=SHIM,
                   VMMI_PLUGIN_PATH=f"{self.plugins}:{PLUGINS}", LSAN_OPTIONS=f"suppressions={LEAKS}:print_suppressions=0")
        for key, value in changes.items():
            env.pop(key, None)
            if value is not None:
                env[key] = value
        return env

    def jobs(self):
        """The ids of all records."""
        path = os.path.join(self.run_dir, "jobs")
        return sorted(os.listdir(path)) if os.path.isdir(path) else []

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


BOX = Box()


def record(directory, name):
    """A file of a migration's directory; None while it is not there."""
    try:
        with open(os.path.join(directory, name), encoding="utf-8") as stream:
            return json.load(stream)
    except (FileNotFoundError, ValueError):
        return None


# --- runs -----------------------------------------------------------------------------------------------------------


def check_object(line):
    """One line of standard output: valid, and with the names of the contract."""
    try:
        got = json.loads(line)
    except ValueError as error:
        raise Wrong(f"no JSON on standard output ({error}): {line!r}") from None
    missing = CONTRACT - set(got)
    if missing:
        raise Wrong(f"the object lacks {sorted(missing)}: {line[:300]}")
    if got["outcome"] not in OUTCOMES or got["where"] not in PLACES:
        raise Wrong(f"unknown words: outcome {got['outcome']!r}, where {got['where']!r}")
    if got["error"] is not None and not {"code", "message", "details"} <= set(got["error"]):
        raise Wrong(f"an incomplete error: {got['error']!r}")
    return got


class Run:
    """The command, started; --json unless told otherwise."""

    def __init__(self, *arguments, source="sim:///", plain=False, env=None, stdin=None, **popen):
        self.plain = plain
        self.out_path, self.err_path = BOX.write("", "out"), BOX.write("", "err")
        command = [TOOL, "-c", source, *([] if plain else ["--json"]), *arguments]
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                command, stdout=out, stderr=err, stdin=stdin or subprocess.DEVNULL, env=env or BOX.environment(), **popen)
        self.code = None

    def out(self):
        with open(self.out_path, encoding="utf-8") as stream:
            return stream.read()

    def err(self):
        with open(self.err_path, encoding="utf-8") as stream:
            return stream.read()

    def objects(self):
        """What came so far, line by line; the last line only when it is whole."""
        return [check_object(line) for line in self.out().split("\n")[:-1]]

    def last(self):
        objects = self.objects()
        if not objects:
            raise Wrong("there is no object on standard output")
        return objects[-1]

    def state(self, *names):
        """Waits until one of these states was announced."""
        def announced():
            if self.process.poll() is not None:
                raise Wrong(f"it ended before it was {' or '.join(names)}: {self.out()[-500:]!r} {self.err()!r}")
            return [got for got in self.objects() if got["state"] in names]
        return until(f"state {' or '.join(names)}", announced)[-1]

    def directory(self):
        return until("the first object", self.objects)[0]["directory"]

    def helper(self):
        """The processes of the migration: "pid" is the plugin, "shimPid" its shim."""
        return until("the plugin's process", lambda: record(self.directory(), "helper.json"))

    def signal(self, number):
        self.process.send_signal(number)

    def end(self):
        """Waits for the end; returns this."""
        try:
            self.code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Wrong(f"it did not end: {self.out()[-500:]!r} {self.err()!r}") from None
        return self

    def tell(self):
        return f"exit code {self.code}, standard output {self.out()[-900:]!r}, standard error {self.err()!r}"

    def expect(self, code, message=None, **last):
        """What the user gets: exit code, the sentence (a pattern), members of the last object ("error_code" too)."""
        self.end()
        if self.code != code:
            raise Wrong(f"it should have ended with {code}: {self.tell()}")
        lines = self.err().splitlines()
        if [line for line in lines if not line.startswith("vmmi: ")]:
            raise Wrong(f"standard error has more than sentences: {self.tell()}")
        if message and not [line for line in lines if re.search(message, line)]:
            raise Wrong(f"no sentence says {message!r}: {self.tell()}")
        if not message and lines:
            raise Wrong(f"standard error should be empty: {self.tell()}")
        return self.plain or self.expect_last(lines, **last)

    def expect_last(self, lines, error_code=None, **last):
        """The last object, and that its error is the sentence that was said."""
        got = self.last()
        for key, want in last.items():
            if got[key] != want:
                raise Wrong(f"'{key}' should be {want!r}: {self.tell()}")
        error = got["error"]
        if (error["code"] if error else None) != error_code:
            raise Wrong(f"the error's code should be {error_code}: {self.tell()}")
        if error and self.code not in (0, 7) and not [line for line in lines if " ".join(error["message"].split()) in line]:
            raise Wrong(f"the object's error was not said: {self.tell()}")
        return got


@contextlib.contextmanager
def running(*arguments, **options):
    """A run that is ended, whatever becomes of the row, and its plugin with it."""
    run = Run(*arguments, **options)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()
        end_plugin(run)


def end_plugin(run):
    """For rows that failed half-way, and plugins that do not end by themselves."""
    with contextlib.suppress(Exception):
        directory = run.objects()[0]["directory"]
        pid = record(directory, "helper.json")["pid"]
        if pid and not record(directory, "result.json") and directory in read_environment(pid):
            os.kill(pid, signal.SIGKILL)


def read_environment(pid):
    with open(f"/proc/{pid}/environ", encoding="utf-8", errors="replace") as stream:
        return stream.read()


def refused(code, message, *arguments, error_code, **options):
    """A run that starts nothing: no record, no outcome, one object with the error."""
    before = BOX.jobs()
    got = Run(*arguments, **options).expect(code, message, error_code=error_code, outcome=None, state=None, where=None,
                                            id=None)
    same("the records", BOX.jobs(), before)
    return got


def main():
    """Runs the rows, and removes what they were run in."""
    try:
        rows.main()
    finally:
        BOX.remove()


__all__ = ["BOX", "FAKES", "PATIENCE", "PLUGINS", "Run", "SHIM", "Skip", "TOOL", "Wrong", "alive", "check_object", "main", "record",
           "refused", "row", "running", "same", "until"]
