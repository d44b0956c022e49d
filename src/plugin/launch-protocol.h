/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * launch-protocol.h: what launch-local.c and the shim agree on. Plain C: the shim knows no GLib.
 *
 * The launcher starts `vmmi-shim PLUGIN ARGV0 [ARG...]` with the plugin's environment and two
 * descriptors. The shim makes everything ready and sends READY with its pid and the plugin's, which
 * has not executed anything yet. The launcher answers with one byte; without it the shim ends and
 * nothing was started. Then the shim sends RUNNING, or what went wrong.
 */
#ifndef VMMI_PLUGIN_LAUNCH_PROTOCOL_H
#define VMMI_PLUGIN_LAUNCH_PROTOCOL_H

#include <stdint.h>

/* A SOCK_SEQPACKET socket to the launcher, and the job directory. */
#define VMMI_SHIM_SOCKET_FD 3
#define VMMI_SHIM_JOB_FD 4

/* Bytes of the file `lock`. */
#define VMMI_LOCK_SHIM 0
#define VMMI_LOCK_PLUGIN 1
#define VMMI_LOCK_MAKER 2

/* Names of the files of a job. */
#define VMMI_FILE_JOB "job.json"
#define VMMI_FILE_CONFIG "config.json"
#define VMMI_FILE_LOCK "lock"
#define VMMI_FILE_STDOUT "stdout"
#define VMMI_FILE_STDERR "stderr"
#define VMMI_FILE_PROCESS "helper.json"
#define VMMI_FILE_RESULT "result.json"
#define VMMI_FILE_CONTROL "control"

/* The stages of a launch, in order; names for messages and result.json. */
typedef enum {
    VMMI_STAGE_READY = 0,
    VMMI_STAGE_RUNNING,
    VMMI_STAGE_ARGUMENTS,   /* from here on: where it failed */
    VMMI_STAGE_SESSION,
    VMMI_STAGE_LOCK,
    VMMI_STAGE_RESERVE,
    VMMI_STAGE_FORK,
    VMMI_STAGE_RECORD,
    VMMI_STAGE_STREAMS,
    VMMI_STAGE_PLUGIN_LOCK,
    VMMI_STAGE_LIMITS,
    VMMI_STAGE_PRIVILEGES,
    VMMI_STAGE_EXEC
} vmmiLaunchStage;
#define VMMI_STAGE_LAST (VMMI_STAGE_EXEC + 1)
#define VMMI_STAGE_NAMES \
    { "ready", "running", "arguments", "session", "lock", "reserve", "fork", "record", "streams", \
      "plugin-lock", "limits", "privileges", "exec" }

typedef struct {
    uint32_t stage;
    int32_t error;        /* errno of a failure, else 0 */
    int32_t shim_pid;
    int32_t plugin_pid;
} vmmiLaunchReport;

#endif
