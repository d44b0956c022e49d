/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * known-keys.h: the keys that each kind of message knows, one table a kind. Tables end with a NULL
 * path.
 */
#ifndef VMMI_MESSAGE_KNOWN_KEYS_H
#define VMMI_MESSAGE_KNOWN_KEYS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    VMMI_KEY_STRING,
    VMMI_KEY_INTEGER,   /* minimum to maximum */
    VMMI_KEY_BOOL,
    VMMI_KEY_OBJECT,
    VMMI_KEY_ARRAY,
    VMMI_KEY_STRINGS,   /* an array of strings */
    VMMI_KEY_PARAMS,     /* an object of typed parameters */
    VMMI_KEY_ANY
} vmmiKeyType;

typedef struct {
    const char *path;            /* relative to the content; an object comes before what is in it */
    vmmiKeyType type;
    int64_t minimum, maximum;
    const char *const *choices;  /* of a string; NULL: any */
    bool required;               /* when the object around it is there */
} vmmiKnownKey;

extern const vmmiKnownKey vmmiEnvelopeKeys[];
extern const vmmiKnownKey vmmiConfigurationKeys[];
extern const vmmiKnownKey vmmiStatusKeys[];
extern const vmmiKnownKey vmmiCompletionKeys[];
/* Of a completion, by its result; what else stands in success or error is free (C2). */
extern const vmmiKnownKey vmmiSuccessKeys[];
extern const vmmiKnownKey vmmiErrorKeys[];

#endif
