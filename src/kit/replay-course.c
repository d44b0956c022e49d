/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay-course.c: whether a replayed policy would have changed the course: its actions and start
 * flags beside those of the original.
 */
#include <string.h>

#include "kit/replay.h"
#include "message/json.h"
#include "util/cleanup.h"

/* --- the original ----------------------------------------------------------------- */

/* False: it is not the policy's, or was not carried out. */
static bool
read_step(const vmmiJournalEntry *entry, vmmiReplayStep *step)
{
    const char *kind = "", *what = "", *result = "";
    uint64_t id = 0, decided;

    vmmiJsonGetString(entry->data, "result", &result);
    if (!vmmiJsonGetUInt(entry->data, "id", &id) || id == 0 || g_str_equal(result, "shadow") ||
        g_str_equal(result, "replayed"))
        return false;
    vmmiJsonGetString(entry->data, "action", &kind);
    vmmiJsonGetString(entry->data, "what", &what);
    vmmiJsonGetUInt(entry->data, "value", &step->value);
    if (vmmiActionKindFromString(kind) < 0)
        return false;
    step->kind = (vmmiActionKind)vmmiActionKindFromString(kind);
    step->what = (vmmiTunable)MAX(vmmiTunableFromString(what), 0);
    step->at_ms = vmmiJsonGetUInt(entry->data, "decidedBoottimeMs", &decided) ? decided
                                                                              : entry->boottime_ms;
    return true;
}

GArray *
vmmiReplayOriginal(const GPtrArray *entries)
{
    GArray *steps = g_array_new(FALSE, FALSE, sizeof(vmmiReplayStep));

    for (guint i = 0; i < entries->len; i++) {
        const vmmiJournalEntry *entry = g_ptr_array_index(entries, i);
        vmmiReplayStep step = { 0 };

        if (entry->kind == VMMI_JOURNAL_ACTION && read_step(entry, &step))
            g_array_append_val(steps, step);
    }
    return steps;
}

/* The last `begin` is the start that was not refused. */
json_t *
vmmiReplayMigration(const GPtrArray *entries)
{
    static const char *const keys[] = { "mode", "flags", "params" };
    const json_t *data = NULL;
    json_t *migration = json_object();

    for (guint i = 0; i < entries->len; i++) {
        const vmmiJournalEntry *entry = g_ptr_array_index(entries, i);
        bool begins = entry->kind == VMMI_JOURNAL_STATE && entry->state == VMMI_STATE_BEGIN;

        if ((begins || (!data && entry->kind == VMMI_JOURNAL_START)) && entry->data)
            data = entry->data;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        json_t *value = json_object_get(data, keys[i]);

        if (value)
            json_object_set(migration, keys[i], value);
    }
    return migration;
}

/* --- flags ------------------------------------------------------------------------ */

static bool
has_flag(const json_t *migration, const char *flag)
{
    const json_t *flags = json_object_get(migration, "flags");
    const char *text;

    for (size_t i = 0; i < json_array_size(flags); i++) {
        text = json_string_value(json_array_get(flags, i));
        if (text && g_str_equal(text, flag))
            return true;
    }
    return false;
}

/* Flags that the policy adds, with commas; "" for none. @harmless: those that change nothing until
 * they are used, else the others. */
static char *
added_flags(const json_t *before, const json_t *after, bool harmless)
{
    const json_t *flags = json_object_get(after, "flags");
    GString *text = g_string_new(NULL);

    for (size_t i = 0; i < json_array_size(flags); i++) {
        const char *flag = json_string_value(json_array_get(flags, i));

        if (!flag || g_str_has_prefix(flag, "no-") || has_flag(before, flag) ||
            g_str_equal(flag, "postcopy") != harmless)
            continue;
        g_string_append_printf(text, "%s%s", text->len ? ", " : "", flag);
    }
    return g_string_free(text, FALSE);
}

/* --- comparing -------------------------------------------------------------------- */

static bool
is_same(const vmmiReplayStep *a, const vmmiReplayStep *b)
{
    uint64_t apart = a->at_ms > b->at_ms ? a->at_ms - b->at_ms : b->at_ms - a->at_ms;

    return a->kind == b->kind && a->value == b->value && apart <= VMMI_REPLAY_SAME_MS &&
           (a->kind != VMMI_ACTION_TUNE || a->what == b->what);
}

/* Returns: whether they part, and when. */
static bool
find_parting(const GArray *original, const GArray *replayed, uint64_t *at_ms)
{
    for (guint i = 0; i < MAX(original->len, replayed->len); i++) {
        const vmmiReplayStep *was =
            i < original->len ? &g_array_index(original, vmmiReplayStep, i) : NULL;
        const vmmiReplayStep *is =
            i < replayed->len ? &g_array_index(replayed, vmmiReplayStep, i) : NULL;

        if (was && is && is_same(was, is))
            continue;
        *at_ms = MIN(was ? was->at_ms : UINT64_MAX, is ? is->at_ms : UINT64_MAX);
        return true;
    }
    return false;
}

static char *
sentence(const vmmiReplayResult *result, uint64_t first_ms, const char *flags)
{
    uint64_t since = result->changed_ms > first_ms ? result->changed_ms - first_ms : 0;

    if (*flags)
        return g_strdup_printf("It would have started with other flags (%s): from the beginning "
                               "on, the recorded figures are not what would have happened.",
                               flags);
    if (!result->changed)
        return g_strdup("It decides as the original did: the recorded figures hold to the end.");
    return g_strdup_printf("From %.1f s on, where its decisions part from the original's, the "
                           "recorded figures are no longer what would have happened.",
                           (double)since / 1000);
}

void
vmmiReplayCompare(const GArray *original, const GArray *replayed, const json_t *before,
                  const json_t *after, uint64_t first_ms, vmmiReplayResult *result)
{
    g_autofree char *other = added_flags(before, after, false);
    g_autofree char *harmless = added_flags(before, after, true);
    g_autofree char *text = NULL;

    result->changed = find_parting(original, replayed, &result->changed_ms);
    text = sentence(result, first_ms, other);
    if (*other) {
        result->changed = true;
        result->changed_ms = first_ms;
    }
    g_free(result->course);
    result->course = *harmless ? g_strdup_printf("%s It would also have asked for the flag %s.",
                                                 text, harmless)
                               : g_steal_pointer(&text);
}
