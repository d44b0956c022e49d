/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reader.h: one message out of a descriptor, in steps that never block: for a program that polls
 * other things besides, such as its signals.
 */
#ifndef VMMI_MESSAGE_READER_H
#define VMMI_MESSAGE_READER_H

#include <jansson.h>

#include <libvmmi/vmmi-message.h>

typedef struct vmmiMessageReader vmmiMessageReader;

/* @fd is borrowed and may be blocking. */
vmmiMessageReader *vmmiMessageReaderNew(int fd);
void vmmiMessageReaderFree(vmmiMessageReader *reader);
/*
 * Takes what is there. Returns: 1 with @message set, 0 when more must come (poll the descriptor for
 * reading), -1 with an error. Not one byte behind the closing brace is taken. After 1 or -1 the
 * reader is at its end.
 */
int vmmiMessageReaderStep(vmmiMessageReader *reader, vmmiMessage **message, vmmiError **err);

/* parse.c: checks and wraps; takes @root (NULL gives NULL), copies the text. */
vmmiMessage *vmmiMessageFromJson(json_t *root, const char *text, size_t length, vmmiError **err);

#endif
