/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-process.h: what /proc says about a process: start time, state, signals; and its pidfd.
 */
#ifndef VMMI_PLUGIN_JOB_PROCESS_H
#define VMMI_PLUGIN_JOB_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct {
    uint64_t start_time;   /* field 22 of stat: clock ticks after boot */
    char state;            /* field 3: 'R', 'S', 'T', 'Z', ... */
} vmmiProcess;

/* Reads /proc/PID/stat. False: no such process, or one that cannot be seen. */
bool vmmiProcessLook(pid_t pid, vmmiProcess *process);
/* The same on a text, for tests: the name in brackets may hold anything. */
bool vmmiProcessParseStat(const char *text, vmmiProcess *process);
/* Whether it has not ended (a zombie has). */
bool vmmiProcessIsAlive(const vmmiProcess *process);

/*
 * Whether a process catches a signal, or blocks it in every thread to wait for it (B7). Allocates
 * nothing: job-ready.c is part of the shim, too.
 */
bool vmmiProcessTakesSignal(pid_t pid, int signal_number);
/* Whether a thread blocks it, from the text of its status file: the second half of that. */
bool vmmiProcessBlocksSignal(const char *status, int signal_number);
/* A pidfd, close-on-exec; -1 with errno. */
int vmmiProcessOpenPidfd(pid_t pid);
/*
 * Something that names this process and no later one with its pid, to send a signal through: a
 * pidfd, or on a kernel without pidfd_open its directory in /proc, which cannot be polled. -1 with
 * errno.
 */
int vmmiProcessOpenTarget(pid_t pid);
/* To a pidfd or a target. 0, or -1 with errno. */
int vmmiProcessSendSignal(int pidfd, int signal_number);

/* The boot id of this machine, to be freed; "" when it cannot be read. */
char *vmmiProcessBootId(void);

#endif
