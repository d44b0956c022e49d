# SPDX-License-Identifier: LGPL-2.1-or-later
"""batch.py: some rounds beside each other in one run directory: started, killed, followed by the next manager, looked at.

A batch has managers that start one migration each and are killed; then one that opens every record while plugins still run and
are still being killed; and a last one, when nothing runs any more, which must say the same.
"""
import json
import os
import shutil
import tempfile
import time

import procs

MANAGER = os.environ["VMMI_KILL_MANAGER"]
PATIENCE = 90        # seconds; only a failure waits that long
TICK = 0.0015
ENOUGH = 8           # rounds that tell something about the pace
RECORD, RUNNING = 0.05, 0.2   # seconds, until they are measured


class Durations:
    """How long undisturbed migrations take, by their plugin: until the record is there, and until the end."""

    def __init__(self):
        self.known = {}

    def of(self, plugin):
        return self.known.get(plugin, RUNNING)

    def after_record(self, plugin):
        return max(self.of(plugin) - self.known.get("record", RECORD), self.of(plugin) / 3)

    def adapt(self, rounds):
        """About one manager in ten should have ended before it is killed; else the machine's pace has changed."""
        ended = sum("manager" not in each.killed for each in rounds) / len(rounds)
        factor = 1.1 if ended < 0.05 else 0.93 if ended > 0.2 else 1
        self.known = {what: seconds * factor for what, seconds in self.known.items()}

    def learn(self, what, seconds):
        """From rounds that nobody disturbs only: of the others just the short ones are seen to end."""
        old = self.known.get(what)
        self.known[what] = seconds if old is None else 0.7 * old + 0.3 * seconds


class Round:
    """One migration: its processes, what was done to them, what was seen."""

    def __init__(self, plan, box):
        self.plan = plan
        self.source, self.destination = plan.write(box.path)
        self.out = os.path.join(box.path, f"{plan.world}.out")
        self.err = os.path.join(box.path, f"{plan.world}.err")
        self.directory = os.path.join(box.run_dir, "jobs", f"{plan.uuid}.1")
        self.manager = 0
        self.started = self.seen = self.manager_ended = None
        self.due = dict(plan.kills)      # who is still to be killed: share of the time
        self.killed = {}                 # who was: the phase, and when
        self.shim = self.plugin = 0      # pids of those that were killed
        self.ends = []                   # what each later manager said
        self.opened = 0
        self.unopened = []
        self.world = None

    def start(self, box):
        """Starts its manager."""
        words = ["start", self.source, self.plan.name, self.destination, self.plan.plugin,
                 self.plan.see(self.source) if self.plan.witness else "-", *self.plan.settings()]
        self.started = time.monotonic()
        self.manager = procs.spawn([MANAGER, *words], box.environment(), self.out, self.err)

    def phase(self):
        """Where it stands, from its files alone."""
        if self.manager_ended:
            return "after"
        if not os.path.isdir(self.directory):
            return "before record"
        if os.path.exists(os.path.join(self.directory, "result.json")):
            return "finished"
        recorded = os.path.exists(os.path.join(self.directory, "helper.json"))
        if procs.holder(self.directory, procs.PLUGIN):
            return "running" if recorded and b"" != self.stream("journal") + self.stream("stderr") else "starting"
        if procs.holder(self.directory, procs.SHIM):
            return "ending" if recorded else "starting"
        return "prepared"

    def stream(self, name):
        return procs.read_bytes(os.path.join(self.directory, name))

    def result(self):
        return procs.read_json(os.path.join(self.directory, "result.json"))

    def is_over(self):
        """Nothing of it can come any more: its manager is gone, and so is what it started."""
        return self.manager_ended and not procs.holder(self.directory, procs.SHIM) and \
            not procs.holder(self.directory, procs.PLUGIN)

    def strike(self, now, durations):
        """Kills whoever is due."""
        if self.seen is None and os.path.isdir(self.directory):
            self.seen = now
        for who, share in list(self.due.items()):
            since = self.started if who == "manager" else self.seen
            length = durations.of(self.plan.plugin) if who == "manager" else durations.after_record(self.plan.plugin)
            if since is not None and now - since >= share * length:
                self.kill(who, now)
            elif since is None and self.is_over():
                self.due.pop(who)

    def kill(self, who, now):
        phase = self.phase()
        if who == "manager":
            hit = phase != "after" and procs.kill_child(self.manager)
        elif who == "shim":
            hit = self.shim = procs.kill_shim(self.directory, self.manager)
        else:
            hit = self.plugin = procs.kill_holder(self.directory, procs.PLUGIN)
        if hit:
            self.killed[who] = (phase, now - self.started)
        # The process may be there in a moment: tried again until nothing can come any more.
        if hit or phase in ("after", "finished") or self.is_over():
            self.due.pop(who)

    def told(self):
        """What its own manager printed."""
        return [json.loads(line) for line in procs.read_bytes(self.out).splitlines() if line.endswith(b"}")]

    def tell(self):
        """For a failure: everything that is known."""
        kills = ", ".join(f"{who} when {phase}, {1000 * at:.1f} ms" for who, (phase, at) in self.killed.items())
        names = sorted(os.listdir(self.directory)) if os.path.isdir(self.directory) else "no record"
        texts = {name: self.stream(name).decode("utf-8", "replace")[-700:]
                 for name in ("helper.json", "result.json", "stderr", "journal", "outcome.json")}
        return [str(self.plan), f"killed: {kills or 'nobody'}", f"files: {names}", f"own manager: {self.told()[-1:]}",
                f"its errors: {procs.read_bytes(self.err)[-400:]!r}", *[f"{name}: {text}" for name, text in texts.items()],
                f"world: {json.dumps(self.world)[:600]}", f"later managers: {json.dumps(self.ends)[:1500]}"]


class Box:
    """The private surrounding of a batch."""

    def __init__(self, plugins):
        self.path = tempfile.mkdtemp(prefix="vmmi-kill-")
        self.run_dir = os.path.join(self.path, "run")
        os.mkdir(self.run_dir, 0o700)
        self.plugins = plugins

    def environment(self):
        env = {key: value for key, value in os.environ.items() if not key.startswith(("VMMI_", "LIBVIRT_", "G_"))}
        env.update(LC_ALL="C.UTF-8", VMMI_RUN_DIR=self.run_dir, VMMI_SHIM_PATH=os.environ["VMMI_SHIM"],
                   VMMI_CONF_DIR=self.path, VMMI_PLUGIN_PATH=self.plugins)
        return env

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


class Batch:
    """Rounds beside each other."""

    simulated = True

    def __init__(self, plans, plugins, durations):
        self.box = Box(plugins)
        self.durations = durations
        self.rounds = [Round(plan, self.box) for plan in plans]
        self.reaper = procs.Reaper()
        self.orphans = []
        self.managers = 0
        self.complaints = []

    def run(self):
        """Everything; the rounds know afterwards what happened."""
        self.start_and_kill()
        self.next_manager(self.strike_and_reap)
        self.wait_for_all()
        self.next_manager(lambda: None, worlds=self.simulated)
        self.look()
        if len(self.rounds) >= ENOUGH and self.rounds[0].plan.kills:
            self.durations.adapt(self.rounds)

    def look(self):
        """For other worlds than simulated ones: where the guests are."""

    def note_ends(self, now):
        """Takes the ends of managers; learns how long those took that nobody disturbed."""
        self.reaper.run()
        for each in self.rounds:
            if each.manager and not each.manager_ended and self.reaper.ended(each.manager):
                each.manager_ended = now
                if not each.plan.kills:
                    self.durations.learn(each.plan.plugin, now - each.started)
                    self.durations.learn("record", each.seen - each.started if each.seen else RECORD)

    def strike_and_reap(self):
        now = time.monotonic()
        self.note_ends(now)
        for each in self.rounds:
            if each.started and (each.due or each.seen is None):
                each.strike(now, self.durations)

    def start_and_kill(self):
        """Starts managers a little apart, until none is left."""
        waiting, next_start = list(self.rounds), 0
        deadline = time.monotonic() + PATIENCE
        while waiting or not all(each.manager_ended for each in self.rounds):
            now = time.monotonic()
            if waiting and now >= next_start:
                each = waiting.pop(0)
                each.start(self.box)
                next_start = now + self.durations.of(each.plan.plugin) / 4
            self.strike_and_reap()
            if now > deadline:
                self.complaints.append("managers did not end")
                for each in self.rounds:
                    if each.manager and not each.manager_ended:
                        procs.kill_child(each.manager)
                deadline += 5
            time.sleep(TICK)

    def next_manager(self, meanwhile, worlds=False):
        """A manager that opens every record and waits for the ends; then the worlds are looked at."""
        self.managers += 1
        out = os.path.join(self.box.path, f"next-{self.managers}.out")
        commands = os.path.join(self.box.path, f"next-{self.managers}.in")
        with open(commands, "w", encoding="utf-8") as stream:
            stream.write("open\n" + "".join(f"world\t{each.source}\n" for each in self.rounds if worlds))
        errors = out + ".err"
        pid = procs.spawn([MANAGER], self.box.environment(), out, errors, stdin=commands)
        deadline = time.monotonic() + PATIENCE
        while not self.reaper.ended(pid):
            meanwhile()
            self.reaper.run()
            if time.monotonic() > deadline:
                self.complaints.append(f"the next manager did not end: {procs.read_bytes(out)[-800:]!r}")
                procs.kill_child(pid)
                deadline += 5
            time.sleep(TICK)
        if self.reaper.ends[pid] != ("exited", 0):
            self.complaints.append(f"the next manager: {self.reaper.ends[pid]}, {procs.read_bytes(errors)[-3000:]!r}")
        self.take(procs.read_bytes(out))

    def take(self, text):
        """What a later manager said, to the rounds."""
        by_id = {f"{each.plan.uuid}.1": each for each in self.rounds}
        by_uri = {each.source: each for each in self.rounds}
        for line in text.splitlines():
            got = json.loads(line)
            if got["event"] == "world":
                by_uri[got["uri"]].world = got["world"]
            elif got["event"] == "opened" and got["id"] in by_id:
                by_id[got["id"]].opened += 1
            elif got["event"] == "unopened" and got["id"] in by_id:
                by_id[got["id"]].unopened.append(got)
            elif got["event"] == "end" and got["id"] in by_id:
                by_id[got["id"]].ends.append(got)
            else:
                self.complaints.append(f"the next manager said: {got}")

    def wait_for_all(self):
        """Until no process is left: whoever stays is an orphan."""
        deadline = time.monotonic() + PATIENCE / 3
        while self.reaper.run() or any(each.due for each in self.rounds):
            self.strike_and_reap()
            if time.monotonic() > deadline:
                self.end_orphans()
                return
            time.sleep(TICK)

    def end_orphans(self):
        for pid in procs.children(os.getpid()):
            self.orphans.append(procs.read_bytes(f"/proc/{pid}/cmdline").decode("utf-8", "replace"))
            procs.kill_child(pid)
        deadline = time.monotonic() + 5
        while self.reaper.run() and time.monotonic() < deadline:
            time.sleep(TICK)

    def leftovers(self):
        """What the last manager should have cleaned."""
        found = []
        for name in ("jobs", "by-guest"):
            path = os.path.join(self.box.run_dir, name)
            names = os.listdir(path) if os.path.isdir(path) else []
            found += [f"{name}/{entry}" for entry in names if entry.startswith(".") or name == "by-guest"]
        return found


def make_plugins(path):
    """A folder with the plugins that need no library; returns the plugin path."""
    with open(os.path.join(os.environ["VMMI_FAKES"], "good", "minimal"), encoding="utf-8") as stream:
        text = stream.read()
    target = os.path.join(path, "minimal")
    with open(target, "w", encoding="utf-8") as stream:
        # Half a second between two looks is for real hosts.
        stream.write(text.replace("virsh -q", f"{os.environ['VMMI_KILL_VIRSH']} -q").replace("sleep 0.5", "sleep 0.05"))
    os.chmod(target, 0o755)
    shutil.copy(os.environ["VMMI_KILL_QUICK"], os.path.join(path, "quick"))
    os.chmod(path, 0o755)
    return ":".join([path, os.environ["VMMI_PLUGINS"], os.path.join(os.environ["VMMI_FAKES"], "flawed")])
