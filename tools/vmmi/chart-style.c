/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * chart-style.c: colours and fonts. The colours of traces can be told apart with any kind of
 * colour vision, in light and in dark; paper is light. No variables: converters do not know them.
 */
#include "chart.h"

/* What changes between light and dark. */
#define THEME(text, soft, grid, edge, paper, c0, c1, c2, c3, c4, c5, c6, c7)                     \
    ".v-text{fill:" text "}.v-soft{fill:" soft "}.v-grid{stroke:" grid "}.v-edge{stroke:" edge    \
    "}.v-paper{fill:" paper "}.v-key{stroke:" soft "}"                                           \
    ".v-c0{stroke:" c0 "}.v-c1{stroke:" c1 "}.v-c2{stroke:" c2 "}.v-c3{stroke:" c3               \
    "}.v-c4{stroke:" c4 "}.v-c5{stroke:" c5 "}.v-c6{stroke:" c6 "}.v-c7{stroke:" c7 "}"          \
    ".v-f0{fill:" c0 "}.v-f1{fill:" c1 "}.v-f2{fill:" c2 "}.v-f3{fill:" c3 "}.v-f4{fill:" c4     \
    "}.v-f5{fill:" c5 "}.v-f6{fill:" c6 "}.v-f7{fill:" c7 "}.v-on{fill:" paper "}"               \
    ".v-hole{fill:" paper "}.v-b0{background:" c0 "}.v-b1{background:" c1 "}.v-b2{background:" c2 \
    "}.v-b3{background:" c3 "}.v-b4{background:" c4 "}.v-b5{background:" c5                      \
    "}.v-b6{background:" c6 "}.v-b7{background:" c7 "}"

#define BANDS(calm, copy, turn, post, broken, last, good, bad)                                   \
    ".v-calm{fill:" calm "}.v-copy{fill:" copy "}.v-turn{fill:" turn "}.v-post{fill:" post        \
    "}.v-broken{fill:" broken "}.v-last{fill:" last "}.v-good{fill:" good "}.v-bad{fill:" bad "}"

#define LIGHT                                                                                    \
    THEME("#1f2328", "#59636e", "#e7eaed", "#c8cfd6", "#ffffff", "#0072b2", "#c84e00", "#00855f", \
          "#a8488a", "#946c00", "#6b4423", "#57606a", "#2f9bd0")                                 \
    BANDS("#e3e7ec", "#c6def3", "#ffd98a", "#e0cdf0", "#f4b39c", "#d3ead9", "#b2dfc0", "#f3bdb6")
#define DARK                                                                                     \
    THEME("#e6edf3", "#9aa4af", "#232a32", "#3d4650", "#0f141a", "#58a9e8", "#ff9350", "#35c99b", \
          "#e79ccb", "#e2b93b", "#cfa27a", "#aeb7c1", "#8fd3f4")                                 \
    BANDS("#2d343c", "#1d4569", "#76570f", "#4c3468", "#7c321d", "#1f4632", "#1d5a38", "#6d2b2b")

static const char style[] =
    "text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;"
    "font-size:11.5px}.v-h1{font-size:19px;font-weight:600}.v-h2{font-size:12.5px;font-weight:600}"
    ".v-small{font-size:10.5px}.v-bold{font-weight:600}.v-end{text-anchor:end}"
    ".v-mid{text-anchor:middle}.v-num{font-size:10px;font-weight:700;text-anchor:middle}"
    ".v-line{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}"
    ".v-thin{stroke-width:1.1}.v-dashed{stroke-dasharray:5 4}"
    ".v-dotted{stroke-dasharray:.1 4;stroke-width:2.2}.v-grid{stroke-width:1}"
    ".v-edge{stroke-width:1;fill:none}.v-mark{stroke-width:1;stroke-dasharray:2 3;fill:none}"
    ".v-faint{opacity:.55}.v-badge{stroke-width:1.5}.v-hover{fill:#8894a0;fill-opacity:0}"
    ".v-hover:hover{fill-opacity:.18}" LIGHT "@media (prefers-color-scheme:dark){" DARK
    "}@media print{" LIGHT "}";

static const char page_style[] =
    ":root{color-scheme:light dark}"
    "body{margin:0 auto;padding:28px 24px 48px;max-width:1120px;background:#fff;color:#1f2328;"
    "font:14px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}"
    "h1{font-size:24px;line-height:1.25;margin:0 0 4px}h2{font-size:16px;margin:30px 0 8px}"
    "p{margin:4px 0}.soft{color:#59636e}.warn{border-left:3px solid #c84e00;padding:2px 0 2px 10px}"
    "svg{display:block;width:100%;height:auto;margin:18px 0 6px}"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
    "th,td{text-align:left;vertical-align:top;padding:6px 14px 6px 0;"
    "border-bottom:1px solid #d9dee3}th{font-weight:600;color:#59636e;white-space:nowrap}"
    "td.n,th.n{text-align:right;white-space:nowrap}td.k{white-space:nowrap}"
    ".r{overflow-wrap:anywhere;min-width:220px}.wide svg{min-width:760px}"
    ".sw{display:inline-block;width:18px;height:4px;border-radius:2px;vertical-align:middle;"
    "margin-right:8px}.no{display:inline-block;min-width:18px;padding:0 3px;border-radius:10px;"
    "color:#fff;text-align:center;font-size:12px;font-weight:700;line-height:18px}"
    "code{font:12.5px/1.5 ui-monospace,'DejaVu Sans Mono',monospace;overflow-wrap:anywhere}"
    ".wide{overflow-x:auto}.w1{width:62px}.w2{width:190px}"
    "@media (prefers-color-scheme:dark){body{background:#0f141a;color:#e6edf3}"
    ".soft,th{color:#9aa4af}th,td{border-color:#2d343c}.no{color:#0f141a}}"
    "@media print{body{padding:0;background:#fff;color:#1f2328}.soft,th{color:#59636e}"
    "th,td{border-color:#d9dee3}.no{color:#fff}.wide svg,.r{min-width:0}"
    "tr,svg{break-inside:avoid}h2{break-after:avoid}"
    "*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}";

const char *
chart_style(void)
{
    return style;
}

const char *
chart_page_style(void)
{
    return page_style;
}
