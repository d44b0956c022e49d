/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay-mode.c: `PLUGIN --vmmi-replay`: an order from standard input, the trace of the replay on
 * standard output.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "kit/replay.h"
#include "kit/trace.h"
#include "message/json.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/file.h"

#define MAX_TRACE_BYTES (256 << 20)
#define MAX_ENTRIES 1000000

/* --- the trace -------------------------------------------------------------------- */

static int
check_format(const GPtrArray *entries, const char *path, vmmiError **err)
{
    for (guint i = 0; i < entries->len; i++) {
        const vmmiJournalEntry *entry = g_ptr_array_index(entries, i);
        uint64_t version;

        if (entry->kind == VMMI_JOURNAL_START &&
            vmmiJsonGetUInt(entry->data, "formatVersion", &version) &&
            version > VMMI_TRACE_FORMAT_VERSION)
            return vmmiErrorSet(err, VMMI_ERR_MESSAGE,
                                "'%s' is a trace of format %" PRIu64 ", and format %d is known here",
                                path, version, VMMI_TRACE_FORMAT_VERSION);
    }
    if (entries->len)
        return 0;
    return vmmiErrorSet(err, VMMI_ERR_MESSAGE, "'%s' is not a trace: no line is an entry", path);
}

GPtrArray *
vmmiReplayParse(const char *text, size_t length, const char *path, vmmiError **err)
{
    g_autoptr(GPtrArray) entries =
        g_ptr_array_new_with_free_func((GDestroyNotify)vmmiJournalEntryFree);
    uint64_t sequence = 0;

    while (length > 0 && entries->len < MAX_ENTRIES) {
        const char *newline = memchr(text, '\n', length);
        size_t line = newline ? (size_t)(newline - text) : length;
        g_autoptr(vmmiJournalEntry) entry =
            line < VMMI_JOURNAL_MAX_LINE ? vmmiJournalEntryParse(text, line) : NULL;

        if (entry && entry->sequence > sequence) {
            sequence = entry->sequence;
            g_ptr_array_add(entries, g_steal_pointer(&entry));
        }
        text += newline ? line + 1 : line;
        length -= newline ? line + 1 : line;
    }
    return check_format(entries, path, err) < 0 ? NULL : g_steal_pointer(&entries);
}

/* --- the order -------------------------------------------------------------------- */

typedef struct {
    const char *trace;
    const json_t *configuration; /* the content of one; NULL: all defaults */
} Order;

static int
read_order(const json_t *from, Order *order, vmmiError **err)
{
    const char *key;
    json_t *value;

    json_object_foreach ((json_t *)from, key, value) {
        if (!g_str_equal(key, "trace") && !g_str_equal(key, "configuration"))
            return vmmiErrorSet(err, VMMI_ERR_CONFIGURATION_FAILED,
                                "an order for a replay has no '%s'", key);
    }
    if (!vmmiJsonGetString(from, "trace", &order->trace) || !g_path_is_absolute(order->trace))
        return vmmiErrorSet(err, VMMI_ERR_CONFIGURATION_FAILED,
                            "'trace' of an order must be an absolute path");
    order->configuration = json_object_get(from, "configuration");
    if (!order->configuration || json_is_object(order->configuration))
        return 0;
    return vmmiErrorSet(err, VMMI_ERR_CONFIGURATION_FAILED,
                        "'configuration' of an order must be an object");
}

static vmmiPolicyConfig *
read_options(const vmmiPolicy *policy, const Order *order, vmmiError **err)
{
    g_autoptr(vmmiError) mistake = NULL;
    g_autofree char *bad_key = NULL;
    g_autoptr(json_t) given =
        vmmiOptionsGather(policy->top_level, order->configuration, &bad_key, &mistake);
    vmmiPolicyConfig *options = NULL;

    if (!mistake)
        options = vmmiPolicyConfigNew(policy->options, given, &bad_key, &mistake);

    if (!options)
        vmmiErrorPropagate(err, g_steal_pointer(&mistake));
    return options;
}

static GPtrArray *
read_trace(const char *path, vmmiError **err)
{
    g_autofree char *text = NULL;
    size_t length;

    if (vmmiFileReadAt(AT_FDCWD, path, MAX_TRACE_BYTES, false, &text, &length, err) < 0)
        return NULL;
    return vmmiReplayParse(text, length, path, err);
}

/* --- the mode --------------------------------------------------------------------- */

int
vmmiReplayMode(const vmmiKitModeCall *call, vmmiError **err)
{
    g_autoptr(json_t) input = vmmiKitModeReadOrder(err);
    g_autoptr(vmmiPolicyConfig) options = NULL;
    g_autoptr(GPtrArray) entries = NULL;
    g_autoptr(vmmiJournal) journal = NULL;
    g_auto(vmmiReplayResult) result = { 0 };
    Order order = { NULL, NULL };
    int fd;

    if (!input || read_order(input, &order, err) < 0)
        return -1;
    options = read_options(call->policy, &order, err);
    entries = options ? read_trace(order.trace, err) : NULL;
    if (!entries)
        return -1;
    fd = fcntl(call->streams->status_fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno, "cannot write the replay");
    journal = vmmiJournalNew(fd);
    if (vmmiReplayRun(&(vmmiReplayOrder){ .policy = call->policy, .options = options,
                                          .plugin = call->name, .path = order.trace,
                                          .entries = entries },
                      journal, &result, err) < 0)
        return -1;
    if (vmmiJournalGetLost(journal))
        return vmmiErrorSet(err, VMMI_ERR_SYSTEM, "%" PRIu64 " lines could not be written",
                            vmmiJournalGetLost(journal));
    return 0;
}
