# SPDX-License-Identifier: LGPL-2.1-or-later
"""goals.py: is what `adaptive` promises kept? Each goal is checked in each group; what is missed is named, with its cell."""
import model
import stats

REFERENCE = "adaptive"
THROTTLE_LIMIT_MS = 100  # the default of its option throttleSilenceMs


class Goal:
    """One goal in one group: kept (True), missed (False), or not put to the test (None), and why."""

    def __init__(self, name, group, kept, notes):
        self.name, self.group, self.kept, self.notes = name, group, kept, notes


def by_cell(lines):
    cells = {}
    for line in lines:
        cells.setdefault(line["cell"], []).append(line)
    return cells


def by_label(lines):
    labels = {}
    for line in lines:
        labels.setdefault(line["label"], []).append(line)
    return labels


def completes(lines):
    """Whether a policy does a cell: it met its limits in more than half of its runs."""
    return 2 * sum(stats.is_met(line) for line in lines) > len(lines)


def middle(lines, key):
    return stats.median([line[key] for line in lines if line.get(key) is not None])


def why(lines):
    """How runs missed their limits, in words."""
    reasons = set()
    for line in lines:
        if stats.is_met(line):
            continue
        if line["outcome"] != "completed":
            reasons.add(line["outcome"])
        elif line.get("deadlineSeconds") and line["totalMs"] > line["deadlineSeconds"] * 1000:
            reasons.add(f"{line['totalMs'] / 1000:.1f} s is past the deadline")
        else:
            reasons.add(f"{line['silenceMs']:.0f} ms of silence")
    return ", ".join(sorted(reasons))


class Group:
    """The runs of one permission group: those of the reference, and those of its peers."""

    def __init__(self, name, lines):
        self.name = name
        self.cells = by_cell(lines)
        self.reference = [line for line in lines if line["plugin"] == REFERENCE]
        self.peers = [line for line in lines if line["plugin"] != REFERENCE]

    def own(self, cell):
        return [line for line in self.cells[cell] if line["plugin"] == REFERENCE]

    def others(self, cell):
        return by_label(line for line in self.cells[cell] if line["plugin"] != REFERENCE)


def goal_peers(group):
    """It completes every cell that any peer completes."""
    notes, tested = [], False
    for cell in sorted(group.cells):
        doing = sorted(label for label, lines in group.others(cell).items() if completes(lines))
        if doing and group.own(cell):
            tested = True
            if not completes(group.own(cell)):
                notes.append(f"{cell}: {', '.join(doing)} did it; {why(group.own(cell))}")
    return Goal("completes what any peer completes", group.name, not notes if tested else None, notes)


def goal_model(group):
    """It completes every cell that the model says can be completed."""
    notes, tested = [], False
    for cell in sorted(group.cells):
        own = group.own(cell)
        if not own or "workingSetMib" not in own[0] or not can(own[0], group.name):
            continue
        tested = True
        if not completes(own):
            notes.append(f"{cell}: the model says it can be done; {why(own)}")
    return Goal("completes what the model says can be done", group.name, not notes if tested else None, notes)


def can(line, group):
    return model.can_complete({"phaseMs": 1000, **line}, group)


def dominators(group, cell):
    """Peers with both a shorter total time (by 10 %) and a shorter silence (by 50 ms), by medians."""
    own, found = group.own(cell), []
    if not own or not completes(own):
        return found
    for label, lines in group.others(cell).items():
        if not completes(lines):
            continue
        total, silence = middle(lines, "totalMs"), middle(lines, "silenceMs")
        if total < 0.9 * middle(own, "totalMs") and silence < middle(own, "silenceMs") - 50:
            found.append(f"{label} ({total / 1000:.1f} s, {silence:.0f} ms against "
                         f"{middle(own, 'totalMs') / 1000:.1f} s, {middle(own, 'silenceMs'):.0f} ms)")
    return found


def goal_dominated(group):
    notes = [f"{cell}: {each}" for cell in sorted(group.cells) for each in dominators(group, cell)]
    return Goal("no peer is both quicker (10 %) and quieter (50 ms) in any cell", group.name,
                not notes if group.peers and group.reference else None, notes)


def goal_score(group):
    if not group.peers or not group.reference:
        return Goal("lowest geometric mean of J", group.name, None, [])
    own = stats.pooled_score(group.reference)
    notes = [f"{label}: {stats.pooled_score(lines):.1f} against {own:.1f}"
             for label, lines in sorted(by_label(group.peers).items()) if stats.pooled_score(lines) < own]
    return Goal("lowest geometric mean of J", group.name, not notes, notes)


def goal_silence(group):
    """Around the switchover never silent beyond the hard limit by more than the larger of 20 % and 50 ms."""
    notes, tested = [], False
    for line in group.reference:
        hard = line.get("downtimeHardMs")
        if not hard:
            continue
        tested = True
        if line["silenceMs"] > stats.allowed_silence(hard):
            notes.append(f"{line['cell']}, seed {line['seed']}: {line['silenceMs']:.0f} ms, of which the guest stood still "
                         f"{line.get('standstillMs') or 0:.0f} ms in all; the limit is {hard} ms")
    return Goal("silence around the switchover within the hard limit", group.name, not notes if tested else None, notes)


def goal_throttle(group):
    """Throttling never silences the guest beyond the limit that the caller set for it, by the same measure."""
    notes, tested = [], False
    for line in group.reference:
        if group.name not in ("throttle", "suspend"):
            break
        tested, limit = True, line.get("throttleLimitMs", THROTTLE_LIMIT_MS)
        if line["throttleSilenceMs"] > stats.allowed_silence(limit):
            notes.append(f"{line['cell']}, seed {line['seed']}: {line['throttleSilenceMs']:.0f} ms; the limit is {limit} ms")
    return Goal("silence by throttling within its own limit", group.name, not notes if tested else None, notes)


def bulk_ms(line):
    """How long the first pass takes, in which nobody can know how the guest will do; 0: not known."""
    return 1000 * line["memoryMib"] / line["bandwidthMibPerSecond"] if "bandwidthMibPerSecond" in line else 0


def unscaled(line):
    """How long a peer would have taken with its own constants, no longer than that: the bulk pass is not scaled."""
    return line["totalMs"] + ((line.get("timeScale") or 1) - 1) * max(line["totalMs"] - bulk_ms(line), 0)


def give_up(group, name, time_of):
    notes, tested = [], False
    for cell in sorted(group.cells):
        own = group.own(cell)
        labels = {label: lines for label, lines in group.others(cell).items()
                  if all(line["outcome"] not in ("completed", "capped") for line in lines)}
        if not own or not labels or any(completes(lines) for lines in group.others(cell).values()) or completes(own):
            continue
        times = {label: stats.median([time_of(line) for line in lines]) for label, lines in labels.items()}
        quickest = min(times, key=times.get)
        mine, theirs = middle(own, "totalMs"), times[quickest]
        tested = True
        if 3 * mine >= theirs:
            bulk = bulk_ms(own[0])
            notes.append(f"{cell}: {mine / 1000:.1f} s against {theirs / 1000:.1f} s of {quickest}"
                         + (f"; the first pass takes {bulk / 1000:.1f} s" if bulk else ""))
    return Goal(name, group.name, not notes if tested else None, notes)


def goal_give_up(group):
    """Where nothing works, it gives up in under a third of the time of the quickest peer, with the peers' own constants."""
    return give_up(group, "gives up in under a third of the quickest peer's time", unscaled)


def goal_give_up_as_run(group):
    """The same against peers whose constants are divided; without such peers it is no other goal."""
    if all((line.get("timeScale") or 1) == 1 for line in group.peers):
        return Goal("the same, against the peers' divided constants", group.name, None, [])
    return give_up(group, "the same, against the peers' divided constants", lambda line: line["totalMs"])


def goal_idle(group):
    """An idle guest: total time within 5 % of bytes over bandwidth plus set-up time: what libvirt and the plugin need before
    the first byte, and after the guest runs again."""
    notes, tested = [], False
    for line in group.reference:
        if line.get("ratio") != 0 or line.get("setupMs") is None:
            continue
        tested = True
        around = line["setupMs"] + (line.get("windUpMs") or 0)
        wanted = 1000 * line["bytes"] / (line["bandwidthMibPerSecond"] * 2 ** 20) + around
        if line["totalMs"] > 1.05 * wanted:
            notes.append(f"{line['cell']}, seed {line['seed']}: {line['totalMs']:.0f} ms; bytes over bandwidth are "
                         f"{wanted - around:.0f} ms, set-up {line['setupMs']} and {line.get('windUpMs') or 0} ms")
    return Goal("idle guest: within 5 % of bytes over bandwidth plus set-up", group.name,
                not notes if tested else None, notes)


CHECKS = (goal_peers, goal_model, goal_dominated, goal_score, goal_silence, goal_throttle, goal_give_up, goal_give_up_as_run, goal_idle)


def check(groups):
    return [each(group) for each in CHECKS for group in groups]
