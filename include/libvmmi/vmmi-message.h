/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vmmi-message.h: the messages of the VMMI protocol: configuration, status, completion (M1 to M5, C1 to C3, B1 to B4, B15).
 *
 * Usable by itself, on a buffer or on a descriptor. A message is immutable once it is shared; one thread at a time
 * may change it. Values inside the content are named by a path: keys joined by dots, "memory.total". Below
 * "migration.params." the rest is one name, since libvirt's names contain dots.
 */
#ifndef VMMI_MESSAGE_H
#define VMMI_MESSAGE_H

#include <libvmmi/vmmi-sample.h>

VMMI_BEGIN_DECLS

#define VMMI_MESSAGE_MAX_BYTES (1024 * 1024)
#define VMMI_MESSAGE_MAX_DEPTH 32

typedef struct vmmiMessage vmmiMessage;

typedef enum {
    VMMI_MESSAGE_OTHER = 0,      /* a content type that the protocol does not reserve */
    VMMI_MESSAGE_CONFIGURATION,
    VMMI_MESSAGE_STATUS,
    VMMI_MESSAGE_COMPLETION
} vmmiMessageKind;

/**
 * vmmiMessageParse:
 * @text: UTF-8 text, need not end with NUL
 * @length: its length in bytes
 * @err: (out) (optional): VMMI_ERR_MESSAGE, VMMI_ERR_PROTOCOL_VERSION or VMMI_ERR_MALFORMED_CONFIGURATION,
 *   with line, column and key
 *
 * Reads one message that fills the whole buffer: bytes other than white space behind it are an error (B2).
 *
 * Returns: (transfer full): the message, or NULL.
 * Since: 0.1
 */
VMMI_PUBLIC vmmiMessage *vmmiMessageParse(const char *text, size_t length, vmmiError **err);

/**
 * vmmiMessageParseFirst:
 * @consumed: (out) (optional): how many bytes of @text the message took; on failure how many can be skipped
 *   to look for another message (at least 1), or 0 when the object is not complete yet
 *
 * Reads the first message of a buffer and leaves the rest: for streams that carry several (B2, B5).
 *
 * Returns: (transfer full): the message, or NULL.
 * Since: 0.1
 */
VMMI_PUBLIC vmmiMessage *vmmiMessageParseFirst(const char *text, size_t length, size_t *consumed,
                                               vmmiError **err);

/**
 * vmmiMessageReadFd:
 * @fd: a descriptor, blocking or not; it may stay open behind the message
 * @timeout_ms: the longest time to wait for the whole message, -1 for ever
 * @err: (out) (optional): as vmmiMessageParse(), or VMMI_ERR_TIMEOUT, or VMMI_ERR_SYSTEM
 *
 * Takes exactly one object from a descriptor (I5): not one byte behind its closing brace is read.
 *
 * Returns: (transfer full): the message, or NULL.
 * Since: 0.1
 */
VMMI_PUBLIC vmmiMessage *vmmiMessageReadFd(int fd, int timeout_ms, vmmiError **err);

/**
 * vmmiMessageReadFile:
 * @path: a regular file of at most VMMI_MESSAGE_MAX_BYTES, or "-" for standard input
 *
 * Returns: (transfer full): the message, or NULL.
 * Since: 0.1
 */
VMMI_PUBLIC vmmiMessage *vmmiMessageReadFile(const char *path, vmmiError **err);

/** A new message of a content type ("status"), of our protocol version, with empty content. Since: 0.1 */
VMMI_PUBLIC vmmiMessage *vmmiMessageNew(const char *content_type, vmmiError **err);
VMMI_PUBLIC vmmiMessage *vmmiMessageRef(vmmiMessage *message);
VMMI_PUBLIC void vmmiMessageUnref(vmmiMessage *message);

VMMI_PUBLIC vmmiMessageKind vmmiMessageGetKind(const vmmiMessage *message);
VMMI_PUBLIC const char *vmmiMessageGetContentType(const vmmiMessage *message);
VMMI_PUBLIC const char *vmmiMessageGetVersion(const vmmiMessage *message);
/** Seconds since the epoch (M2); false for a configuration without one. Since: 0.1 */
VMMI_PUBLIC bool vmmiMessageGetTimestamp(const vmmiMessage *message, uint64_t *seconds);
/** B3; false when the sender does not count. Since: 0.1 */
VMMI_PUBLIC bool vmmiMessageGetTimestampMs(const vmmiMessage *message, uint64_t *milliseconds);
VMMI_PUBLIC bool vmmiMessageGetSequence(const vmmiMessage *message, uint64_t *sequence);
/** Writes timestamp, timestampMs and sequence (M2, B3) from the wall clock. Since: 0.1 */
VMMI_PUBLIC void vmmiMessageStamp(vmmiMessage *message, uint64_t sequence);

/* Values of the content by path. Getters return false when the value is absent or of another type; strings are
 * borrowed until the message changes. A path of NULL or "" is the content itself (vmmiMessageGetJson only). */
VMMI_PUBLIC bool vmmiMessageHas(const vmmiMessage *message, const char *path);
VMMI_PUBLIC bool vmmiMessageGetString(const vmmiMessage *message, const char *path,
                                      const char **value);
VMMI_PUBLIC bool vmmiMessageGetUInt(const vmmiMessage *message, const char *path, uint64_t *value);
VMMI_PUBLIC bool vmmiMessageGetBool(const vmmiMessage *message, const char *path, bool *value);
/** Paths of the keys of a configuration or status that the library does not know; they are kept (B1). Of `policy` and
 * `migration.params` others know the keys. Ends with NULL; free each with vmmiFree(), then the array. Since: 0.1 */
VMMI_PUBLIC char **vmmiMessageGetUnknownKeys(const vmmiMessage *message);
/** The value as JSON text, to be freed with vmmiFree(); NULL if absent. Since: 0.1 */
VMMI_PUBLIC char *vmmiMessageGetJson(const vmmiMessage *message, const char *path);

VMMI_PUBLIC int vmmiMessageSetString(vmmiMessage *message, const char *path, const char *value,
                                     vmmiError **err);
VMMI_PUBLIC int vmmiMessageSetUInt(vmmiMessage *message, const char *path, uint64_t value,
                                   vmmiError **err);
VMMI_PUBLIC int vmmiMessageSetBool(vmmiMessage *message, const char *path, bool value,
                                   vmmiError **err);
VMMI_PUBLIC int vmmiMessageSetJson(vmmiMessage *message, const char *path, const char *json,
                                   vmmiError **err);

/**
 * vmmiMessageToJson:
 * @pretty: indented, for people; else one line
 *
 * Checks the message as a reader would, and writes it. What is written can be read back.
 *
 * Returns: (transfer full): the text without a final newline, or NULL; free with vmmiFree().
 * Since: 0.1
 */
VMMI_PUBLIC char *vmmiMessageToJson(const vmmiMessage *message, bool pretty, vmmiError **err);

/** Writes the message and a newline in as few writes as possible. Returns: 0 or -1. Since: 0.1 */
VMMI_PUBLIC int vmmiMessageWriteFd(const vmmiMessage *message, int fd, vmmiError **err);

/** A completion that says success (C1, C2). Since: 0.1 */
VMMI_PUBLIC vmmiMessage *vmmiCompletionNewSuccess(void);
/** A completion that says what went wrong (C1, C3). Since: 0.1 */
VMMI_PUBLIC vmmiMessage *vmmiCompletionNewError(const vmmiError *error);
/** Whether a completion says success. Since: 0.1 */
VMMI_PUBLIC bool vmmiCompletionIsSuccess(const vmmiMessage *completion);
/** What an error completion says, origin "plugin", to be freed; NULL for a success. Since: 0.1 */
VMMI_PUBLIC vmmiError *vmmiCompletionGetError(const vmmiMessage *completion);
/** B15's additions: outcome, where, statistics, actions; they go into `success` or `error`, whichever is there. Since: 0.1 */
VMMI_PUBLIC int vmmiCompletionSetOutcome(vmmiMessage *completion, vmmiOutcomeKind outcome,
                                         vmmiWhere where, vmmiError **err);
VMMI_PUBLIC bool vmmiCompletionGetOutcome(const vmmiMessage *completion, vmmiOutcomeKind *outcome,
                                          vmmiWhere *where);
VMMI_PUBLIC int vmmiCompletionSetStatistics(vmmiMessage *completion, const vmmiSample *statistics,
                                            vmmiError **err);
/** The statistics, to be freed; NULL if there are none. Since: 0.1 */
VMMI_PUBLIC vmmiSample *vmmiCompletionGetStatistics(const vmmiMessage *completion);

/** Fills a status from a state and a sample (B4); percent never decreases below what it held. Since: 0.1 */
VMMI_PUBLIC int vmmiStatusSetSample(vmmiMessage *status, vmmiState state, const vmmiSample *sample,
                                    vmmiError **err);
/** The sample in a status, to be freed. Since: 0.1 */
VMMI_PUBLIC vmmiSample *vmmiStatusGetSample(const vmmiMessage *status);

VMMI_END_DECLS

#endif
