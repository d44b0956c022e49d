/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record.h: a plugin's own place in the run directory: its job, its claim on the guest (B13), its
 * journal.
 */
#ifndef VMMI_KIT_RECORD_H
#define VMMI_KIT_RECORD_H

#include <jansson.h>

#include <libvmmi/vmmi-message.h>

#include "kit/verdict.h"
#include "plugin/job.h"
#include "plugin/journal.h"

typedef struct {
    vmmiJob *job;
    vmmiJournal *journal; /* NULL: it cannot be written, which harms nobody */
    bool bare;            /* made here, since no manager did */
} vmmiKitRecord;

/* What a record that is made here says. Borrowed. */
typedef struct {
    const char *plugin;
    const char *plugin_path;
    vmmiConnect *connect;
    const vmmiGuestInfo *guest;
    const char *destination_uri, *migrate_uri;
    vmmiMessage *configuration;
    bool replace;             /* end the plugin that has the guest, rather than give up (B13) */
    unsigned int replace_ms;  /* how long that one may take */
} vmmiKitRecordFacts;

/*
 * Finds the job that a manager made for this process (VMMI_JOB), else makes one, which claims the
 * guest. VMMI_ERR_GUEST_BUSY when another plugin has it, and keeps it. With .replace it waits for
 * that one. Returns 0 or -1.
 */
int vmmiKitRecordOpen(const vmmiKitRecordFacts *facts, vmmiKitRecord *record, vmmiError **err);
/*
 * Last of all, for a record that was made here: the completion joins it, and how the process is
 * about to end, since there is no shim to write that down. The guest is given free.
 */
void vmmiKitRecordLeave(vmmiKitRecord *record, const vmmiMessage *completion, int exit_status);
/* The claim ends with the process. */
void vmmiKitRecordClear(vmmiKitRecord *record);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(vmmiKitRecord, vmmiKitRecordClear)

#endif
