/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c: the verbs of vmmi-lab-tool.
 */
#include "tool.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char usage[] =
    "vmmi-lab-tool listen DIRECTORY          receive one guest's serial line\n"
    "vmmi-lab-tool ask DIRECTORY COMMAND MS  send a command to the guest, print its answer\n"
    "vmmi-lab-tool gap LOG [SINCE]           print the longest silence, milliseconds\n"
    "vmmi-lab-tool beats LOG [SINCE]         print figures about the beats\n"
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
    return bad_usage();
}
