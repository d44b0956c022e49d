# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_steps.py: manager and shim are ended or stopped before each call of the commit order (R4).

Every step of docs/run-directory.md lies between two of these calls. Afterwards a restart finds one of absent, not-started, running
and finished; no process and no directory is left behind.
"""
import os
import signal
import time

from points import MEMORY, PATIENCE, Point, Start, become_reaper, reap_all, seed, survey
from shimbox import SANITIZED, SOAK, Wrong, alive, main, row

RANDOM = seed()
become_reaper()
# What a restart may find while somebody is stopped.
PHASES = {"prepared", "abandoned", "starting", "running", "ending", "finished", "gone"}
# How long a launcher waits that hears nothing, and how long it gives those that it ends.
LIMIT_MS = 300
STOP_S = 2 * 2 + 1


def steps(box, who):
    return [point for point in survey(box, who) if point.function not in MEMORY]


def some(points, count):
    """All of them in a soak run."""
    return points if SOAK or len(points) <= count else [points[i] for i in sorted(RANDOM.sample(range(len(points)), count))]


def each(points, try_one):
    """Tries all of them, and complains once."""
    complaints = []
    for point in points:
        try:
            try_one(point)
        except Wrong as wrong:
            complaints.append(str(wrong))
    print(f"# {len(points)} points")
    if complaints:
        raise Wrong("\n".join(complaints))


# --- ended ----------------------------------------------------------------------------------------------------------


def expect_no_ghost(start):
    """A shim or a child that was ended: the start failed, or the record tells what became of the plugin."""
    start.wait(STOP_S)
    reap_all(start.name)
    if start.got["code"]:
        start.check()
        return
    ends = [(job["phase"], job["kind"]) for job in start.box.look_at(start.top).values()]
    ran = start.times_run()
    # Behind "go" only the shim knows whether the plugin was executed.
    if ends not in ([("gone", "unknown")], [("finished", "exited")], [("finished", "not-started")],
                    [("finished", "killed")]) or (ran and ends == [("finished", "not-started")]):
        raise start.wrong(f"the plugin ran {ran} times, and the record says {ends}")


def add_end(who, what, count):
    @row(f"the {who} is ended by {what} before each of its calls")
    def _(box):
        box.look_at = lambda top: box.tool("look", top)
        points = steps(box, who)
        if who == "manager":
            each(some(points, count), lambda point: Start(box, point, what).finish())
        else:
            each(some(points, count), lambda point: expect_no_ghost(Start(box, point, what)))


for name, number in (("manager", 60), ("starter", 6), ("shim", 60), ("child", 30)):
    for action in ("kill", "exit"):
        add_end(name, action, number // 6 if SANITIZED else number if action == "kill" else number // 3)


# --- stopped --------------------------------------------------------------------------------------------------------


def look_while_stopped(start):
    """A restart sees a legal state, and is not held up."""
    if not os.path.isdir(os.path.join(start.top, "jobs")):
        return
    began = time.monotonic()
    jobs = start.box.tool("look", start.top)
    if time.monotonic() - began > PATIENCE:
        raise start.wrong("who looks is held up")
    found = {job.get("phase", str(job)) for job in jobs.values()} if "code" not in jobs else {str(jobs)}
    if found - PHASES:
        raise start.wrong(f"a restart finds {found}")


def go_on(start):
    """Stopped for a moment: all goes on as if nothing had been."""
    pid = start.stopped()
    look_while_stopped(start)
    if pid:
        os.kill(pid, signal.SIGCONT)
    start.finish()
    if start.got["code"]:
        raise start.wrong("it should have succeeded")


def add_stop(who, count):
    @row(f"the {who} is stopped before each of its calls, and goes on")
    def _(box):
        each(some(steps(box, who), count), lambda point: go_on(Start(box, point, "stop")))


for name, number in (("manager", 20), ("starter", 3), ("shim", 20), ("child", 10)):
    add_stop(name, number // 4 + 1 if SANITIZED else number)


def for_good(start):
    """Stopped for good: the manager gives up in time. A shim that has no lock yet is not found; it ends when it goes on."""
    pid = start.stopped()
    start.wait(LIMIT_MS / 1000 + STOP_S)
    look_while_stopped(start)
    if pid and alive(pid):
        os.kill(pid, signal.SIGCONT)
    reap_all(start.name)
    start.check()


def add_stop_for_good(who, count):
    @row(f"the {who} is stopped for good: the manager gives up, and nothing is left")
    def _(box):
        each(some(steps(box, who), count), lambda point: for_good(Start(box, point, "stop", timeout_ms=LIMIT_MS)))


for name, number in (("starter", 1), ("shim", 1), ("child", 1)):
    add_stop_for_good(name, number)


@row("a manager that is stopped while it holds the run directory delays others for a bounded time only")
def stopped_with_lock(box):
    begun = Start(box, Point("manager", "mkdirat", 4), "stop")
    pid = begun.stopped()
    other = box.tool("start", begun.top, box.script("exit 0"))
    os.kill(pid, signal.SIGCONT)
    begun.wait(PATIENCE)
    reap_all("both")
    codes = {other["code"], begun.got["code"]}
    if 0 not in codes:
        raise Wrong(f"neither started: {other}, {begun.got}")


main()
