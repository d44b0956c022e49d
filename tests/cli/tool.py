# SPDX-License-Identifier: LGPL-2.1-or-later
"""tool.py: running the command in tests: plainly, on a pseudo terminal, and TAP for the rows.

A test is a function whose name begins with test_. It fails by an exception.
"""
import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
import traceback

TOOL = os.environ["VMMI_TOOL"]
FAKED = os.environ.get("VMMI_FAKED", TOOL)
SOURCE = os.environ.get("SOURCE_ROOT", ".")
PATIENCE = 60
ID = "01234567-89ab-cdef-0123-456789abcdef.1"


class Result:
    """What a finished run left behind."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __repr__(self):
        return f"exit status {self.code}, output {self.out!r}, errors {self.err!r}"

    def objects(self):
        """Standard output as JSON, one object a line and nothing else."""
        return [json.loads(line) for line in self.out.splitlines()]

    def object(self):
        objects = self.objects()
        assert len(objects) == 1, f"one object was expected: {self.out!r}"
        return objects[0]


def environment(**changes):
    """The environment of a run: what leads elsewhere is taken out."""
    env = {key: value for key, value in os.environ.items()
           if not key.startswith(("VMMI_PLUGIN", "VMMI_RUN", "VMMI_DEFAULT", "LIBVIRT_", "G_", "NO_COLOR"))}
    env.update(LC_ALL="C.UTF-8", TERM="xterm")
    for key, value in changes.items():
        if value is None:
            env.pop(key, None)
        else:
            env[key] = value
    return env


def run(*arguments, program=None, stdin="", **changes):
    """Runs the command to its end."""
    done = subprocess.run([program or TOOL, *arguments], input=stdin, capture_output=True, text=True,
                          errors="surrogateescape", timeout=PATIENCE, env=environment(**changes), check=False)
    return Result(done.returncode, done.stdout, done.stderr)


def faked(play, *arguments, **changes):
    """Runs the command with a scripted migration."""
    return run("-c", "fake:", *arguments, program=FAKED, VMMI_FAKE=play, **changes)


class Terminal:
    """The command on a pseudo terminal, standard error included."""

    def __init__(self, play, *arguments, columns=100, hold_stderr=False, **changes):
        self.master, slave = pty.openpty()
        self.resize(columns)
        self.errors_read = None
        stderr = slave
        if hold_stderr:
            self.errors_read, stderr = os.pipe()
        self.process = subprocess.Popen([FAKED, "-c", "fake:", *arguments], stdin=slave, stdout=slave, stderr=stderr,
                                        preexec_fn=self._own_terminal, env=environment(VMMI_FAKE=play, **changes))
        os.close(slave)
        if hold_stderr:
            os.close(stderr)
        self.text = ""

    @staticmethod
    def _own_terminal():
        """In the child: the terminal is its own, so that keys and resizing become signals."""
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def resize(self, columns):
        """A new width of the window."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def press(self, keys):
        os.write(self.master, keys)

    def _read(self, deadline):
        ready, _, _ = select.select([self.master], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            raise AssertionError(f"nothing more came: {self.text!r}")
        try:
            data = os.read(self.master, 65536)
        except OSError:
            data = b""
        self.text += data.decode(errors="replace")
        return bool(data)

    def until(self, needle, after=0):
        """Reads until the text behind position `after` holds the needle; returns the position behind it."""
        deadline = time.monotonic() + PATIENCE
        while needle not in self.text[after:]:
            if not self._read(deadline):
                raise AssertionError(f"{needle!r} did not come: {self.text!r}")
        return self.text.index(needle, after) + len(needle)

    def signal(self, number):
        self.process.send_signal(number)

    def end(self):
        """Reads to the end; returns the exit code."""
        deadline = time.monotonic() + PATIENCE
        while self._read(deadline):
            pass
        code = self.process.wait(PATIENCE)
        os.close(self.master)
        if self.errors_read is not None:
            os.close(self.errors_read)
        return code


def frames(text):
    """The moving lines of a terminal's text, without colours."""
    import re
    plain = re.sub(r"\033\[[0-9;]*m", "", text)
    return [part.split("\033[K")[0] for part in plain.split("\r") if "\033[K" in part and part.split("\033[K")[0]]


def main(namespace):
    """Runs the tests of a module and prints TAP."""
    tests = [(name, value) for name, value in namespace.items() if name.startswith("test_") and callable(value)]
    failed = 0
    print(f"1..{len(tests)}")
    for number, (name, test) in enumerate(tests, 1):
        try:
            test()
            print(f"ok {number} - {name[5:]}")
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print(f"not ok {number} - {name[5:]}")
            for line in traceback.format_exc().splitlines():
                print(f"# {line}")
        sys.stdout.flush()
    sys.exit(1 if failed else 0)
