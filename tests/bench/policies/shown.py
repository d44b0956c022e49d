# SPDX-License-Identifier: LGPL-2.1-or-later
"""shown.py: the cells that only `adaptive` completes, and the traces of one of them over each other, drawn by `vmmi report`."""
import shutil
import subprocess
import tempfile

import goals
import stats

MOST_TRACES = 8


def only_reference(groups):
    """(group, cell) in which the reference is within its limits in every run, and no peer in any."""
    found = []
    for group in groups:
        for cell in sorted(group.cells):
            own, others = group.own(cell), group.others(cell)
            if own and others and all(map(stats.is_met, own)) and \
                    not any(stats.is_met(line) for lines in others.values() for line in lines):
                found.append((group, cell))
    return found


def traces(group, cell, groups):
    """One run of each policy with the same seed: the reference's first. Then those of other groups that failed all the same:
    more was permitted to them."""
    seed = group.own(cell)[0]["seed"]
    lines = sorted(group.cells[cell], key=lambda line: line["plugin"] != goals.REFERENCE)
    lines += [line for other in groups if other is not group for line in other.cells.get(cell, [])
              if line["plugin"] != goals.REFERENCE and not stats.is_met(line)]
    return [line for line in lines if line["seed"] == seed and line.get("trace")][:MOST_TRACES]


def draw(vmmi, directory, lines, path):
    """Draws traces under the names of their policies. Returns whether it could."""
    with tempfile.TemporaryDirectory() as place:
        named = []
        for line in lines:
            named.append(f"{place}/{line['label']}.jsonl")
            shutil.copyfile(directory / line["trace"], named[-1])
        try:
            done = subprocess.run([vmmi, "report", *named, "-o", path], capture_output=True, text=True, check=False)
        except OSError:
            return False
        return done.returncode == 0


def part(groups, vmmi, directory, stem):
    """The report's lines about them. @directory: of `run`, or None."""
    found = only_reference(groups)
    out = ["## What only adaptive completes", ""]
    if not found:
        return out + ["In no cell is `adaptive` alone within the limits.", ""]
    out += [f"- {group.name}, {cell}: peers " + "; ".join(
        f"{label} {goals.why(lines)}" for label, lines in sorted(group.others(cell).items())) for group, cell in found[:20]]
    out += [f"- and {len(found) - 20} more"] if len(found) > 20 else []
    out.append("")
    group, cell = max(found, key=lambda each: len(traces(*each, groups)))
    lines = traces(group, cell, groups)
    path = stem.with_name(f"{stem.name}-only.svg")
    if directory and lines and draw(vmmi, directory, lines, path):
        out += [f"One guest of {cell} (seed {lines[0]['seed']}), in this order: {', '.join(line['label'] for line in lines)}.", "",
                f"![{cell}]({path.name})", ""]
    return out
