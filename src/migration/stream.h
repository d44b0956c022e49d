/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stream.h: finding messages in what a plugin wrote, among noise (B5, S2). Works on text; reading
 * files is the job room's.
 */
#ifndef VMMI_MIGRATION_STREAM_H
#define VMMI_MIGRATION_STREAM_H

#include <stddef.h>

#include <libvmmi/vmmi-message.h>

/*
 * The last valid completion of a text, NULL if there is none. @noise: (out): what stands beside it,
 * as printable UTF-8, at most VMMI_DIAGNOSTICS_MAX_BYTES from its end; "" if nothing; to be freed.
 */
vmmiMessage *vmmiStreamFindCompletion(const char *text, size_t length, char **noise);

/*
 * The first valid status of a text, NULL if there is none yet. @consumed: (out): how much of the
 * text need not be looked at again: what stood before a message that is not whole yet, or all up to
 * the end of the status.
 */
vmmiMessage *vmmiStreamFindStatus(const char *text, size_t length, size_t *consumed);

#endif
