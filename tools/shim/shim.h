/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shim.h: the parts of the shim. It uses the C library alone, allocates nothing after its start,
 * and has one thread.
 */
#ifndef VMMI_SHIM_H
#define VMMI_SHIM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "plugin/launch-protocol.h"

/* Of an id and the NUL behind it: a UUID, a dot, a number. */
#define SHIM_ID_SIZE 64

typedef struct {
    const char *plugin; /* path */
    char **arguments;   /* argv of the plugin */
    int socket;         /* to the launcher, -1 when it is gone */
    int job;            /* the directory */
    int lock;           /* holds VMMI_LOCK_SHIM: no descriptor of that file is ever closed */
    int result;         /* the reserved temporary file of result.json */
    int signals;        /* SIGCHLD and SIGTERM arrive here */
    int go;             /* the child waits for a byte from here, -1 when it has it */
    int oom_score;      /* as it was at the start */
    pid_t child;
    uint64_t started_ms;
    uint64_t started_boottime_ms;
    int stopped_signal;     /* the child was seen stopped by it, 0 if never */
    bool stopped;           /* it is at present */
    char id[SHIM_ID_SIZE];  /* of the job; "" when it could not be learned */
    char result_text[1024]; /* what result.json says */
} Shim;

/* How the plugin ended, or why it did not start (stage and error). */
typedef struct {
    const char *kind;
    int value;
    vmmiLaunchStage stage;
    int error;
} ShimEnd;

/* record.c. Each returns 0, or -1 with errno. */
int shimRecordReserve(Shim *shim);
int shimRecordProcess(Shim *shim);
int shimRecordResult(Shim *shim, const ShimEnd *end);
uint64_t shimNowMs(clockid_t clock);
/* All that is to be read, as far as it fits in front of a NUL. Returns its length, or -1. */
ssize_t shimReadText(int fd, char *text, size_t size);
int shimWriteFull(int fd, const void *data, size_t length);

/* child.c: what the child does between fork and exec; never returns. */
typedef struct {
    int go;     /* read end: the child waits for a byte before it executes */
    int report; /* write end, close-on-exec: READY, then what fails, if anything does */
} ShimPipes;
void shimChildRun(const Shim *shim, const ShimPipes *pipes) __attribute__((noreturn));

/* supervise.c: waits for the child, answers on the control socket, writes down how it ended. */
struct ShimControl;
int shimSupervise(Shim *shim, struct ShimControl *control);
/*
 * From now on signals arrive at shim->signals. Before the fork, so that nothing is missed. 0, or -1
 * with errno.
 */
int shimTakeSignals(Shim *shim);

#endif
