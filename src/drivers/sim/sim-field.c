/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-field.c: members of structs as members of JSON objects.
 */
#include "drivers/sim/sim-field.h"

#include <math.h>
#include <string.h>

#include <glib.h>

#include "message/json.h"

#define AT(type) ((type *)(void *)((char *)object + field->offset))
#define AT_CONST(type) ((const type *)(const void *)((const char *)object + field->offset))

void
vmmiSimFieldsSave(const vmmiSimField *fields, size_t n_fields, const void *object, json_t *into)
{
    for (size_t i = 0; i < n_fields; i++) {
        const vmmiSimField *field = &fields[i];
        json_t *value = NULL;

        switch (field->kind) {
        case VMMI_SIM_FIELD_BOOL: value = json_boolean(*AT_CONST(bool)); break;
        case VMMI_SIM_FIELD_UINT: value = json_integer((json_int_t)*AT_CONST(uint64_t)); break;
        case VMMI_SIM_FIELD_INT: value = json_integer(*AT_CONST(int64_t)); break;
        case VMMI_SIM_FIELD_REAL: value = json_real(*AT_CONST(double)); break;
        case VMMI_SIM_FIELD_TEXT: value = json_string(AT_CONST(char)); break;
        case VMMI_SIM_FIELD_OTHER: continue;
        }
        json_object_set_new(into, field->key, value);
    }
}

static char *
place_of(const char *place, const char *key)
{
    return *place ? g_strdup_printf("%s.%s", place, key) : g_strdup(key);
}

static int
wrong(const vmmiSimField *field, const char *place, const json_t *value, int code, vmmiError **err)
{
    g_autofree char *where = place_of(place, field->key);
    g_autofree char *got = json_is_object(value) || json_is_array(value)
                               ? g_strdup(vmmiJsonTypeName(value))
                           : json_is_real(value) ? g_strdup_printf("%g", json_real_value(value))
                                                 : vmmiJsonWrite(value, false);

    switch (field->kind) {
    case VMMI_SIM_FIELD_BOOL:
        return vmmiErrorSet(err, code, "'%s' must be true or false, got %s", where, got);
    case VMMI_SIM_FIELD_TEXT:
        return vmmiErrorSet(err, code, "'%s' must be a string of %.0f to %.0f bytes, got %.80s",
                            where, field->minimum, field->maximum - 1, got);
    case VMMI_SIM_FIELD_REAL:
        return vmmiErrorSet(err, code, "'%s' must be a number %.10g..%.10g, got %.80s", where,
                            field->minimum, field->maximum, got);
    default:
        return vmmiErrorSet(err, code, "'%s' must be an integer %.0f..%.0f, got %.80s", where,
                            field->minimum, field->maximum, got);
    }
}

static bool
in_range(const vmmiSimField *field, double value)
{
    return value >= field->minimum && value <= field->maximum;
}

/* Whether the value was taken. */
static bool
take(const vmmiSimField *field, const json_t *value, void *object)
{
    json_int_t integer = json_integer_value(value);

    switch (field->kind) {
    case VMMI_SIM_FIELD_BOOL:
        if (!json_is_boolean(value))
            return false;
        *AT(bool) = json_is_true(value);
        return true;
    case VMMI_SIM_FIELD_UINT:
        if (!json_is_integer(value) || !in_range(field, (double)integer))
            return false;
        *AT(uint64_t) = (uint64_t)integer;
        return true;
    case VMMI_SIM_FIELD_INT:
        if (!json_is_integer(value) || !in_range(field, (double)integer))
            return false;
        *AT(int64_t) = integer;
        return true;
    case VMMI_SIM_FIELD_REAL:
        if (!json_is_number(value) || !in_range(field, json_number_value(value)))
            return false;
        *AT(double) = json_number_value(value);
        return true;
    case VMMI_SIM_FIELD_TEXT:
        if (!json_is_string(value) || (double)json_string_length(value) < field->minimum ||
            (double)json_string_length(value) >= field->maximum)
            return false;
        memcpy(AT(char), json_string_value(value), json_string_length(value) + 1);
        return true;
    case VMMI_SIM_FIELD_OTHER: return true;
    }
    return false;
}

static int
refuse_unknown(const vmmiSimField *fields, size_t n_fields, json_t *from, const char *place,
               int code, vmmiError **err)
{
    const char *key;
    json_t *value;

    json_object_foreach(from, key, value)
    {
        size_t i = 0;

        while (i < n_fields && !g_str_equal(fields[i].key, key))
            i++;
        if (i == n_fields) {
            g_autofree char *where = place_of(place, key);

            return vmmiErrorSet(err, code, "'%s' is not known here", where);
        }
    }
    return 0;
}

int
vmmiSimFieldsLoad(const vmmiSimField *fields, size_t n_fields, const json_t *from,
                  const char *place, void *object, int code, vmmiError **err)
{
    if (!json_is_object(from))
        return vmmiErrorSet(err, code, "'%s' must be an object, got %s", place,
                            vmmiJsonTypeName(from));
    if (refuse_unknown(fields, n_fields, (json_t *)from, place, code, err) < 0)
        return -1;
    for (size_t i = 0; i < n_fields; i++) {
        const json_t *value = json_object_get(from, fields[i].key);

        if (!value && fields[i].optional)
            continue;
        if (!value) {
            g_autofree char *where = place_of(place, fields[i].key);

            return vmmiErrorSet(err, code, "'%s' is missing", where);
        }
        if (!take(&fields[i], value, object))
            return wrong(&fields[i], place, value, code, err);
    }
    return 0;
}
