/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vmmi-record.h: what a run directory knows of migrations, running and finished.
 *
 * No host is asked, no plugin is signalled and nothing is followed or changed: a record is a look at one moment, and
 * does not change afterwards. To follow a migration, open it: vmmiMigrationOpen(). Any process of the user that owns
 * the run directory may look, whoever started the migration (L6); root may look at any (VMMI_MANAGER_READ_ONLY).
 *
 * One thread at a time uses a manager and the records that came from it. Records outlive their manager.
 */
#ifndef VMMI_RECORD_H
#define VMMI_RECORD_H

#include <libvmmi/vmmi-migration.h>

VMMI_BEGIN_DECLS

typedef struct vmmiRecord vmmiRecord;
typedef struct vmmiRecordList vmmiRecordList;

/* Which records to list; 0, and both: all. */
#define VMMI_LIST_RUNNING (1u << 0) /* those without an outcome, unattended ones included */
#define VMMI_LIST_ENDED   (1u << 1) /* those with one */

/**
 * vmmiManagerListRecords:
 * @manager: whose run directory
 * @flags: VMMI_LIST_RUNNING, VMMI_LIST_ENDED, or 0
 * @err: (out) (optional): VMMI_ERR_RUN_DIR when the directory cannot be listed, VMMI_ERR_FORKED,
 * VMMI_ERR_INVALID_ARGUMENT for other flags
 *
 * Reads all records, oldest first by when they were made. A record that cannot be read (damaged, or of a newer
 * library) does not keep the others from being listed: see vmmiRecordListGetBroken().
 *
 * Returns: (transfer full): the list, to be freed with vmmiRecordListFree(), or NULL.
 * Since: 0.1
 */
VMMI_PUBLIC vmmiRecordList *vmmiManagerListRecords(const vmmiManager *manager, unsigned int flags,
                                                   vmmiError **err);
/** How many records there are; 0 for NULL. Since: 0.1 */
VMMI_PUBLIC size_t vmmiRecordListGetCount(const vmmiRecordList *list);
/** One of them, borrowed from the list; NULL behind the last. Since: 0.1 */
VMMI_PUBLIC const vmmiRecord *vmmiRecordListGet(const vmmiRecordList *list, size_t index);
/**
 * vmmiRecordListGetBroken:
 * @ret_first: (out) (optional): the reason of the first one, which names it, borrowed from the list; NULL when there
 * is none
 *
 * Returns: how many records could not be read, whatever the flags of the list.
 * Since: 0.1
 */
VMMI_PUBLIC size_t vmmiRecordListGetBroken(const vmmiRecordList *list, const vmmiError **ret_first);
/** Frees the list and its records; NULL is fine. Since: 0.1 */
VMMI_PUBLIC void vmmiRecordListFree(vmmiRecordList *list);

/**
 * vmmiManagerFindRecord:
 * @manager: whose run directory
 * @selector: an id ("<uuid>.<n>"), or a guest: its UUID, "uuid:UUID", its exact name or "name:NAME"
 * @err: (out) (optional): VMMI_ERR_MIGRATION_UNKNOWN when there is none; VMMI_ERR_RUN_DIR when the record is damaged or
 * of a newer library; VMMI_ERR_INVALID_ARGUMENT when two guests of that name are being migrated; VMMI_ERR_FORKED
 *
 * Of the records of a guest the one that lives is meant, else the newest.
 *
 * Returns: (transfer full): the record, to be freed with vmmiRecordFree(), or NULL.
 * Since: 0.1
 */
VMMI_PUBLIC vmmiRecord *vmmiManagerFindRecord(const vmmiManager *manager, const char *selector,
                                              vmmiError **err);
/** Frees; NULL is fine. Not for those of a list. Since: 0.1 */
VMMI_PUBLIC void vmmiRecordFree(vmmiRecord *record);

/* What was asked for. Strings are borrowed from the record; NULL: not known, or not given. Since: 0.1 */
VMMI_PUBLIC const char *vmmiRecordGetId(const vmmiRecord *record);
VMMI_PUBLIC const char *vmmiRecordGetGuestName(const vmmiRecord *record);
VMMI_PUBLIC const char *vmmiRecordGetGuestUuid(const vmmiRecord *record);
/** The plugin's name (S1). Since: 0.1 */
VMMI_PUBLIC const char *vmmiRecordGetPlugin(const vmmiRecord *record);
/** The file that was executed. Since: 0.1 */
VMMI_PUBLIC const char *vmmiRecordGetPluginPath(const vmmiRecord *record);
/* URIs without passwords. */
VMMI_PUBLIC const char *vmmiRecordGetSourceUri(const vmmiRecord *record);
VMMI_PUBLIC const char *vmmiRecordGetDestinationUri(const vmmiRecord *record);
VMMI_PUBLIC const char *vmmiRecordGetMigrateUri(const vmmiRecord *record);
/** The directory of the migration, absolute. Since: 0.1 */
VMMI_PUBLIC const char *vmmiRecordGetDirectory(const vmmiRecord *record);
/** The id of the migration that this one took over from; NULL if none. Since: 0.1 */
VMMI_PUBLIC const char *vmmiRecordGetReplaces(const vmmiRecord *record);
/** The id of the newest migration that took over from this one; NULL if none. Since: 0.1 */
VMMI_PUBLIC const char *vmmiRecordGetReplacedBy(const vmmiRecord *record);
/** When it was made: wall clock, milliseconds since the epoch; 0 unknown. Since: 0.1 */
VMMI_PUBLIC uint64_t vmmiRecordGetCreatedMs(const vmmiRecord *record);
/** The effective configuration as vmmiMigrationGetConfiguration() gives it; NULL when it cannot be read (any more).
 * Since: 0.1 */
VMMI_PUBLIC const char *vmmiRecordGetConfiguration(const vmmiRecord *record);

/* What became of it. */

/** What of it lives. Since: 0.1 */
VMMI_PUBLIC vmmiPhase vmmiRecordGetPhase(const vmmiRecord *record);
/**
 * vmmiRecordGetState:
 * @ret_state: (out) (optional): only written when the state is known
 *
 * The state, as far as files tell it: that of the outcome; else, while its plugin lives, what the plugin wrote down
 * last, and nothing for one that writes no journal; "starting" before it runs; "unattended" when the plugin has ended
 * and nobody has settled yet how the migration did (L5).
 *
 * Returns: whether it is known.
 * Since: 0.1
 */
VMMI_PUBLIC bool vmmiRecordGetState(const vmmiRecord *record, vmmiState *ret_state);
/** 0 when unknown; 100 only at a completed end. Since: 0.1 */
VMMI_PUBLIC unsigned int vmmiRecordGetPercent(const vmmiRecord *record);
/** The figures that the plugin wrote down last, borrowed; NULL if there are none. Final figures are in the outcome.
 * Since: 0.1 */
VMMI_PUBLIC const vmmiSample *vmmiRecordGetSample(const vmmiRecord *record);
/**
 * vmmiRecordGetOutcome:
 *
 * The outcome that was settled. A migration whose plugin was never started, since its manager died before, has the
 * outcome "failed" without anybody settling it: nothing was done, and the guest is where it was.
 *
 * Returns: borrowed from the record; NULL until it is settled.
 * Since: 0.1
 */
VMMI_PUBLIC const vmmiOutcome *vmmiRecordGetOutcome(const vmmiRecord *record);
/** When the plugin ended: wall clock; 0: it has not, or nobody saw it. Since: 0.1 */
VMMI_PUBLIC uint64_t vmmiRecordGetEndedMs(const vmmiRecord *record);
/** Whether somebody has seen its end: such a record goes after a while. Since: 0.1 */
VMMI_PUBLIC bool vmmiRecordIsAcknowledged(const vmmiRecord *record);

/**
 * vmmiRecordToJson:
 * @err: (out) (optional): VMMI_ERR_INVALID_ARGUMENT for NULL
 *
 * The record as one JSON object: the keys of vmmiMigrationToJson(), `state` null when it is unknown, and `phase`,
 * `replaces`, `replacedBy`, `endedMs` (null when unknown), `acknowledged`.
 *
 * Returns: (transfer full): the text, to be freed with vmmiFree(), or NULL.
 * Since: 0.1
 */
VMMI_PUBLIC char *vmmiRecordToJson(const vmmiRecord *record, vmmiError **err);

VMMI_END_DECLS

#endif
