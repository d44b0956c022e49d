/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * schedule-read.c: a convergence schedule out of JSON, in either form. A mistake is told with its
 * place: "schedule.stalling[2].action.params[0]: ...".
 */
#include "policies/schedule.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include <jansson.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_t, json_decref)

const vmmiScheduleWord vmmiScheduleWords[VMMI_SCHEDULE_LAST] = {
    [VMMI_SCHEDULE_SET_DOWNTIME] = { "setDowntime", "ms", 1, 2000000 },
    [VMMI_SCHEDULE_SET_BANDWIDTH] = { "setBandwidth", "MiB/s", 1, INT64_MAX / (1024 * 1024) },
    [VMMI_SCHEDULE_POSTCOPY] = { "postcopy", NULL, 0, 0 },
    [VMMI_SCHEDULE_SUSPEND] = { "suspend", NULL, 0, 0 },
    [VMMI_SCHEDULE_ABORT] = { "abort", NULL, 0, 0 },
};

/* The same thing under two names. */
typedef struct {
    const char *init, *stalling, *last; /* last NULL: none */
    const char *name;                   /* of an action */
    const char *limit, *action;         /* of an item that waits */
} Form;

static const Form vdsm = { "init", "stalling", NULL, "name", "limit", "action" };
static const Form engine = { "initialItems", "convergenceItems", "lastItems",
                             "action",       "stallingLimit",    "convergenceItem" };

static int fail(vmmiError **err, const char *place, const char *format, ...) G_GNUC_PRINTF(3, 4);

static int
fail(vmmiError **err, const char *place, const char *format, ...)
{
    g_autofree char *what = NULL;
    va_list args;

    va_start(args, format);
    what = g_strdup_vprintf(format, args);
    va_end(args);
    return vmmiErrorSet(err, VMMI_ERR_OPTION, "%s: %s", place, what);
}

static const char *
type_name(const json_t *value)
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_STRING: return "a string";
    case JSON_INTEGER: return "an integer";
    case JSON_REAL: return "a real number";
    case JSON_TRUE:
    case JSON_FALSE: return "a boolean";
    default: return "null";
    }
}

static char *
below(const char *place, const char *key)
{
    return g_strconcat(place, *place ? "." : "", key, NULL);
}

/* Every key of an object must be one of two or more. */
static int
check_keys(const json_t *object, const char *place, const char *const *keys, vmmiError **err)
{
    const char *key;
    json_t *value;

    if (!json_is_object(object))
        return fail(err, place, "must be an object, got %s", type_name(object));
    json_object_foreach ((json_t *)object, key, value) {
        if (!g_strv_contains(keys, key)) {
            g_autofree char *list = g_strjoinv(", ", (char **)keys);
            g_autofree char *shown = g_strndup(key, 40);
            g_autofree char *there = below(place, shown);

            return fail(err, there, "is unknown, there can be %s", list);
        }
    }
    return 0;
}

static int
check_array(const json_t *value, const char *place, size_t most, vmmiError **err)
{
    if (value && !json_is_array(value))
        return fail(err, place, "must be an array, got %s", type_name(value));
    if (json_array_size(value) > most)
        return fail(err, place, "has %zu items, the limit is %zu", json_array_size(value), most);
    return 0;
}

/* --- one action --- */

static int
read_kind(const json_t *object, const char *place, const Form *form, vmmiScheduleKind *kind,
          vmmiError **err)
{
    const json_t *name = json_object_get(object, form->name);
    g_autofree char *there = below(place, form->name);

    if (!name)
        return fail(err, place, "lacks '%s'", form->name);
    if (!json_is_string(name))
        return fail(err, there, "must be a string, got %s", type_name(name));
    for (int i = 0; i < VMMI_SCHEDULE_LAST; i++) {
        if (g_str_equal(vmmiScheduleWords[i].name, json_string_value(name))) {
            *kind = (vmmiScheduleKind)i;
            return 0;
        }
    }
    return fail(err, there,
                "must be one of setDowntime, setBandwidth, postcopy, suspend, abort, got '%.100s'",
                json_string_value(name));
}

static int
read_number(const json_t *value, const char *place, const vmmiScheduleWord *word,
            uint64_t *number, vmmiError **err)
{
    guint64 read = 0;
    bool fits;

    if (!json_is_string(value) && !json_is_integer(value))
        return fail(err, place, "must be a number of %s, got %s", word->unit, type_name(value));
    if (json_is_string(value)) {
        fits = g_ascii_string_to_unsigned(json_string_value(value), 10, word->minimum,
                                          word->maximum, &read, NULL);
    } else {
        json_int_t given = json_integer_value(value);

        read = (guint64)given;
        fits = given >= 0 && read >= word->minimum && read <= word->maximum;
    }
    *number = read;
    if (fits)
        return 0;
    if (json_is_integer(value))
        return fail(err, place, "must be %" PRIu64 "..%" PRIu64 " %s, got %" JSON_INTEGER_FORMAT,
                    word->minimum, word->maximum, word->unit, json_integer_value(value));
    return fail(err, place, "must be a number of %" PRIu64 "..%" PRIu64 " %s, got '%.100s'",
                word->minimum, word->maximum, word->unit, json_string_value(value));
}

static int
read_params(const json_t *params, const char *place, const vmmiScheduleWord *word, uint64_t *value,
            vmmiError **err)
{
    size_t wanted = word->unit ? 1 : 0, given = json_array_size(params);
    g_autofree char *first = g_strconcat(place, "[0]", NULL);
    g_autofree char *superfluous = g_strdup_printf("%s[%zu]", place, wanted);

    if (check_array(params, place, SIZE_MAX, err) < 0)
        return -1;
    if (given < wanted)
        return fail(err, first, "is missing: '%s' needs a number of %s", word->name, word->unit);
    if (given > wanted)
        return fail(err, superfluous, "is too much: '%s' takes %s", word->name,
                    wanted ? "one parameter" : "none");
    return wanted ? read_number(json_array_get(params, 0), first, word, value, err) : 0;
}

static int
read_action(const json_t *object, const char *place, const Form *form, vmmiScheduleItem *item,
            vmmiError **err)
{
    const char *const keys[] = { form->name, "params", NULL };
    g_autofree char *params = below(place, "params");

    if (check_keys(object, place, keys, err) < 0 ||
        read_kind(object, place, form, &item->kind, err) < 0)
        return -1;
    return read_params(json_object_get(object, "params"), params, &vmmiScheduleWords[item->kind],
                       &item->value, err);
}

/* --- lists of them --- */

typedef int (*ReadItem)(vmmiSchedule *schedule, const json_t *object, const char *place,
                        const Form *form, vmmiError **err);

static int
read_list(vmmiSchedule *schedule, const json_t *list, size_t limit, ReadItem read_item,
          const char *place, const Form *form, vmmiError **err)
{
    const json_t *object;
    size_t i;

    if (check_array(list, place, limit, err) < 0)
        return -1;
    json_array_foreach (list, i, object) {
        g_autofree char *there = g_strdup_printf("%s[%zu]", place, i);

        if (read_item(schedule, object, there, form, err) < 0)
            return -1;
    }
    return 0;
}

static int
read_first(vmmiSchedule *schedule, const json_t *object, const char *place, const Form *form,
           vmmiError **err)
{
    vmmiScheduleItem item = { .limit = -1 };

    if (read_action(object, place, form, &item, err) < 0)
        return -1;
    if (item.kind == VMMI_SCHEDULE_ABORT)
        return fail(err, place, "'abort' would end the migration as soon as it begins");
    g_array_append_val(schedule->init, item);
    return 0;
}

/* Nothing comes after the end, and limits go up; -1 ends them. */
static int
add_stalling(vmmiSchedule *schedule, const vmmiScheduleItem *item, const char *place,
             const char *limit_place, vmmiError **err)
{
    guint length = schedule->stalling->len;
    const vmmiScheduleItem *before =
        length ? &g_array_index(schedule->stalling, vmmiScheduleItem, length - 1) : NULL;

    if (length >= VMMI_SCHEDULE_MAX_STALLING)
        return fail(err, place, "is one too many, the limit is %d", VMMI_SCHEDULE_MAX_STALLING);
    if (before && before->kind == VMMI_SCHEDULE_ABORT)
        return fail(err, place, "comes after 'abort', which ends the migration");
    if (before && before->limit < 0 && item->limit >= 0)
        return fail(err, limit_place, "must be -1 like the one before it, got %" PRId64,
                    item->limit);
    if (before && item->limit >= 0 && item->limit < before->limit)
        return fail(err, limit_place, "must be at least %" PRId64 ", that of the one before it, "
                    "got %" PRId64, before->limit, item->limit);
    g_array_append_val(schedule->stalling, *item);
    return 0;
}

static int
read_limit(const json_t *object, const char *place, const char *limit_place, const Form *form,
           int64_t *limit, vmmiError **err)
{
    const json_t *value = json_object_get(object, form->limit);

    if (!value)
        return fail(err, place, "lacks '%s'", form->limit);
    if (!json_is_integer(value))
        return fail(err, limit_place, "must be an integer, got %s", type_name(value));
    *limit = json_integer_value(value);
    if (*limit < -1 || *limit > VMMI_SCHEDULE_MAX_LIMIT)
        return fail(err, limit_place, "must be -1..%d passes, got %" PRId64,
                    VMMI_SCHEDULE_MAX_LIMIT, *limit);
    return 0;
}

static int
read_waiting(vmmiSchedule *schedule, const json_t *object, const char *place, const Form *form,
             vmmiError **err)
{
    const char *const keys[] = { form->limit, form->action, NULL };
    g_autofree char *limit = below(place, form->limit);
    g_autofree char *action = below(place, form->action);
    vmmiScheduleItem item = { .limit = -1 };

    if (check_keys(object, place, keys, err) < 0 ||
        read_limit(object, place, limit, form, &item.limit, err) < 0)
        return -1;
    if (!json_object_get(object, form->action))
        return fail(err, place, "lacks '%s'", form->action);
    if (read_action(json_object_get(object, form->action), action, form, &item, err) < 0)
        return -1;
    return add_stalling(schedule, &item, place, limit, err);
}

/* The engine's last items wait for nothing but a new pass. */
static int
read_last(vmmiSchedule *schedule, const json_t *object, const char *place, const Form *form,
          vmmiError **err)
{
    vmmiScheduleItem item = { .limit = -1 };

    if (read_action(object, place, form, &item, err) < 0)
        return -1;
    return add_stalling(schedule, &item, place, place, err);
}

static const Form *
find_form(const json_t *object)
{
    if (json_object_get(object, engine.init) || json_object_get(object, engine.stalling) ||
        json_object_get(object, engine.last))
        return &engine;
    return &vdsm;
}

static int
read_schedule(vmmiSchedule *schedule, const json_t *object, const char *place, vmmiError **err)
{
    const Form *form = find_form(object);
    const char *const keys[] = { form->init, form->stalling, form->last, NULL };
    g_autofree char *init = below(place, form->init);
    g_autofree char *stalling = below(place, form->stalling);
    g_autofree char *last = form->last ? below(place, form->last) : NULL;

    if (check_keys(object, place, keys, err) < 0 ||
        read_list(schedule, json_object_get(object, form->init), VMMI_SCHEDULE_MAX_INIT, read_first,
                  init, form, err) < 0 ||
        read_list(schedule, json_object_get(object, form->stalling), VMMI_SCHEDULE_MAX_STALLING,
                  read_waiting, stalling, form, err) < 0)
        return -1;
    if (last && read_list(schedule, json_object_get(object, form->last),
                          VMMI_SCHEDULE_MAX_STALLING, read_last, last, form, err) < 0)
        return -1;
    if (vmmiScheduleIsEmpty(schedule))
        return fail(err, *place ? place : "the schedule", "has no action");
    return 0;
}

int
vmmiScheduleRead(vmmiSchedule *schedule, const char *text, const char *place, vmmiError **err)
{
    g_autoptr(json_t) value =
        json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);

    if (!value)
        return fail(err, place, "is no JSON");
    return read_schedule(schedule, value, place, err);
}
