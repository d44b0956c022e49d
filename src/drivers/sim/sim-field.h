/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-field.h: members of structs as members of JSON objects, from one table each. Strict, with the place in each error.
 */
#ifndef VMMI_SIM_FIELD_H
#define VMMI_SIM_FIELD_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include <libvmmi/vmmi-error.h>

typedef enum {
    VMMI_SIM_FIELD_BOOL = 0,   /* bool */
    VMMI_SIM_FIELD_UINT,       /* uint64_t */
    VMMI_SIM_FIELD_INT,        /* int64_t */
    VMMI_SIM_FIELD_REAL,       /* double; integers are taken as well */
    VMMI_SIM_FIELD_TEXT,       /* char[.maximum], the final NUL included; at least .minimum bytes */
    VMMI_SIM_FIELD_OTHER       /* known, but read by somebody else */
} vmmiSimFieldKind;

typedef struct {
    const char *key;
    vmmiSimFieldKind kind;
    size_t offset;
    double minimum, maximum;   /* both allowed */
    bool optional;             /* absent: the member stays as it is */
} vmmiSimField;

/* Adds all members of @object to @into. */
void vmmiSimFieldsSave(const vmmiSimField *fields, size_t n_fields, const void *object, json_t *into);
/*
 * Reads all members from @from, which must be an object with no other keys. @place names it in errors ("guests[2]"), "" for
 * the whole. Codes: @code. Returns 0 or -1.
 */
int vmmiSimFieldsLoad(const vmmiSimField *fields, size_t n_fields, const json_t *from,
                      const char *place, void *object, int code, vmmiError **err);

#endif
