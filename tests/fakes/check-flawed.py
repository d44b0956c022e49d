# SPDX-License-Identifier: LGPL-2.1-or-later
"""check-flawed.py: each fake has the flaw that its head says, and no other.

Usage: check-flawed.py FOLDER
"""
import os
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "abi"))

from run_plugin import Plugin, objects   # pylint: disable=wrong-import-position
from tap import Tap                      # pylint: disable=wrong-import-position

FOLDER = pathlib.Path(sys.argv[1]).resolve()
MIB = 1024 * 1024
ASKS = {"silent": 0, "answers-twice": 2, "answers-garbage": 0, "never-ends": 1, "sigwait": 1}

# Name: exit status (minus the signal), results of its completions in order.
ENDS = {
    "lies": (0, ["success"]),
    "fails": (1, ["error"]),
    "own-code": (1, ["error"]),
    "many-lines": (0, ["success"]),
    "no-completion": (0, []),
    "no-completion-fails": (1, []),
    "two-completions": (0, ["error", "success"]),
    "two-completions-error": (1, ["success", "error"]),
    "garbage-before": (0, ["success"]),
    "garbage-after": (0, ["success"]),
    "garbage-around": (0, ["success"]),
    "other-message": (0, ["success"]),
    "success-exit-1": (1, ["success"]),
    "error-exit-0": (0, ["error"]),
    "success-killed": (-signal.SIGKILL, ["success"]),
    "killed": (-signal.SIGKILL, []),
    "crashes": (-signal.SIGSEGV, []),
    "answers-unasked": (0, ["success"]),
    "floods-stdout": (0, ["success"]),
    "floods-stderr": (0, ["success"]),
    "floods-stderr-after": (0, ["success"]),
    "truncated": (0, []),
    "empty-completion": (0, [None]),
    "no-success": (0, ["success"]),
    "no-error": (1, ["error"]),
    "wrong-types": (1, ["error"]),
    "wrong-result": (0, ["perhaps"]),
    "no-timestamp": (0, ["success"]),
    "other-version": (0, ["success"]),
    "wrong-stream": (0, []),
    "exits-early": (0, []),
    "slow-bytes": (0, ["success"]),
    "leaves-child": (0, ["success"]),
    "catches-late": (0, ["success"]),
    "sigwait": (0, ["success"]),
    "describes-wrongly": (0, ["success"]),
    "describes-nonsense": (0, ["success"]),
    "describes-other-version": (0, ["success"]),
    "describes-at-length": (0, ["success"]),
    "describes-not": (0, ["success"]),
    "describes-forever": (0, ["success"]),
}
# Name: the signals that it does not end by.
DEAF = {
    "never-ends": [], "silent": [], "answers-twice": [], "answers-garbage": [],
    "ignores-sigint": [signal.SIGINT], "ignores-sigterm": [signal.SIGTERM],
    "ignores-signals": [signal.SIGINT, signal.SIGTERM],
}
# What else there is to see.
OUTPUT = {"answers-unasked": lambda out: len(objects(out)) == 1,
          "floods-stdout": lambda out: len(out) == 16 * MIB,
          "wrong-stream": lambda out: len(objects(out)) == 1}
ERRORS = {"floods-stderr": lambda err: len(err) > 16 * MIB,
          "floods-stderr-after": lambda err: len(err) > 16 * MIB,
          "many-lines": lambda err: err.count(b"\n") > 5,
          "garbage-before": lambda err: not err.startswith(b'{"vmmi'),
          "garbage-after": lambda err: err.endswith(b"\xff}\n"),
          "garbage-around": lambda err: err.startswith(b"begin") and err.endswith(b"end"),
          "no-timestamp": lambda err: b"timestamp" not in err,
          "other-version": lambda err: b'"0.5.0"' in err,
          "wrong-types": lambda err: b'"code": "eight"' in err,
          "truncated": lambda err: len(err) == 100}


def check_end(name):
    """Runs it to its own end."""
    status, results = ENDS[name]
    policy = {"durationMs": 10, "paceMs": 0, "lateMs": 50, "lingerMs": 60000}
    with Plugin(str(FOLDER / name), configuration={"policy": policy}) as plugin:
        got = plugin.wait()
        output, errors = plugin.read("stdout"), plugin.read("stderr")
        found = [completion.get("result") for completion in plugin.completions()]
    complaints = []
    if got != status:
        complaints.append(f"exit status {got}, not {status}")
    if found != results:
        complaints.append(f"completions {found}, not {results}: {errors[:500]!r}")
    if not OUTPUT.get(name, lambda out: out == b"")(output):
        complaints.append(f"standard output: {output[:500]!r}")
    if not ERRORS.get(name, lambda err: err.count(b"\n") <= 3)(errors):
        complaints.append(f"standard error: {errors[:500]!r}")
    return complaints


def check_signal(name, number):
    """Ends it by a signal, or shows that the signal does not end it."""
    with Plugin(str(FOLDER / name)) as plugin:
        if number in DEAF[name]:
            # An ignored signal leaves no trace: what comes after it does.
            plugin.until(lambda: is_deaf(plugin, number), "it is not deaf")
            plugin.process.send_signal(number)
            plugin.process.send_signal(signal.SIGKILL)
            return [] if plugin.wait() == -signal.SIGKILL else ["it has ended by itself"]
        plugin.send(number)
        code = {signal.SIGINT: 9, signal.SIGTERM: 13}[number]
        got = plugin.wait()
        codes = [completion["error"]["code"] for completion in plugin.completions()]
    return [] if got == 1 and codes == [code] else [f"exit status {got}, codes {codes}"]


def is_deaf(plugin, number):
    """Whether a signal is ignored, or caught in vain."""
    with open(f"/proc/{plugin.process.pid}/status", encoding="ascii") as stream:
        masks = dict(line.split(":\t") for line in stream if line.startswith("Sig"))
    return bool((int(masks["SigIgn"], 16) | int(masks["SigCgt"], 16)) >> (number - 1) & 1)


def check_ask(name):
    """Asks for a status; then for another, so that an answer to the first would have come."""
    with Plugin(str(FOLDER / name), configuration={"policy": {"durationMs": 3600000}}) as plugin:
        plugin.send(signal.SIGUSR1)
        if ASKS[name]:
            plugin.until(lambda: len(plugin.statuses()) >= ASKS[name], "no answer came")
        if name == "answers-garbage":
            plugin.until(lambda: plugin.read("stdout"), "no garbage came")
        plugin.send(signal.SIGINT)
        plugin.wait()
        count = len(plugin.statuses())
    return [] if count == ASKS[name] else [f"{count} statuses, not {ASKS[name]}"]


def check_silence():
    """With verbose 0 a request is not answered (M4)."""
    with Plugin(str(FOLDER / "never-ends"), configuration={"verbose": 0}) as plugin:
        plugin.send(signal.SIGUSR1)
        plugin.send(signal.SIGINT)
        plugin.wait()
        return [repr(plugin.read("stdout"))] if plugin.read("stdout") else []


def check_stop():
    """Is stopped, and goes on when it is continued."""
    with Plugin(str(FOLDER / "stops-itself")) as plugin:
        pid, status = os.waitpid(plugin.process.pid, os.WUNTRACED)
        if pid != plugin.process.pid or not os.WIFSTOPPED(status):
            return [f"wait status {status}"]
        plugin.process.send_signal(signal.SIGCONT)
        return [] if plugin.wait() == 0 else ["it failed after it was continued"]


def check_late():
    """A signal that comes early kills it."""
    with Plugin(str(FOLDER / "catches-late"), configuration={"policy": {"lateMs": 60000}}) as plugin:
        plugin.until(lambda: os.listdir(f"/proc/{plugin.process.pid}/task") and plugin.process.poll() is None, "gone")
        plugin.process.send_signal(signal.SIGUSR1)
        return [] if plugin.wait() == -signal.SIGUSR1 else ["it was not killed"]


def check_exec(name):
    """Cannot be executed."""
    try:
        subprocess.run([FOLDER / name], check=False)
    except OSError:
        return []
    return ["it was executed"]


def main():
    """One row for each fake and each way to look at it."""
    tap = Tap()
    unexecutable = ["no-interpreter", "not-a-program"]
    known = {*ENDS, *DEAF, "stops-itself", *unexecutable}
    there = {path.name for path in FOLDER.iterdir()}
    tap.row("every fake is checked", [f"{name} is not" for name in sorted(known ^ there)])
    tap.row("every fake is executable",
            [path.name for path in sorted(FOLDER.iterdir()) if not os.access(path, os.X_OK)])
    rows = [(f"{name}: ends", check_end, (name,)) for name in ENDS]
    rows += [(f"{name}: {number.name}", check_signal, (name, number))
             for name in DEAF for number in (signal.SIGINT, signal.SIGTERM)]
    rows += [(f"{name}: SIGUSR1", check_ask, (name,)) for name in ASKS]
    rows += [("never-ends: verbose 0", check_silence, ())]
    rows += [("stops-itself", check_stop, ()), ("catches-late: early", check_late, ())]
    rows += [(name, check_exec, (name,)) for name in unexecutable]
    for title, check, arguments in rows:
        try:
            complaints = check(*arguments)
        except (TimeoutError, subprocess.TimeoutExpired, OSError) as error:
            complaints = [repr(error)]
        tap.row(title, complaints)
    return tap.end()


sys.exit(main())
