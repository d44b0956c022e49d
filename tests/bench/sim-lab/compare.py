# SPDX-License-Identifier: LGPL-2.1-or-later
"""compare.py: what real hosts did beside what the simulator says, and how far it is off. Pure functions, and Markdown."""
from stats import median

# Below this a pause is as long as what the lab's own clockwork (beats of 5 ms, a busy processor) adds to it.
PAUSE_FLOOR_MS = 50
FIGURES = (("totalMs", "total time"), ("movingMs", "from the first page to the end"), ("silenceMs", "pause"))


def usual(lines):
    """The outcome of most of them."""
    outcomes = [line["outcome"] for line in lines]
    return max(sorted(set(outcomes)), key=outcomes.count) if outcomes else None


def middle(lines, key):
    values = [line[key] for line in lines if line.get(key) is not None]
    return median(values) if values else None


def error_of(real, simulated, floor=0):
    """Relative, above 0: the simulator says more."""
    if real is None or simulated is None:
        return None
    return (simulated - real) / max(real, floor, 1)


def with_moving(lines, setup_ms=0):
    """Without libvirt's preparation, which takes as long as the machine is busy."""
    return [{**line, "movingMs": line["totalMs"] - (line.get("setupMs") or setup_ms)} for line in lines]


def compare(cell, real, simulated, setup_ms=0):
    """One row. Only runs that ended in the usual manner of the cell count for its times. @setup_ms: the simulator's preparation."""
    real, simulated = with_moving(real), with_moving(simulated, setup_ms)
    outcome = usual(real)
    row = {"cell": cell["cell"], "runs": len(real), "outcome": outcome, "same": outcome == usual(simulated),
           "simulated": usual(simulated)}
    for side, lines in (("real", real), ("sim", simulated)):
        lines = [line for line in lines if line["outcome"] == outcome]
        for key in ("totalMs", "movingMs", "silenceMs", "downtimeMs", "iterations", "throttleSilenceMs"):
            row[side, key] = middle(lines, key)
            row[side, key, "all"] = sorted(line[key] for line in lines if line.get(key) is not None)
    for key in ("totalMs", "movingMs"):
        row[key] = error_of(row["real", key], row["sim", key])
    # One that was given up has no pause to speak of.
    if outcome == "completed":
        row["silenceMs"] = error_of(row["real", "silenceMs"], row["sim", "silenceMs"], PAUSE_FLOOR_MS)
    return row


def span(row, side, key):
    values = row[side, key, "all"]
    if not values:
        return "-"
    text = f"{row[side, key]:.0f}"
    return text if values[0] == values[-1] else f"{text} ({values[0]:.0f} to {values[-1]:.0f})"


def percent(error):
    return "-" if error is None else f"{100 * error:+.1f} %"


def summary(rows, key):
    """(median, maximum, where) of the errors' sizes; None without any."""
    errors = [(abs(row[key]), row["cell"]) for row in rows if row.get(key) is not None and row["same"]]
    return (median([error for error, _ in errors]), *max(errors)) if errors else None


def table(rows):
    lines = ["| cell | n | outcome | total, lab (ms) | simulator | error | moving, lab | simulator | error | pause, lab (ms) | simulator | error | passes, lab | simulator |",
             "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
    for row in rows:
        outcome = row["outcome"] if row["same"] else f"**{row['outcome']}, simulator: {row['simulated']}**"
        lines.append("| " + " | ".join([
            row["cell"], str(row["runs"]), outcome, span(row, "real", "totalMs"), span(row, "sim", "totalMs"), percent(row["totalMs"]),
            span(row, "real", "movingMs"), span(row, "sim", "movingMs"), percent(row["movingMs"]),
            span(row, "real", "silenceMs"), span(row, "sim", "silenceMs"), percent(row.get("silenceMs")),
            span(row, "real", "iterations"), span(row, "sim", "iterations")]) + " |")
    return lines


def report(rows, facts):
    """Markdown."""
    lines = ["# The simulator against the lab", "",
             f"{len(rows)} cells, {sum(row['runs'] for row in rows)} migrations of real guests; {facts}", ""]
    for key, name in FIGURES:
        found = summary(rows, key)
        if found:
            lines.append(f"- **{name}**: median error {100 * found[0]:.1f} %, largest {100 * found[1]:.1f} % ({found[2]})")
    wrong = [row["cell"] for row in rows if not row["same"]]
    lines += [f"- **outcome**: {len(rows) - len(wrong)} of {len(rows)} as in the lab"
              + (f"; not: {', '.join(wrong)}" if wrong else ""), ""]
    lines += table(rows)
    return "\n".join(lines + [
        "", "Medians, and the smallest and largest in brackets. Moving: from the first page to the end, without libvirt's preparation. Pause: the longest silence of the guest around the switchover; its error "
        f"is relative to at least {PAUSE_FLOOR_MS} ms.", ""])
