# SPDX-License-Identifier: LGPL-2.1-or-later
"""truth.py: what a record says, held against what is known without it: the simulated world, the result that the kernel gave to
the shim or to the harness, the plugin's own last message."""
import json
import os

import procs

# Files of a record; docs/run-directory.md.
FILES = {"job.json", "config.json", "lock", "stdout", "stderr", "helper.json", "result.json", "journal", "outcome.json",
         "acknowledged", "control"}
LAUNCH = 111    # an error's code


def completion_of(text):
    """The last completion in a plugin's standard error; None when there is none."""
    last = None
    for line in text.decode("utf-8", "replace").splitlines():
        try:
            got = json.loads(line)
        except ValueError:
            continue
        if isinstance(got, dict) and got.get("contentType") == "completion" and "completion" in got:
            last = got["completion"]
    return last


def place_of(world, uuid):
    """Where the guest runs, and how the source has it."""
    guest = [made for made in world["guests"] if made["uuid"] == uuid][0]
    running = [host for host, state in guest["hosts"].items() if state["state"] == "running"]
    source = guest["hosts"].get("source", {"state": "absent"})
    moving = [host for host, state in guest["hosts"].items() if state.get("job", "none") != "none"]
    return (running[0] if len(running) == 1 else "both" if running else "nowhere"), source, moving


class Verdict:
    """What came out of a round: complaints, and what is counted."""

    def __init__(self, batch, round_):
        self.batch, self.round = batch, round_
        self.wrong, self.lost = [], []
        self.unknown = None          # the situation in which the outcome is unknown
        self.exit_unknown = None     # the situation in which the exit status is unknown
        self.recovered = False
        self.refused = False         # the start failed, and its manager was told
        self.judge()

    def judge(self):
        round_ = self.round
        started = [told for told in round_.told() if told["event"] == "started"]
        refused = [told for told in round_.told() if told["event"] in ("refused", "unwatched")]
        self.refused = bool(refused)
        if refused and (not (round_.shim or round_.plugin) or refused[0]["code"] != LAUNCH):
            self.wrong.append(f"its own manager could not start it: {refused}")
        if refused and os.path.isdir(round_.directory):
            self.wrong.append(f"the start failed ({refused}), and there is a record")
        if round_.world is None:
            self.lost.append("its world cannot be seen")
            return
        self.place, self.at_source, moving = place_of(round_.world, round_.plan.uuid)
        if moving:
            self.wrong.append(f"the guest is still being moved: {moving}")
        if not os.path.isdir(round_.directory):
            self.judge_nothing(started)
            return
        self.judge_record()

    def judge_nothing(self, started):
        """No record: nothing may have been started."""
        if started:
            self.lost.append("its manager had said that it was started, and there is no record")
        if self.place != "source" or self.at_source.get("reason") in ("migrated", "migration canceled"):
            self.lost.append(f"there is no record, and the guest is on the {self.place}: {self.at_source}")
        if self.round.ends or self.round.unopened:
            self.wrong.append("a record was opened that is not there any more")

    def judge_record(self):
        round_ = self.round
        if round_.unopened:
            self.lost.append(f"the record could not be opened: {round_.unopened}")
            return
        if len(round_.ends) != round_.opened or not round_.ends:
            self.lost.append(f"opened {round_.opened} times, {len(round_.ends)} ends")
            return
        strange = [name for name in os.listdir(round_.directory) if name not in FILES and not name.startswith(".")]
        if strange:
            self.wrong.append(f"unknown files in the record: {strange}")
        self.recovered = True
        self.outcome = round_.ends[-1]["migration"]
        self.same_for_all()
        self.judge_states()
        self.judge_exit()
        self.judge_place()
        self.judge_completion()

    def same_for_all(self):
        """All managers say the same, and so does the file."""
        keys = ("outcome", "where", "evidence", "exit", "error", "state", "completion", "diagnostics", "statistics")
        want = {key: self.outcome.get(key) for key in keys}
        said = [end["migration"] for end in self.round.ends]
        said += [told["migration"] for told in self.round.told() if told["event"] == "end"]
        for other in said:
            got = {key: other.get(key) for key in keys}
            if got != want:
                self.wrong.append(f"two managers disagree: {json.dumps(got)} and {json.dumps(want)}")
        kept = procs.read_json(os.path.join(self.round.directory, "outcome.json"))
        if not kept or any(kept.get(key) != self.outcome.get(key) for key in ("outcome", "where", "exit")):
            self.wrong.append(f"outcome.json says something else: {kept}")

    def judge_states(self):
        final = {"completed", "failed", "aborted", "released", "unknown"}
        for end in self.round.ends:
            if end["states"] and (end["states"][-1] not in final or set(end["states"][:-1]) & final):
                self.wrong.append(f"states: {end['states']}")
            if end["migration"]["state"] != end["migration"]["outcome"]:
                self.wrong.append(f"state {end['migration']['state']}, outcome {end['migration']['outcome']}")

    # --- the plugin's end

    def judge_exit(self):
        """Never a status that nobody saw; "unknown" only where the shim was killed before it wrote the result."""
        round_, said = self.round, self.outcome["exit"]
        result = round_.result()
        helper = procs.read_json(os.path.join(round_.directory, "helper.json"))
        truth = self.batch.reaper.ends.get(helper["pid"]) if helper else None
        if result:
            want = {"kind": result["kind"], "value": result["value"]}
            if said["kind"] != want["kind"] or (want["kind"] != "not-started" and said["value"] != want["value"]):
                self.wrong.append(f"exit {said}, result.json {result}")
            self.judge_result(result)
        elif helper:
            self.exit_unknown = "shim killed before the result" if truth is None or truth[1] != 125 \
                else "shim killed before the plugin was executed"
            if said["kind"] != "unknown":
                self.wrong.append(f"exit {said}, though nobody wrote a result (it was {truth})")
            if not round_.shim:
                self.wrong.append("there is no result, though the shim was not killed")
        elif said["kind"] != "not-started":
            self.wrong.append(f"exit {said} of a plugin that was never started")
        if said["kind"] == "unknown" and result:
            self.wrong.append("exit unknown, though there is a result")

    def judge_result(self, result):
        completion = completion_of(self.round.stream("stderr"))
        if result["kind"] == "killed" and (result["value"] != 9 or not self.round.plugin):
            self.wrong.append(f"killed by {result['value']}, which was not us: {result}")
        if result["kind"] == "exited" and completion and self.round.plan.plugin in ("touri", "minimal", "fails", "quick") \
                and (completion["result"] == "success") != (result["value"] == 0):
            self.wrong.append(f"exit status {result['value']} with completion {completion['result']}")
        if result["kind"] == "not-started" and (self.round.stream("journal") or completion):
            self.wrong.append("not started, and it wrote something")

    # --- the guest

    def judge_place(self):
        kind, where = self.outcome["outcome"], self.outcome["where"]
        error = self.outcome["error"]
        if kind == "unknown":
            self.judge_unknown()
            return
        if where != self.place:
            self.wrong.append(f"where {where}, but the guest is: {self.place}")
        if (kind == "completed") != (self.place == "destination"):
            self.wrong.append(f"outcome {kind}, but the guest is: {self.place}")
        if kind not in ("completed", "failed"):
            self.wrong.append(f"outcome {kind}: nobody asked for that")
        if kind == "failed" and not error:
            self.wrong.append("failed without an error")
        if kind == "completed" and not error and self.outcome["exit"] not in (
                {"kind": "exited", "value": 0}, {"kind": "unknown", "value": -1}):
            self.wrong.append(f"success with exit {self.outcome['exit']}")
        if self.outcome["exit"]["kind"] == "not-started" and self.place != "source":
            self.wrong.append("the plugin was not started, and the guest moved")
        if self.outcome["exit"] == {"kind": "killed", "value": 9} and not error:
            self.wrong.append("killed by signal 9, and no error says so")

    def judge_unknown(self):
        """Only in a listed situation: docs/outcomes.md, "Where unknown is possible"."""
        completion = completion_of(self.round.stream("stderr"))
        gone = self.at_source["state"] == "absent"
        said = completion["result"] if completion else "nothing"
        if gone and not self.round.plan.witness and (said != "success" or self.outcome["exit"]["kind"] == "killed"):
            self.unknown = "3: gone from the source, the plugin said " + said
        else:
            self.wrong.append(f"unknown in no listed situation: source {self.at_source}, plugin said {said}")
        if self.outcome["where"] != "unknown":
            self.wrong.append(f"outcome unknown, where {self.outcome['where']}")

    def judge_completion(self):
        """A completion that was written is never lost."""
        completion = completion_of(self.round.stream("stderr"))
        kept = self.outcome["completion"]
        if completion and (not kept or kept["completion"]["result"] != completion["result"]):
            self.lost.append(f"the completion {completion} is not in the outcome")
        if kept and not completion:
            self.wrong.append("a completion was invented")
