/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c: the verbs of vmmi-lab-tool.
 */
#include "figures.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char usage[] =
    "vmmi-lab-tool listen DIRECTORY          receive one guest's serial line\n"
    "vmmi-lab-tool ask DIRECTORY COMMAND MS  send a command to the guest, print its answer\n"
    "vmmi-lab-tool gap LOG [SINCE]           print the longest silence, milliseconds\n"
    "vmmi-lab-tool beats LOG [SINCE]         print figures about the beats\n"
    "vmmi-lab-tool figures LOG [since=US] [until=US] [switchover=US..US] [phase=MS]\n"
    "                                        print what its user felt, as JSON\n"
    "vmmi-lab-tool reap COMMAND...           run a daemon, and reap what it leaves behind\n"
    "vmmi-lab-tool now                       print CLOCK_MONOTONIC, microseconds\n";

uint64_t
lab_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

const char *
lab_side_name(lab_side side)
{
    static const char *const names[] = { "unknown", "source", "destination" };

    return names[side];
}

static int
bad_usage(void)
{
    fputs(usage, stderr);
    return 2;
}

static bool
parse_figures_word(const char *word, figures_order *order)
{
    unsigned long long a, b;
    char rest;

    if (sscanf(word, "switchover=%llu..%llu%c", &a, &b, &rest) == 2 && a <= b && b > 0) {
        order->turn_from = a;
        order->turn_to = b;
    } else if (sscanf(word, "since=%llu%c", &a, &rest) == 1) {
        order->since = a;
    } else if (sscanf(word, "until=%llu%c", &a, &rest) == 1) {
        order->until = a;
    } else if (sscanf(word, "phase=%llu%c", &a, &rest) == 1 && a <= 600000) {
        order->phase = a * 1000;
    } else {
        return false;
    }
    return true;
}

static int
tell_figures(char **words)
{
    figures_order order = { .path = *words++ };
    figures_log log;
    figures f;

    for (; *words; words++) {
        if (!parse_figures_word(*words, &order))
            return bad_usage();
    }
    if (order.until != 0 && order.until < order.since)
        return bad_usage();
    if (figures_read(order.path, &log) < 0) {
        figures_clear(&log);
        return 1;
    }
    figures_compute(&order, &log, &f);
    figures_print(&f, stdout);
    figures_clear(&log);
    return 0;
}

int
main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    uint64_t since = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;

    if (strcmp(verb, "now") == 0)
        return printf("%llu\n", (unsigned long long)lab_now_us()) < 0;
    if (argc < 3)
        return bad_usage();
    if (strcmp(verb, "listen") == 0)
        return lab_listen(argv[2]);
    if (strcmp(verb, "reap") == 0)
        return lab_reap(argv + 2);
    if (strcmp(verb, "ask") == 0 && argc > 4)
        return lab_ask(argv[2], argv[3], atoi(argv[4]));
    if (strcmp(verb, "gap") == 0)
        return lab_report_gap(argv[2], since);
    if (strcmp(verb, "beats") == 0)
        return lab_report_beats(argv[2], since);
    if (strcmp(verb, "figures") == 0)
        return tell_figures(argv + 2);
    return bad_usage();
}
