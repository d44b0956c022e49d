# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_calls.py: system calls that fail while a plugin is started and watched over (R5 for the shim, R6).

Every call of manager and shim fails once, with an errno from the seed; with VMMI_SOAK=1 with each errno.
"""
import errno
import os

from points import ERRNOS, INTERPOSE, MEMORY, Point, Start, become_reaper, reap_all, seed, survey
from shimbox import SANITIZED, SOAK, Wrong, main, row, same

RANDOM = seed()
become_reaper()


def fail_each(box, who):
    """Returns how many starts there were, and how many of them succeeded all the same."""
    count = good = 0
    complaints = []
    points = [point for point in survey(box, who) if point.function not in MEMORY]
    for point in RANDOM.sample(points, len(points) // 3) if SANITIZED else points:
        for what in ERRNOS if SOAK else [RANDOM.choice(ERRNOS)]:
            try:
                good += Start(box, point, what).finish().got["code"] == 0
            except Wrong as wrong:
                complaints.append(str(wrong))
            count += 1
    print(f"# {who}: {count} starts, {good} of them succeeded all the same")
    if complaints:
        raise Wrong("\n".join(complaints))


def add(who):
    @row(f"every call of the {who} fails once: success, or an error that names its stage; nothing is left")
    def _(box):
        fail_each(box, who)


for name in ("starter", "shim", "child", "manager"):
    add(name)


# Sanitizers have an allocator of their own.
@row("a manager that gets no memory may end like any other crash: its record is true", sanitized=False)
def no_memory(box):
    points = [point for point in survey(box, "manager") if point.function in MEMORY]
    if not points:
        raise Wrong("no allocation of the manager was seen")
    for point in points if SOAK else RANDOM.sample(points, 25):
        Start(box, point, "ENOMEM").finish()


@row("the shim allocates nothing")
def no_allocation(box):
    for who in ("starter", "shim", "child"):
        found = [point for point in survey(box, who) if point.function in MEMORY]
        if found:
            raise Wrong(f"it does: {found}")


@row("an old kernel, without close_range and inotify: the plugin is started and its end is known")
def old_kernel(box):
    for function in ("close_range", "inotify_init1"):
        if Start(box, Point("any", function, 0), "ENOSYS").finish().got["code"]:
            raise Wrong(f"it was not started without {function}")


@row("a kernel without pidfd_open: signals go through the directory of the process; without both none is sent")
def old_signals(box):
    def send(fail):
        options = {"ASAN_OPTIONS": os.environ["ASAN_OPTIONS"] + ":verify_asan_link_order=0"} if SANITIZED else {}
        return box.tool("signal", box.run_dir, "12",
                        env={"LD_PRELOAD": INTERPOSE, "VMMI_FAIL": f"manager:{fail}", **options})

    job = box.start("trap 'echo heard' USR2; echo ready; while :; do sleep 0.01; done").prints("ready")
    for number in (errno.ENOSYS, errno.EPERM):
        same("the code", send(f"pidfd_open:0:{number}")["code"], 0)
        job.prints("heard")
        os.truncate(job.file("stdout"), 0)
    got = send(f"pidfd_send_signal:0:{errno.ENOSYS}")
    same("the error", (got["code"], "pidfd_send_signal" in got["message"]), (15, True))
    same("the phase", job.look()["phase"], "running")
    box.end()
    reap_all("the plugin")


@row("a shim that cannot say that all is ready says at least that")
def not_said(box):
    got = Start(box, Point("shim", "send", 1), "EIO").finish().got
    same("the stage", got["details"], "stage ready, errno 32 (EPIPE)")


@row("a child that cannot hear whether it may go says so: nothing was started")
def not_heard(box):
    got = Start(box, Point("child", "read", 1), "ENOSYS").finish().got
    # Its own word, or that nobody took the other's.
    if got["details"] not in ("stage fork, errno 38 (ENOSYS)", "stage fork, errno 32 (EPIPE)"):
        raise Wrong(f"the error says {got}")


@row("what only the shim knows is tried again: the end is recorded although writing it fails once")
def tried_again(box):
    for function in ("write", "lseek", "fsync", "renameat"):
        points = [point for point in survey(box, "shim") if point.function == function]
        for what in ("EINTR", "EIO", "ENOSPC"):
            if Start(box, points[-1], what).finish().got["code"]:
                raise Wrong(f"{points[-1]} {what}: it was not started")


main()
