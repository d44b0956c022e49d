/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool.h: what the files of the lab's collector share.
 *
 * main.c has the verbs, listen.c the process that receives one guest's serial line, log.c
 * what it writes, report.c and figures.c what is computed from that. Plain libc.
 *
 * The log (serial.log) has one line for each thing, its kind first, then CLOCK_MONOTONIC in
 * microseconds:
 *   s T                      the collector started      e T           it ended
 *   o T SIDE                 a QEMU connected            c T SIDE      it went away
 *   b T SIDE SEQ CLOCK WORK  a beat; CLOCK is the guest's, in microseconds
 *   t T SIDE TEXT            any other line of the guest
 *   g T SIDE TEXT            a beat that is damaged
 */
#ifndef VMMI_LAB_TOOL_H
#define VMMI_LAB_TOOL_H

#ifndef _GNU_SOURCE
# define _GNU_SOURCE /* accept4(), struct ucred */
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum { SIDE_UNKNOWN, SIDE_SOURCE, SIDE_DESTINATION } lab_side;

typedef struct lab_log lab_log;
struct lab_log {
    FILE *file;
    char line[512]; /* what arrived of the present line, whichever QEMU it came from */
    size_t used;
    char answer[512]; /* the last line that is no beat */
    bool answered;
};

uint64_t lab_now_us(void);
const char *lab_side_name(lab_side side);

/* log.c */
int lab_log_open(lab_log *log, const char *path);
void lab_log_event(lab_log *log, char kind, uint64_t now, const char *text);
void lab_log_bytes(lab_log *log, lab_side side, uint64_t now, const char *bytes, size_t n);

/* listen.c */
int lab_listen(const char *directory);
int lab_ask(const char *directory, const char *command, int timeout_ms);

/* report.c */
int lab_report_gap(const char *path, uint64_t since);
int lab_report_beats(const char *path, uint64_t since);

/* reap.c */
int lab_reap(char **command);

#endif
