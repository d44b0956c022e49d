/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-record.h: the files of a job as structures: job.json, helper.json, result.json. (The shim
 * writes the latter two.)
 */
#ifndef VMMI_PLUGIN_JOB_RECORD_H
#define VMMI_PLUGIN_JOB_RECORD_H

#include <jansson.h>

#include "plugin/job.h"

/* The version of each file; a reader refuses larger ones, and ignores unknown keys. */
#define VMMI_RECORD_VERSION 1
#define VMMI_RECORD_MAX_BYTES (1024 * 1024)

/*
 * Refuses the version of a file by name when it is larger than ours, or none. VMMI_ERR_RUN_DIR.
 */
int vmmiJobCheckVersion(const json_t *root, const char *name, vmmiError **err);

/*
 * The text of job.json, to be freed; NULL when record->options is no object
 * (VMMI_ERR_INVALID_ARGUMENT).
 */
char *vmmiJobRecordWrite(const vmmiJobRecord *record, vmmiError **err);
/*
 * Reads job.json of a directory. Strings of @record are borrowed from @ret_root (to be given up
 * with json_decref()); .options is left to the root, .id alone. VMMI_ERR_RUN_DIR.
 * Returns 0 or -1.
 */
int vmmiJobRecordRead(int job_dir_fd, vmmiJobRecord *record, json_t **ret_root, vmmiError **err);

/*
 * A URI without its password: "scheme://user:password@host" loses ":password". To be freed; NULL
 * gives NULL.
 */
char *vmmiUriStripPassword(const char *uri);

/* What helper.json says: a hint, to be compared with locks and /proc. */
typedef struct {
    pid_t pid;
    uint64_t start_time;
    char boot_id[64];
} vmmiJobProcess;
/*
 * Returns: 1 when it was read, 0 when it is missing or makes no sense, -1 when it is of a newer
 * library (VMMI_ERR_RUN_DIR): then nobody here can tell what lives.
 */
int vmmiJobProcessRead(int job_dir_fd, vmmiJobProcess *process, vmmiError **err);
/* Writes helper.json for this process. Returns 0 or -1. */
int vmmiJobProcessWriteOwn(int job_dir_fd, vmmiError **err);

/*
 * Returns: 1 when result.json was read, 0 when it is missing, -1 when it makes no sense
 * (VMMI_ERR_RUN_DIR).
 */
int vmmiJobResultRead(int job_dir_fd, vmmiJobResult *result, vmmiError **err);
/* Writes result.json of a plugin that ends itself with @exit_status. Returns 0 or -1. */
int vmmiJobResultWriteOwn(int job_dir_fd, int exit_status, vmmiError **err);

#endif
