/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scanner.h: frames one JSON object, byte by byte, and knows where it is.
 *
 * It checks the grammar of RFC 8259, the size and the depth. It builds nothing: jansson does. Fed
 * with one byte at a time it says when the closing brace has come, so that a reader of a descriptor
 * takes not one byte more (I5).
 */
#ifndef VMMI_MESSAGE_SCANNER_H
#define VMMI_MESSAGE_SCANNER_H

#include <stdbool.h>
#include <stddef.h>

#include <libvmmi/vmmi-message.h>

typedef enum {
    VMMI_SCAN_MORE = 0,   /* the object is not whole yet */
    VMMI_SCAN_DONE,       /* the byte just fed was the closing brace */
    VMMI_SCAN_BAD         /* see .mistake; the byte just fed is where it shows */
} vmmiScanResult;

typedef struct {
    bool array;
    size_t key_start,
        key_end; /* of an object: the latest key, without its quotes, as it stands in the text */
    size_t index;                /* of an array: the element that is being read, from 0 */
} vmmiScanLevel;

typedef struct {
    int state;
    size_t offset;        /* bytes taken so far */
    size_t depth;         /* open brackets */
    vmmiScanLevel levels[VMMI_MESSAGE_MAX_DEPTH];
    size_t token_start;   /* offset of the latest token */
    bool value_begins;    /* the byte just fed was the first of a value */
    bool in_key;
    const char *literal;  /* what is left of "true", "false" or "null" */
    unsigned int hex_left;
    const char *mistake;  /* static text */
    bool too_deep;        /* of a mistake: nothing else is wrong, and nothing has changed */
} vmmiScanner;

void vmmiScannerInit(vmmiScanner *scanner);
vmmiScanResult vmmiScannerFeed(vmmiScanner *scanner, char byte);
/* The same for what cannot end a string, which is most of a text: as many bytes as there are of it,
 * none outside of a string. @text: from its beginning. */
void vmmiScannerSkip(vmmiScanner *scanner, const char *text, size_t length);
/* How many bytes must come at least before the object can be whole; at least 1 while it is not. */
size_t vmmiScannerNeeds(const vmmiScanner *scanner);
/* The path of the value that is being read, "migration.flags[2]"; "" at the root. To be freed with
 * g_free(). */
char *vmmiScannerPath(const vmmiScanner *scanner, const char *text);

/* Line and column, from 1; columns count characters. */
void vmmiTextPlace(const char *text, size_t length, size_t offset, unsigned int *line,
                   unsigned int *column);
/* The offset of the value of a path in a text that was scanned without a mistake, or of its key.
 * Returns: whether it is there. */
bool vmmiTextFind(const char *text, size_t length, const char *path, bool of_key, size_t *offset);

#endif
