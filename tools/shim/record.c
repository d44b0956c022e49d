/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record.c: the two files that the shim writes: helper.json and result.json.
 *
 * Room for the result is reserved before the plugin starts. A reader sees a file whole or not at
 * all.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shim.h"

#define RESULT_TEMPORARY ".result.json"
#define PROCESS_TEMPORARY ".helper.json"
#define RESERVED_BYTES 4096
/* What only this process knows is not given up at the first refusal. */
#define MAX_TRIES 20
#define AGAIN_NAP_NS 50000000L

static const char *const stage_names[] = VMMI_STAGE_NAMES;
_Static_assert(sizeof(stage_names) / sizeof(stage_names[0]) == VMMI_STAGE_LAST, "a name a stage");

uint64_t
shimNowMs(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int
shimWriteFull(int fd, const void *data, size_t length)
{
    const char *text = data;

    while (length > 0) {
        ssize_t put = write(fd, text, length);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        text += put;
        length -= (size_t)put;
    }
    return 0;
}

ssize_t
shimReadText(int fd, char *text, size_t size)
{
    size_t used = 0;
    ssize_t got = 1;

    while (got != 0 && used < size - 1) {
        got = read(fd, text + used, size - 1 - used);
        if (got < 0 && errno != EINTR)
            break;
        used += got > 0 ? (size_t)got : 0;
    }
    text[used] = '\0';
    return got < 0 ? -1 : (ssize_t)used;
}

static int
create(const Shim *shim, const char *name)
{
    return openat(shim->job, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
}

int
shimRecordReserve(Shim *shim)
{
    shim->result = create(shim, RESULT_TEMPORARY);
    if (shim->result < 0)
        return -1;
    if (fallocate(shim->result, FALLOC_FL_KEEP_SIZE, 0, RESERVED_BYTES) < 0 && errno != EOPNOTSUPP)
        return -1;
    return 0;
}

/* The text of a small file, cut at the first newline; "" when it cannot be read. */
static void
read_line(const char *path, char *line, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : shimReadText(fd, line, size);

    if (fd >= 0)
        close(fd);
    line[got < 0 ? 0 : got] = '\0';
    line[strcspn(line, "\n")] = '\0';
}

/* Field 22 of /proc/PID/stat; 0 when it cannot be read. */
static unsigned long long
start_time(pid_t pid)
{
    char path[64], text[1024];
    unsigned long long start = 0;
    const char *close;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    read_line(path, text, sizeof(text));
    close = strrchr(text, ')');
    if (!close ||
        sscanf(close + 1,
               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
               &start) != 1)
        return 0;
    return start;
}

int
shimRecordProcess(Shim *shim)
{
    char boot_id[64], text[512];
    int length, fd, failed;

    read_line("/proc/sys/kernel/random/boot_id", boot_id, sizeof(boot_id));
    boot_id[strspn(boot_id, "0123456789abcdef-")] = '\0';
    length = snprintf(
        text, sizeof(text),
        "{\"version\": 1, \"pid\": %d, \"startTime\": %llu, \"bootId\": \"%s\", \"shimPid\": %d}\n",
        (int)shim->child, start_time(shim->child), boot_id, (int)getpid());
    fd = create(shim, PROCESS_TEMPORARY);
    if (fd < 0)
        return -1;
    failed = shimWriteFull(fd, text, (size_t)length) < 0 ? errno : 0;
    close(fd);
    errno = failed;
    return failed ? -1 : renameat(shim->job, PROCESS_TEMPORARY, shim->job, VMMI_FILE_PROCESS);
}

/*
 * The room for it is there. Nothing is left undone for want of a sync: without one the file is
 * whole for whoever lives on this machine, and after a start of the machine it is gone anyway.
 */
static int
commit_result(const Shim *shim, size_t length)
{
    if (lseek(shim->result, 0, SEEK_SET) < 0 ||
        shimWriteFull(shim->result, shim->result_text, length) < 0)
        return -1;
    fsync(shim->result);
    return renameat(shim->job, RESULT_TEMPORARY, shim->job, VMMI_FILE_RESULT);
}

int
shimRecordResult(Shim *shim, const ShimEnd *end)
{
    const struct timespec nap = { 0, AGAIN_NAP_NS };
    int length =
        snprintf(shim->result_text, sizeof(shim->result_text),
                 "{\"version\": 1, \"kind\": \"%s\", \"value\": %d, \"startedMs\": %llu, "
                 "\"startedBoottimeMs\": %llu, \"endedMs\": %llu, \"endedBoottimeMs\": %llu, "
                 "\"stoppedSignal\": %d, \"stage\": \"%s\", \"errno\": %d}\n",
                 end->kind, end->value, (unsigned long long)shim->started_ms,
                 (unsigned long long)shim->started_boottime_ms,
                 (unsigned long long)shimNowMs(CLOCK_REALTIME),
                 (unsigned long long)shimNowMs(CLOCK_BOOTTIME), shim->stopped_signal,
                 end->stage == VMMI_STAGE_RUNNING ? "" : stage_names[end->stage], end->error);

    for (int tries = 1; commit_result(shim, (size_t)length) < 0; tries++) {
        if (tries == MAX_TRIES)
            return -1;
        nanosleep(&nap, NULL);
    }
    return 0;
}
