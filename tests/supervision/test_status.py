# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_status.py: Status on the control socket: answers among noise, none, too many, and floods of requests (R14)."""
import json
import os
import re
import signal
import sys
import time

from shimbox import SOAK, STATUS, WAITS, ANSWERS, Wrong, error_of, main, row, same, until

SILENT = f"n=0; trap 'n=$((n + 1)); echo $n >\"$VMMI_JOB/asked\"' USR1; {WAITS}"


def says(text, after=""):
    """A plugin that answers with this text, which has no single quotes."""
    return f"trap 'cat \"$VMMI_JOB/answer\"{after}' USR1; cat >\"$VMMI_JOB/answer\" <<'END'\n{text}\nEND\n{WAITS}"


@row("Status brings the plugin's answer, a new one each time")
def status(box):
    with box.start(ANSWERS).prints("ready").client() as client:
        for number in range(1, 6):
            got = client.call("Status")["parameters"]["status"]
            same("the status", (got["contentType"], got["status"]["percent"]), ("status", number))


@row("Status of a plugin that would die of the question: NotReady")
def not_ready(box):
    job = box.start("echo ready; exec sleep 60").prints("ready")
    until("the program", lambda: "sleep" in open(f"/proc/{job.helper()['pid']}/comm", encoding="utf-8").read())
    same("the error", error_of(job.call("Status")), "NotReady")
    same("the phase", job.call("GetInfo")["parameters"]["phase"], "running")


@row("Status of a plugin that waits for its signals in sigwait is answered")
def sigwait(box):
    path = os.path.join(box.path, "sigwait.py")
    with open(path, "w", encoding="utf-8") as stream:
        stream.write("import signal, sys\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])\n"
                     "print('ready', flush=True)\nwhile True:\n signal.sigwait([signal.SIGUSR1])\n"
                     f" print('''{STATUS % 5}''', flush=True)\n")
    job = box.start(f"exec {sys.executable} {path}").prints("ready")
    got = until("an answer", lambda: job.call("Status")["parameters"].get("status"))
    same("the status", got["status"], {"percent": 5})


@row("Status of a plugin that does not answer: NoAnswer, when the time is over")
def no_answer(box):
    job = box.start(SILENT).prints("ready")
    begin = time.monotonic()
    got = job.call("Status", timeoutMs=200)
    same("the reply", (error_of(got), got["parameters"]), ("NoAnswer", {"timeoutMs": 200}))
    if time.monotonic() - begin < 0.2:
        raise Wrong("it came too early")
    same("the error", error_of(job.call("Status", timeoutMs=1)), "NoAnswer")


@row("Status of a plugin that ends meanwhile: Ended")
def ended(box):
    job = box.start(f"trap 'exit 4' USR1; {WAITS}").prints("ready")
    same("the error", error_of(job.call("Status")), "Ended")
    job.ended("exited", 4)


@row("an answer that the plugin sends with its last breath counts")
def last_breath(box):
    answer = STATUS % 7
    job = box.start(says(answer, "; exit 0")).prints("ready")
    same("the reply", job.call("Status").get("parameters"), {"status": json.loads(answer)})
    job.ended("exited", 0)


NOISE = [
    ("garbage before", 'noise {"a": [}\n{"contentType": "other"}\n' + STATUS % 1, 1),
    ("braces before", "{" * 50 + STATUS % 1, 1),
    ("two at once", STATUS % 1 + "\n" + STATUS % 2, 1),
    ("over several lines", (STATUS % 1).replace(", ", ",\n  "), 1),
    ("garbage behind", STATUS % 1 + "\nxx}}{{", 1),
    ("deep noise", '{"a":' * 40 + STATUS % 1, 1),
    ("much noise", "x{ " * 100000 + STATUS % 1, 1),
    ("too long", '{"contentType": "status", "status": {"x": "' + "y" * 70000 + '"}}', None),
    ("another type", '{"contentType": "completion"}', None),
    ("no type", '{"status": {}}', None),
    ("not UTF-8", '{"contentType": "status", "x": "\udcff"}', None),
    ("half a pair", '{"contentType": "status", "x": "\\ud800"}', None),
    ("cut", (STATUS % 1)[:-1], None),
    ("nothing", "", None),
]


@row("noise around an answer is left out; what is no status is no answer")
def noise(box):
    for name, text, percent in NOISE:
        job = box.start("trap 'cat \"$VMMI_JOB/answer\"' USR1; " + WAITS).prints("ready")
        with open(job.file("answer"), "w", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write(text)
        got = job.call("Status", timeoutMs=150 if percent is None else 30000)
        if percent is None:
            same(f"{name}: the error", error_of(got), "NoAnswer")
        else:
            same(f"{name}: the status", got["parameters"]["status"]["status"], {"percent": percent})
        job.signal(signal.SIGKILL)
        job.ended("killed", 9)
        box.start("exit 0").ended("exited", 0)


@row("an answer in pieces is put together")
def pieces(box):
    answer = STATUS % 3
    body = "".join(f"printf %s '{char}'; sleep 0.002; " for char in answer)
    job = box.start(f"asked=; trap 'asked=1' USR1; echo ready; while :; do sleep 0.01; [ $asked ] && {{ asked=; {body} }}; done")
    same("the status", job.prints("ready").call("Status")["parameters"]["status"], json.loads(answer))


@row("calls that come while an answer is awaited share it: the plugin is asked once")
def shared(box):
    job = box.start("n=0; trap 'n=$((n + 1)); echo $n >\"$VMMI_JOB/asked\"' USR1\n"
                    "echo ready; while [ ! -e \"$VMMI_JOB/go\" ]; do sleep 0.01; done; "
                    f"printf %s '{STATUS % 8}'; {WAITS}").prints("ready")
    clients = [job.client() for _ in range(10)]
    begin = time.monotonic()
    for client in clients:
        client.ask("Status", timeoutMs=60000)
    until("the question", lambda: os.path.exists(job.file("asked")) and job.read("asked"))
    until("all of them are heard", lambda: job.call("GetInfo"))
    with open(job.file("go"), "w", encoding="utf-8"):
        pass
    same("the answers", [client.reply()["parameters"]["status"]["status"]["percent"] for client in clients], [8] * 10)
    if int(job.read("asked")) > 1 + (time.monotonic() - begin):
        raise Wrong(f"the plugin was asked {job.read('asked')} times")


@row("Status of a stopped plugin; what GetInfo, Wait and result.json say about it")
def stopped(box):
    job = box.start(ANSWERS).prints("ready")
    with job.client() as waiter:
        waiter.ask("Wait", more=True)
        same("the first reply", waiter.reply(), {"parameters": {"phase": "running", "stopped": False, "stoppedSignal": 0},
                                                 "continues": True})
        job.signal(signal.SIGSTOP)
        same("that it was stopped", waiter.reply()["parameters"],
             {"phase": "running", "stopped": True, "stoppedSignal": signal.SIGSTOP})
        info = job.call("GetInfo")["parameters"]
        same("GetInfo", (info["stopped"], info["stoppedSignal"]), (True, signal.SIGSTOP))
        same("the error", error_of(job.call("Status", timeoutMs=100)), "NoAnswer")
        job.signal(signal.SIGCONT)
        same("that it goes on", waiter.reply()["parameters"]["stopped"], False)
        until("an answer", lambda: job.call("Status")["parameters"].get("status"))
        job.signal(signal.SIGKILL)
        last = waiter.reply()
        same("the last reply", ("continues" in last, last["parameters"]["phase"]), (False, "finished"))
        same("the signal in the result", last["parameters"]["result"]["stoppedSignal"], signal.SIGSTOP)
    same("result.json", job.ended("killed", 9), last["parameters"]["result"])


# --- floods (R14) ---------------------------------------------------------------------------------------------------

FLOODS = [
    ("never answers", SILENT),
    ("answers late", f"trap 'sleep 0.05; echo \"{(STATUS % 1).replace(chr(34), chr(92) + chr(34))}\"' USR1; {WAITS}"),
    ("answers twice", f"trap 'for n in 1 2; do echo \"{(STATUS % 1).replace(chr(34), chr(92) + chr(34))}\"; done' USR1; {WAITS}"),
    ("writes garbage between", f"trap 'head -c 3000 /dev/urandom; echo; echo \"{(STATUS % 1).replace(chr(34), chr(92) + chr(34))}\";"
                               f" head -c 3000 /dev/urandom' USR1; {WAITS}"),
]


def memory(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as stream:
        return int(re.search(r"^Private_Dirty:\s+(\d+)", stream.read(), re.M).group(1))


def flood(job, count):
    """Sends so many calls on 8 connections; returns the answers and the errors."""
    clients = [job.client() for _ in range(8)]
    answers, errors = 0, []
    for number in range(count):
        client = clients[number % 8]
        if number >= 8:
            reply = client.reply()
            answers += "parameters" in reply and "error" not in reply
            errors += [error_of(reply)] if "error" in reply else []
        client.ask("Status", timeoutMs=3)
    for client in clients:
        reply = client.reply()
        answers += "error" not in reply
        errors += [error_of(reply)] if "error" in reply else []
        client.close()
    return answers, errors


def add_flood(name, body):
    @row(f"a flood of Status to a plugin that {name}")
    def _(box):
        count = 10000 if SOAK else 600
        job = box.start(body).prints("ready")
        flood(job, 100)
        shim = job.helper()["shimPid"]
        before = memory(shim)
        answers, errors = flood(job, count)
        same("replies", answers + len(errors), count)
        if set(errors) - {"NoAnswer", "NotReady"}:
            raise Wrong(f"errors: {set(errors)}")
        if memory(shim) - before > 256:
            raise Wrong(f"the shim has grown from {before} to {memory(shim)} KiB")
        if os.stat(job.file("stdout")).st_blocks > 4 * 2048:
            raise Wrong("standard output was not kept small")
        same("the phase", job.call("GetInfo")["parameters"]["phase"], "running")


for flood_name, flood_body in FLOODS:
    add_flood(flood_name, flood_body)


@row("a plugin that writes without end: its files stay small, and its answers are found")
def writes_on(box):
    job = box.start(f"trap 'printf %s \"{(STATUS % 6).replace(chr(34), chr(92) + chr(34))}\"' USR1; echo ready; "
                    "while :; do head -c 500000 /dev/zero; head -c 500000 /dev/zero >&2; sleep 0.01; done").prints("ready")
    until("20 MB were written", lambda: os.stat(job.file("stderr")).st_size > 20e6)
    same("the status", until("an answer", lambda: job.call("Status")["parameters"].get("status"))["status"], {"percent": 6})
    # It is looked for at once, not when the next look at so much noise is due.
    for _ in range(10):
        if "status" not in job.call("Status", timeoutMs=60000)["parameters"]:
            raise Wrong("an answer was not found")
    job.signal(signal.SIGKILL)
    job.ended("killed", 9)
    for name, limit in (("stdout", 2 << 20), ("stderr", 5 << 20)):
        same(f"{name} is small", os.stat(job.file(name)).st_blocks * 512 <= limit, True)


@row("somebody cuts standard output between two calls")
def cut_between(box):
    job = box.start(ANSWERS).prints("ready")
    for number in range(1, 4):
        same("the status", job.call("Status")["parameters"]["status"]["status"]["percent"], number)
        os.truncate(job.file("stdout"), 0)


main()
