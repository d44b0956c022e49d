# SPDX-License-Identifier: LGPL-2.1-or-later
"""tables.py: the report's tables and paragraphs, as Markdown."""
import goals
import stats

SHOWN = 12  # notes about one goal in one group
GROUP_TEXT = {
    "gentle": "neither throttling nor suspending nor post-copy",
    "throttle": "the guest may be throttled (auto-converge)",
    "suspend": "the guest may be suspended",
    "postcopy": "post-copy may be used",
}


def table(head, rows):
    """A Markdown table; numbers to the right."""
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join(["---"] + ["---:"] * (len(head) - 1)) + " |"]
    return lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows] + [""]


def seconds(ms):
    return "-" if ms is None else f"{ms / 1000:.1f}"


def millis(ms):
    return "-" if ms is None else f"{ms:,.0f}"


def spread(values, show):
    """Median, and the quartiles in brackets when there is more than one value."""
    values = [value for value in values if value is not None]
    if not values:
        return "-"
    if len(values) == 1:
        return show(values[0])
    low, high = stats.quartiles(values)
    return f"{show(stats.median(values))} [{show(low)}, {show(high)}]"


def ratio_text(found):
    """A pooled log-ratio as a percentage with its interval; bold when the interval excludes no difference."""
    if found is None:
        return "-"
    mean, low, high = (stats.as_percent(each) for each in found)
    text = f"{mean:+.0f} % [{low:+.0f}, {high:+.0f}]"
    return f"**{text}**" if low > 0 or high < 0 else text


RATIOS = {}  # (label, key): found once, shown in a table and in a chart


def ratio(label, paired, key):
    """The pooled log-ratio of a policy to the reference."""
    if (label, key) not in RATIOS:
        RATIOS[label, key] = stats.bootstrap(stats.log_ratios(paired, key))
    return RATIOS[label, key]


def goal_rows(checked):
    names = []
    for goal in checked:
        if goal.name not in names:
            names.append(goal.name)
    groups = []
    for goal in checked:
        if goal.group not in groups:
            groups.append(goal.group)
    words = {True: "kept", False: "**missed**", None: "not tested"}
    rows = []
    for name in names:
        of = {goal.group: goal for goal in checked if goal.name == name}
        rows.append([name] + [words[of[group].kept] if group in of else "-" for group in groups])
    return ["goal"] + groups, rows


def goal_part(checked):
    lines = ["## Goals", ""] + table(*goal_rows(checked))
    missed = [goal for goal in checked if goal.kept is False]
    if missed:
        lines += ["What was missed:", ""]
        for goal in missed:
            lines += [f"- {goal.group}, {goal.name}: {note}" for note in goal.notes[:SHOWN]]
            if len(goal.notes) > SHOWN:
                lines.append(f"- {goal.group}, {goal.name}: and {len(goal.notes) - SHOWN} more")
        lines.append("")
    return lines


def pooled_part(group, lines):
    """One row a policy, over all cells."""
    labels = goals.by_label(lines)
    reference = [line for line in lines if line["plugin"] == goals.REFERENCE]
    rows = []
    for label in sorted(labels, key=lambda each: stats.pooled_score(labels[each])):
        own = labels[label]
        row = [label, f"{sum(map(stats.is_met, own))} of {len(own)}", f"{stats.pooled_score(own):.1f}"]
        if own[0]["plugin"] == goals.REFERENCE or not reference:
            row += ["", "", ""]
        else:
            paired = stats.pairs(reference, own)
            row += [ratio_text(ratio(label, paired, key)) for key in ("score", "totalMs", "silenceMs")]
        rows.append(row)
    peers = [line for line in lines if line["plugin"] != goals.REFERENCE]
    if peers:
        rows.append(["*best of each peer*", "", f"{stats.best_of_each(peers):.1f}", "", "", ""])
    rows.append(["*best of each, all*", "", f"{stats.best_of_each(lines):.1f}", "", "", ""])
    return [f"### {group}: {GROUP_TEXT.get(group, '')}", ""] + table(
        ["policy", "within limits", "J", "J against adaptive", "total time", "silence"], rows)


def scale_text(lines):
    scale = lines[0].get("timeScale") or 1
    return f" (÷{scale:g})" if scale != 1 else ""


def cell_part(cell, group_name, lines):
    """One row a policy, in one cell."""
    labels = goals.by_label(lines)
    flagged = {note.split(" ")[0] for note in goals.dominators(goals.Group(group_name, lines), cell)}
    rows = []
    for label in sorted(labels, key=lambda each: stats.median([stats.score(line) for line in labels[each]])):
        own = labels[label]
        rows.append([label + scale_text(own) + (" ⚑" if label in flagged else ""),
                     f"{sum(map(stats.is_met, own))} of {len(own)}",
                     spread([line["totalMs"] for line in own], seconds),
                     spread([line["silenceMs"] for line in own], millis),
                     spread([line.get("downtimeMs") for line in own], millis),
                     spread([line["throttleSilenceMs"] for line in own], millis),
                     spread([line.get("workLostMs") for line in own], millis),
                     spread([line.get("bytes", line.get("bytesSent")) for line in own], lambda n: f"{n / 2 ** 20:.0f}"),
                     f"{stats.median([stats.score(line) for line in own]):.1f}"])
    return [f"**{group_name}**", ""] + table(
        ["policy", "within limits", "total s", "silence ms", "downtime ms", "throttled ms", "work lost ms", "MiB", "J"], rows)


def cell_facts(lines):
    """What the guests of a cell did, and what link they got."""
    if "bandwidthMibPerSecond" not in lines[0]:
        return []
    def span(key):
        values = [line[key] for line in lines if key in line]
        low, high = min(values), max(values)
        return f"{low:.1f}" if high - low < 0.05 else f"{low:.1f} to {high:.1f}"
    line = lines[0]
    return [f"Working set {line['workingSetMib']} of {line['memoryMib']} MiB, {line['pattern']}, dirtied at "
            f"{span('achievedMibPerSecond')} MiB/s (measured before each run), link {span('bandwidthMibPerSecond')} MiB/s; "
            f"deadline {line['deadlineSeconds']:g} s, limits {line['downtimeSoftMs']} and {line['downtimeHardMs']} ms.", ""]


def failure_rows(lines):
    rows = []
    for line in lines:
        if stats.is_met(line):
            continue
        error = line.get("error")
        if isinstance(error, dict):
            error = error.get("message")
        rows.append([line["cell"], line["label"], line["seed"], goals.why([line]), seconds(line["totalMs"]),
                     (error or "").replace("|", "/").replace("\n", " ")[:110]])
    return rows


def failure_part(lines, most=200):
    rows = failure_rows(lines)
    if not rows:
        return ["## Runs outside of their limits", "", "None.", ""]
    lines = ["## Runs outside of their limits", ""]
    if len(rows) > most:
        lines += [f"{len(rows)} runs; the first {most}:", ""]
    return lines + table(["cell", "policy", "seed", "why", "total s", "error"], rows[:most])


def doubt_part(lines, failed):
    """What may be wrong with the figures."""
    flags = {}
    for line in lines:
        for flag in line.get("flags", []):
            flags.setdefault(flag, []).append(line)
    text = {"busy": "runs had a processor busy for over 85 % of the pre-copy phase",
            "starved": "runs had a guest that dirtied less than 90 % of what it was asked for (the link was chosen accordingly)",
            "beats": "runs lost more than a few beats", "capped": "runs were ended by the harness at the cap"}
    broken = [line for line in lines if line.get("verified") is False or line.get("oneHost") is False]
    out = ["## Doubts", "", f"- {len(lines)} runs counted, {len(failed)} failed by the harness and were repeated"
           + (": " + "; ".join(sorted({line['harnessError'][:90] for line in failed})) if failed else "") + "."]
    for flag, found in sorted(flags.items()):
        where = sorted({line["cell"] for line in found})
        out.append(f"- {len(found)} {text.get(flag, flag)} ({', '.join(where)}).")
    if lines and "verified" in lines[0]:
        out.append("- The guest was whole and on exactly one host after every run." if not broken else
                   f"- {len(broken)} runs left a guest that was damaged or not on exactly one host: "
                   + ", ".join(f"{line['cell']} {line['label']} seed {line['seed']}" for line in broken) + ".")
    return out + [""]
