/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * message.h: the inside of a message, for the rooms above: its content as jansson values, and where
 * a key stands in the text that it was read from. Paths are relative to the content,
 * "migration.flags[2]".
 */
#ifndef VMMI_MESSAGE_MESSAGE_H
#define VMMI_MESSAGE_MESSAGE_H

#include <jansson.h>

#include <libvmmi/vmmi-message.h>

struct vmmiMessage {
    int refs;
    json_t *root;      /* the envelope */
    char *text;        /* what it was read from; NULL when it was built or has been changed */
    size_t length;
};

/* The content, borrowed; it may be changed by whoever may change the message, and then
 * vmmiMessageForgetText() is due. */
json_t *vmmiMessageContent(const vmmiMessage *message);
/* A message of our version around a content; takes the reference, also on failure. NULL with @err
 * set. */
vmmiMessage *vmmiMessageNewContent(const char *content_type, json_t *content, vmmiError **err);
/* Wraps an envelope that was checked; takes both. @text may be NULL. */
vmmiMessage *vmmiMessageWrap(json_t *root, char *text, size_t length);
/* Positions are no longer known. */
void vmmiMessageForgetText(vmmiMessage *message);
vmmiMessageKind vmmiMessageKindOf(const char *content_type);

/* Where the value of a path stands, or its key. Returns: whether it is known. */
bool vmmiMessageFind(const vmmiMessage *message, const char *path, bool of_key, unsigned int *line,
                     unsigned int *column);
/* Raises an error about the key or the value of a path, with "line L, column C: " in front if that
 * is known. Returns -1. */
int vmmiMessageRaiseAt(const vmmiMessage *message, const char *path, bool of_key, vmmiError **err,
                       int code, const char *format, ...) VMMI_PRINTF(6, 7);

/*
 * Checks an envelope and its content: version (B1), keys (M1 to M3), types and ranges of the keys
 * that are known. @text may be NULL; else errors name line and column. Unknown keys are fine.
 * Returns 0 or -1.
 */
int vmmiMessageValidate(const json_t *root, const char *text, size_t length, vmmiError **err);

/* --- path.c: values by path
 * ------------------------------------------------------------------------------- */

/* The keys of a path; below "migration.params." the rest is one key. NULL when a key is empty. Free
 * with g_strfreev(). */
char **vmmiPathSplit(const char *path);
/* Borrowed; NULL when there is none. */
json_t *vmmiPathGet(const json_t *object, const char *path);
/* Takes @value, also on failure; makes the objects in between; a NULL value is an error of the
 * caller's input. */
int vmmiPathSet(json_t *object, const char *path, json_t *value, vmmiError **err);
void vmmiPathRemove(json_t *object, const char *path);

#endif
