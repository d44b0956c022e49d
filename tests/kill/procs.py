# SPDX-License-Identifier: LGPL-2.1-or-later
"""procs.py: processes for the tests that kill: started, found by the locks that they hold, killed through pidfds, reaped.

The harness is a subreaper: whoever loses its parent becomes its child. So no process gets away unseen, how a plugin ended whose
shim was killed is known here though the library cannot know it, and the pid of a child is not used again before it is reaped.
"""
import ctypes
import errno
import fcntl
import json
import os
import signal
import struct

PR_SET_CHILD_SUBREAPER = 36
SHIM, PLUGIN, MAKER = 0, 1, 2     # bytes of a record's lock
FLOCK = "hhqqi4x"


def become_subreaper():
    """From now on orphans below this process are its children."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def spawn(arguments, env, out, err, stdin="/dev/null"):
    """Starts a program, its streams in files; returns its pid."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions = [(os.POSIX_SPAWN_OPEN, 0, stdin, os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, out, flags, 0o600),
               (os.POSIX_SPAWN_OPEN, 2, err, flags, 0o600)]
    return os.posix_spawn(arguments[0], arguments, env, file_actions=actions)


def holder(directory, byte):
    """The pid that holds a byte of a record's lock; 0: nobody, -1: somebody without a pid (the maker)."""
    try:
        fd = os.open(os.path.join(directory, "lock"), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        asked = struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, byte, 1, 0)
        kind, _, _, _, pid = struct.unpack(FLOCK, fcntl.fcntl(fd, fcntl.F_GETLK, asked))
        return 0 if kind == fcntl.F_UNLCK else pid
    finally:
        os.close(fd)


def read_bytes(path):
    """The content of a file; nothing when it cannot be read."""
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError:
        return b""


def read_json(path):
    """The object in a file; None when there is none."""
    try:
        return json.loads(read_bytes(path))
    except ValueError:
        return None


def children(pid):
    """The children of a process."""
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            found += [int(word) for word in read_bytes(f"/proc/{pid}/task/{task}/children").split()]
    except OSError:
        pass
    return found


def is_shim_of(pid, directory):
    """Whether a process is the shim of a record, before it says so by its lock."""
    return read_bytes(f"/proc/{pid}/comm") == b"vmmi-shim\n" and \
        f"VMMI_JOB={directory}".encode() in read_bytes(f"/proc/{pid}/environ").split(b"\0")


def send(pid, still):
    """SIGKILL to a process, if it is still the one that is meant; returns whether it was sent."""
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if not still(pid):
            return False
        signal.pidfd_send_signal(fd, signal.SIGKILL)
        return True
    except ProcessLookupError:
        return False
    finally:
        os.close(fd)


def kill_child(pid):
    """Ends a child of this process, which has not been reaped."""
    return send(pid, lambda _: True)


def kill_holder(directory, byte):
    """Ends whoever holds a byte; returns its pid, or 0."""
    pid = holder(directory, byte)
    if pid > 0 and send(pid, lambda same: holder(directory, byte) == same):
        return pid
    return 0


def kill_shim(directory, manager):
    """Ends the shim of a record, also one that has no lock yet; returns its pid, or 0."""
    pid = kill_holder(directory, SHIM)
    if pid or os.path.exists(os.path.join(directory, "helper.json")):
        return pid
    for candidate in children(manager) + children(os.getpid()):
        if is_shim_of(candidate, directory) and send(candidate, lambda same: is_shim_of(same, directory)):
            return candidate
    return 0


class Reaper:
    """The ends of all children of this process: pid to (what, value), what is "exited" or "killed"."""

    def __init__(self):
        self.ends = {}

    def run(self):
        """Takes all that have ended; returns whether children are left."""
        while True:
            try:
                info = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG)
            except ChildProcessError:
                return False
            except OSError as error:
                if error.errno == errno.EINTR:
                    continue
                raise
            if info is None:
                return True
            what = "exited" if info.si_code == os.CLD_EXITED else "killed"
            self.ends[info.si_pid] = (what, info.si_status)

    def ended(self, pid):
        """Whether a child has ended."""
        return pid in self.ends
