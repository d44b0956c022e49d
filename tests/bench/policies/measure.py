# SPDX-License-Identifier: LGPL-2.1-or-later
"""measure.py: one run on the real hosts of a lab: a fresh guest, a warm-up, a migration under a policy, the figures."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

from bench import HarnessError
from hosts import Lab, Load
from journal import Journal

WARM_UP_SECONDS = 30
AFTER_MS = 1000       # so long after the end silences still count
BUSY = 0.85           # a processor above this while pre-copying makes the figures doubtful
STARVED = 0.9         # a guest below this share of the rate it was asked for
MIN_LINK = 1.0


def millis(clock):
    return time.clock_gettime(clock) * 1000


class LabRunner:
    """Carries out runs. start() and stop() around them."""

    def __init__(self, build, directory, name, cap_seconds):
        self.build, self.directory, self.cap = pathlib.Path(build).resolve(), pathlib.Path(directory), cap_seconds
        self.lab = Lab(name, self.build)
        self.vmmi = self.build / "tools" / "vmmi" / "vmmi"

    def start(self):
        self.lab.up()

    def stop(self):
        self.lab.down()

    def env(self):
        return dict(self.lab.env, VMMI_PLUGIN_PATH=str(self.build / "tools" / "plugins"),
                    VMMI_SHIM_PATH=str(self.build / "tools" / "shim" / "vmmi-shim"), VMMI_RUN_DIR=str(self.lab.run_dir))

    def describe(self, plugin):
        """What a plugin says of itself, or None."""
        done = subprocess.run([self.vmmi, "--json", "plugin", "info", plugin], env=self.env(), capture_output=True,
                              text=True, stdin=subprocess.DEVNULL, check=False)
        try:
            return json.loads(done.stdout) if done.returncode == 0 else None
        except ValueError:
            return None

    def run(self, cell, seed, policy, number):
        guest = f"run{number}"
        try:
            self.make_guest(guest, cell, seed)
            warm = self.warm_up(guest)
            return self.migrate(guest, cell, policy, number, warm)
        finally:
            self.lab.sweep()
            self.lab.verb("destroy", guest, check=False)

    def make_guest(self, guest, cell, seed):
        rate = cell["ratio"] * cell["linkMibPerSecond"]
        self.lab.verb("destroy", guest, check=False)
        self.lab.verb("guest", guest, "--memory", cell["memoryMib"], "--working-set", cell["workingSetMib"],
                      "--dirty-rate", f"{rate:.3f}", "--pattern", cell["pattern"], "--phase", cell["phaseMs"],
                      "--content", "page", "--seed", seed, "--fill")

    def warm_up(self, guest):
        """Waits until the guest's rate is steady. Returns its figures then."""
        end = time.monotonic() + WARM_UP_SECONDS
        while True:
            figures = self.lab.figures(guest, "--since", self.lab.mark())
            if figures["steady"]:
                return figures
            if time.monotonic() > end:
                raise HarnessError(f"the guest's rate is not steady after {WARM_UP_SECONDS} s: {figures['rateBefore']}")
            time.sleep(0.3)

    def shape(self, cell, warm):
        """Sets the link so that the ratio is the wanted one. Returns the rate while the guest writes, and the link's."""
        wanted = cell["ratio"] * cell["linkMibPerSecond"]
        achieved = warm["rateBefore"] * (2 if cell["pattern"] == "phased" else 1)
        link = achieved / cell["ratio"] if cell["ratio"] > 0 else cell["linkMibPerSecond"]
        if link < max(MIN_LINK, cell["linkMibPerSecond"] / 3):
            raise HarnessError(f"the guest dirties {achieved:.1f} MiB/s instead of {wanted:.1f}")
        self.lab.verb("shape", f"{link:.3f}")
        return achieved, link

    def migrate(self, guest, cell, policy, number, warm):
        achieved, link = self.shape(cell, warm)
        config = self.directory / "configuration.json"
        config.write_text(json.dumps(policy.configuration(cell)))
        sent, load = self.lab.bytes_sent(), Load()
        since = self.lab.mark()
        skew = millis(time.CLOCK_BOOTTIME) - millis(time.CLOCK_MONOTONIC)
        load.start()
        try:
            report, code, command_ms, capped = self.command(guest, policy.plugin, config)
        finally:
            load.stop()
        line = {"achievedMibPerSecond": round(achieved, 3), "bandwidthMibPerSecond": round(link, 3), "exit": code,
                "commandMs": round(command_ms), "flags": [], "bytes": self.lab.bytes_sent() - sent,
                "workingSetMib": cell["workingSetMib"], "ratio": cell["ratio"], "pattern": cell["pattern"],
                "memoryMib": cell["memoryMib"], "deadlineSeconds": cell["deadlineSeconds"],
                "downtimeSoftMs": cell["downtimeSoftMs"], "downtimeHardMs": cell["downtimeHardMs"]}
        if "throttleSilenceMs" in policy.policy:
            line["throttleLimitMs"] = policy.policy["throttleSilenceMs"]
        journal = self.keep_journal(report, number, line)
        self.tell_outcome(line, report, capped, command_ms, journal)
        self.tell_guest(line, guest, since, skew, journal)
        self.tell_load(line, load, journal)
        if achieved < STARVED * cell["ratio"] * cell["linkMibPerSecond"]:
            line["flags"].append("starved")
        return line

    def command(self, guest, plugin, config):
        """Runs `vmmi migrate` to its end, or to the cap. Returns the last object, exit code, duration, capped."""
        uris = self.lab.uris
        start = time.monotonic()
        process = subprocess.Popen(
            [self.vmmi, "--json", "-c", uris["VMMI_LAB_SRC"], "migrate", guest, uris["VMMI_LAB_DEST_URI"],
             uris["VMMI_LAB_MIGRATE_URI"], "--plugin", plugin, "--config", config], env=self.env(), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        capped, out, err = False, "", ""
        for patience in (self.cap, 20, None):
            try:
                out, err = process.communicate(timeout=patience)
                break
            except subprocess.TimeoutExpired:
                if not capped:
                    process.send_signal(signal.SIGINT)
                else:
                    self.lab.sweep()
                capped = True
        elapsed = (time.monotonic() - start) * 1000
        objects = [json.loads(each) for each in out.splitlines() if each.startswith("{")]
        report = objects[-1] if objects else {}
        if process.returncode in (2, 5, 8, 125) or not report.get("id"):
            raise HarnessError(f"vmmi migrate, exit {process.returncode}: {err.strip()[-400:]}")
        return report, process.returncode, elapsed, capped

    def keep_journal(self, report, number, line):
        directory = report.get("directory") or str(self.lab.run_dir / "jobs" / report["id"])
        kept = self.directory / "traces" / f"{number:04}.jsonl"
        try:
            shutil.copyfile(os.path.join(directory, "journal"), kept)
        except OSError as error:
            raise HarnessError(f"no journal: {error}") from error
        line["trace"] = str(kept.relative_to(self.directory))
        return Journal(kept)

    def tell_outcome(self, line, report, capped, command_ms, journal):
        statistics = report.get("statistics") or journal.statistics()
        error = report.get("error") or {}
        start, end = journal.start(), journal.end()
        line.update(outcome="capped" if capped and report.get("outcome") != "completed" else report.get("outcome"),
                    error=error.get("message"), totalMs=round(end - start if end else command_ms),
                    jobMs=statistics.get("elapsedMs"), downtimeMs=statistics.get("downtimeFinalMs"),
                    iterations=statistics.get("iteration", journal.last_sample("iteration")),
                    actions=journal.actions(), postcopyMs=journal.postcopy_ms(), setupMs=journal.setup_ms())
        if capped:
            line["flags"].append("capped")

    def tell_guest(self, line, guest, since, skew, journal):
        """What the guest's user felt; whether the guest is whole, and where it runs."""
        end = journal.end() or millis(time.CLOCK_BOOTTIME)
        until = round((end - skew + AFTER_MS) * 1000)
        time.sleep(max(0, (until - self.lab.mark()) / 1e6))
        words = ["--since", since, "--until", until]
        turn = journal.switchover()
        if turn:
            words += ["--switchover", f"{round((turn[0] - skew) * 1000)}..{round((turn[1] - skew) * 1000)}"]
        figures = self.lab.figures(guest, *words)
        line.update(silenceMs=(figures["switchoverSilence"] or {"ms": 0})["ms"],
                    silenceAtMs=(figures["switchoverSilence"] or {}).get("atMs"),
                    standstillMs=figures["standstillMs"],
                    throttleSilenceMs=(figures["otherSilence"] or {"ms": 0})["ms"],
                    throttleOver100Ms=figures["otherOver100Ms"], workLostMs=figures["workLostMs"] or 0,
                    rateDuringMibPerSecond=figures["rateDuring"], beats=figures["beats"])
        moved = (figures["switchover"] or {}).get("movedMs")
        if moved is not None and not line["postcopyMs"]:
            line["windUpMs"] = round(max(0, end - (since / 1000 + skew + moved)))
        where = self.lab.verb("where", guest).strip()
        verify = self.lab.verb("verify", guest, check=False).strip()
        line.update(where=where, oneHost=where in ("source", "destination"), verified=verify.startswith("V ok "))
        if not figures["beats"]["sane"]:
            line["flags"].append("beats")

    def tell_load(self, line, load, journal):
        """How busy the processors were while pre-copying."""
        start = journal.start()
        end = journal.first("state", "switchover", "postcopy", "finish", "confirm") or journal.end()
        line["cpu"] = load.busy(start, end) if start and end else []
        if any(share is not None and share > BUSY for share in line["cpu"]):
            line["flags"].append("busy")
