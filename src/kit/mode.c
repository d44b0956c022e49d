/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mode.c: what a plugin made with the kit can do besides migrating a guest: one table.
 *
 * Whoever adds an ability adds a row; what the ability is lives in a file of its own.
 */
#include "kit/mode.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "kit/replay.h"
#include "kit/simulate-order.h"
#include "kit/table.h"
#include "message/json.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/file.h"

static int
describe(const vmmiKitModeCall *call, vmmiError **err)
{
    g_autofree char *text = vmmiPolicyTableDescribe(call->policy, call->name);
    g_autofree char *line = g_strconcat(text, "\n", NULL);

    if (vmmiFileWriteFull(call->streams->status_fd, line, strlen(line)) == 0)
        return 0;
    return vmmiErrorSet(err, VMMI_ERR_SYSTEM, "the description cannot be written");
}

json_t *
vmmiKitModeReadOrder(vmmiError **err)
{
    g_autoptr(GString) text = g_string_new(NULL);
    char buffer[16384];
    ssize_t got;

    do {
        got = read(STDIN_FILENO, buffer, sizeof(buffer));
        if (got > 0)
            g_string_append_len(text, buffer, got);
        if (text->len > VMMI_MESSAGE_MAX_BYTES) {
            vmmiErrorSet(err, VMMI_ERR_CONFIGURATION_FAILED, "the order has more than %d bytes",
                         VMMI_MESSAGE_MAX_BYTES);
            return NULL;
        }
    } while (got > 0 || (got < 0 && errno == EINTR));
    if (got < 0) {
        vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno, "cannot read the order");
        return NULL;
    }
    return vmmiJsonParse(text->str, text->len, "the order", err);
}

static const vmmiKitMode modes[] = {
    { NULL, "--vmmi-describe", describe },
    { "trace", NULL, NULL },
    { "shadow", NULL, NULL },
    { "simulate", "--vmmi-simulate", vmmiSimulateMode },
    { "replay", "--vmmi-replay", vmmiReplayMode },
};

const vmmiKitMode *
vmmiKitModeFind(const char *option)
{
    for (size_t i = 0; i < G_N_ELEMENTS(modes); i++) {
        if (modes[i].option && g_str_equal(modes[i].option, option))
            return &modes[i];
    }
    return NULL;
}

json_t *
vmmiKitModeFeatures(void)
{
    json_t *array = json_array();

    for (size_t i = 0; i < G_N_ELEMENTS(modes); i++) {
        if (modes[i].feature)
            json_array_append_new(array, json_string(modes[i].feature));
    }
    return array;
}

int
vmmiKitModeRun(const vmmiKitMode *mode, const vmmiKitModeCall *call)
{
    g_autoptr(vmmiError) error = NULL;
    g_autofree char *line = NULL;

    if (mode->run(call, &error) == 0)
        return 0;
    line = g_strdup_printf("%s: %s\n", call->name, vmmiErrorGetMessage(error));
    vmmiFileWriteFull(call->streams->completion_fd, line, strlen(line));
    return 1;
}
