# SPDX-License-Identifier: LGPL-2.1-or-later
"""charts.py: the report's charts, as SVG that needs nothing else."""
import html
import math

import goals
import stats
import tables

INK, FAINT, OWN, PEER, BETTER = "#222", "#bbb", "#0a7a3c", "#3465a4", "#b03a2e"
MOST_NOTES = 300  # points of a group that are drawn with the names of their cells
STYLE = ("<style>text{font-family:sans-serif;font-size:12px;fill:#222}.small{font-size:10px}"
         ".head{font-size:14px;font-weight:bold}</style>")


class Svg:
    def __init__(self, width, height, title):
        self.size = width, height
        self.parts = [f"<title>{html.escape(title)}</title>", STYLE,
                      f'<rect width="{width}" height="{height}" fill="white"/>']

    def text(self, x, y, text, anchor="start", kind="", colour=None):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}"'
                          + (f' style="fill:{colour}"' if colour else "") + f">{html.escape(str(text))}</text>")

    def line(self, x1, y1, x2, y2, colour=INK, width=1, dash=""):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
                          f'stroke-width="{width}"' + (f' stroke-dasharray="{dash}"' if dash else "") + "/>")

    def box(self, x, y, width, height, colour, opacity=1.0):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height:.1f}" '
                          f'fill="{colour}" fill-opacity="{opacity}"/>')

    def dot(self, x, y, colour, note, radius=4):
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{colour}" fill-opacity="0.75">'
                          f"<title>{html.escape(note)}</title></circle>")

    def dust(self, points, colour):
        """Many points as one path: small, and without notes."""
        self.parts.append(f'<path d="{"".join(f"M{x:.1f} {y:.1f}h0" for x, y in points)}" stroke="{colour}" stroke-width="3.5" '
                          'stroke-linecap="round" stroke-opacity="0.45" fill="none"/>')

    def write(self, path):
        width, height = self.size
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
                       f'height="{height}">\n' + "\n".join(self.parts) + "\n</svg>\n")


def score_chart(groups, path):
    """A bar for the pooled J of each policy, group by group; the best of each beside it."""
    rows = []
    for group in groups:
        lines = group.reference + group.peers
        labels = goals.by_label(lines)
        rows.append((f"{group.name}", None, None))
        for label in sorted(labels, key=lambda each: stats.pooled_score(labels[each])):
            own = labels[label][0]["plugin"] == goals.REFERENCE
            rows.append((label, stats.pooled_score(labels[label]), OWN if own else PEER))
        rows.append(("best of each", stats.best_of_each(lines), FAINT))
    highest = max(value for _, value, _ in rows if value)
    left, width, step = 190, 760, 20
    svg = Svg(width, 50 + step * len(rows), "Score J of each policy")
    svg.text(10, 22, "Score J, geometric mean over cells (less is better; logarithmic)", kind="head")
    def place(value):
        return (width - left - 70) * math.log(value / 1) / math.log(max(highest, 10)) if value > 1 else 0
    for i, (label, value, colour) in enumerate(rows):
        y = 40 + step * i
        if value is None:
            svg.text(10, y + 14, label, kind="head")
            continue
        svg.text(left - 8, y + 13, label, "end")
        svg.box(left, y + 2, place(value), step - 6, colour)
        svg.text(left + place(value) + 6, y + 13, f"{value:.1f}")
    svg.write(path)


def forest_chart(groups, path):
    """Pooled ratios of each peer to the reference with their intervals: score, total time, silence."""
    keys = (("score", "J"), ("totalMs", "total time"), ("silenceMs", "silence"))
    rows = []
    for group in groups:
        rows.append((group.name, None))
        for label, lines in sorted(goals.by_label(group.peers).items()):
            paired = stats.pairs(group.reference, lines)
            rows.append((label, [tables.ratio(label, paired, key) for key, _ in keys]))
    left, panel, step = 190, 230, 22
    svg = Svg(left + 3 * panel + 20, 80 + step * len(rows), "Peers against adaptive")
    svg.text(10, 22, "Peers against adaptive, pooled over cells: times as much, with 95 % intervals", kind="head")
    most = max([abs(each) for _, found in rows if found for three in found if three for each in three] + [math.log(2)])
    for i, (_, name) in enumerate(keys):
        middle = left + panel * i + panel / 2
        svg.text(middle, 44, name, "middle")
        svg.text(middle - panel / 2 + 8, 58, "adaptive worse", kind="small", colour=BETTER)
        svg.text(middle + panel / 2 - 8, 58, "adaptive better", "end", "small", OWN)
        svg.line(middle, 64, middle, 68 + step * len(rows), FAINT)
        for row, (_, found) in enumerate(rows):
            if not found or not found[i]:
                continue
            y = 66 + step * row + 10
            mean, low, high = (middle + (panel / 2 - 14) * each / most for each in found[i])
            colour = OWN if found[i][1] > 0 else BETTER if found[i][2] < 0 else INK
            svg.line(low, y, high, y, colour, 2)
            svg.dot(mean, y, colour, f"{math.exp(found[i][0]):.2f} times")
            svg.text(mean, y - 5, f"×{math.exp(found[i][0]):.2g}", "middle", "small")
    for row, (label, found) in enumerate(rows):
        svg.text(10 if found is None else left - 8, 66 + step * row + 14, label, "start" if found is None else "end",
                 "head" if found is None else "")
    svg.write(path)


def cloud_points(group):
    """For each cell and peer that does it: total time and silence as multiples of the reference's."""
    for cell in sorted(group.cells):
        own = group.own(cell)
        if not own or not goals.completes(own):
            continue
        for label, lines in group.others(cell).items():
            if goals.completes(lines):
                total = goals.middle(lines, "totalMs") / goals.middle(own, "totalMs")
                silence = max(goals.middle(lines, "silenceMs"), 10) / max(goals.middle(own, "silenceMs"), 10)
                worse = any(note.startswith(label + " ") for note in goals.dominators(group, cell))
                yield cell, label, math.log(total), math.log(silence), worse


def cloud_chart(groups, path):
    """Where each peer stands against the reference in each cell; the lower left corner is where it is better in both."""
    side, gap = 300, 60
    svg = Svg(2 * (side + gap) + 20, 2 * (side + gap + 20) + 40, "Total time and silence, cell by cell")
    svg.text(10, 22, "Each peer in each cell that both complete, as multiples of adaptive", kind="head")
    points = {group.name: list(cloud_points(group)) for group in groups}
    most = max([max(abs(x), abs(y)) for each in points.values() for _, _, x, y, _ in each] + [math.log(2)]) * 1.05
    for i, group in enumerate(groups[:4]):
        left, top = 50 + (i % 2) * (side + gap), 60 + (i // 2) * (side + gap + 20)
        svg.text(left, top - 8, group.name, kind="head")
        svg.box(left, top + side / 2, side / 2, side / 2, BETTER, 0.07)
        svg.line(left, top + side / 2, left + side, top + side / 2, FAINT)
        svg.line(left + side / 2, top, left + side / 2, top + side, FAINT)
        svg.text(left + side, top + side + 14, "total time: longer →", "end", "small")
        svg.text(left, top + side + 14, "both better than adaptive", kind="small", colour=BETTER)
        svg.text(left - 4, top + 10, "silence", "end", "small")
        svg.text(left - 4, top + 22, "longer ↑", "end", "small")
        for tick in (0.1, 0.5, 2, 10):
            if abs(math.log(tick)) < 0.95 * most:
                step = side / 2 * math.log(tick) / most
                svg.text(left + side / 2 + step, top + side / 2 + 12, f"×{tick:g}", "middle", "small", FAINT)
                svg.text(left + side / 2 - 4, top + side / 2 - step + 3, f"×{tick:g}", "end", "small", FAINT)
        many = len(points[group.name]) > MOST_NOTES
        for colour, wanted in ((PEER, False), (BETTER, True)) if many else ():
            svg.dust([(left + side / 2 * (1 + x / most), top + side / 2 * (1 - y / most))
                      for _, _, x, y, worse in points[group.name] if worse is wanted], colour)
        for cell, label, x, y, worse in () if many else points[group.name]:
            svg.dot(left + side / 2 * (1 + x / most), top + side / 2 * (1 - y / most), BETTER if worse else PEER,
                    f"{label}, {cell}: total ×{math.exp(x):.2f}, silence ×{math.exp(y):.2f}")
    svg.write(path)
