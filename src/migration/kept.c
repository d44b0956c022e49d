/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kept.c: what the record of a migration keeps for the managers to come.
 *
 * A manager that follows a migration which another one started must know what cannot be asked for
 * any more: whether the guest was shut off before, where each key of the configuration came from,
 * and how the application had reached the destination. All that is in the object `options` of
 * job.json (docs/run-directory.md).
 */
#include "migration/kept.h"

#include <string.h>

#include "message/json.h"
#include "message/message.h"
#include "plugin/job-record.h"
#include "util/cleanup.h"

/* A record must stay readable: origins that are larger than this are left out. */
#define ORIGINS_MAX_BYTES ((size_t)256 * 1024)

static json_t *
describe_host(const vmmiKeptSource *host)
{
    g_autofree char *uri = vmmiUriStripPassword(host->uri);

    return json_pack("{s:s, s:s*, s:s*}", "uri", uri, "username", host->username, "passwordFile",
                     host->password_file);
}

char *
vmmiKeptWrite(bool inactive, const json_t *origins, const vmmiKeptSource *destination)
{
    g_autoptr(json_t) options = json_pack("{s:b}", "inactive", inactive);
    g_autofree char *text = origins ? vmmiJsonWrite(origins, true) : NULL;

    if (text && strlen(text) <= ORIGINS_MAX_BYTES)
        json_object_set(options, "origins", (json_t *)origins);
    if (destination && destination->uri)
        json_object_set_new(options, "destination", describe_host(destination));
    return vmmiJsonWrite(options, false);
}

bool
vmmiKeptIsInactive(const vmmiJob *job)
{
    bool inactive = false;

    vmmiJsonGetBool(vmmiJobGetOptions(job), "inactive", &inactive);
    return inactive;
}

static vmmiMessage *
read_configuration(const vmmiJob *job)
{
    g_autofree char *text = NULL;
    g_autoptr(vmmiMessage) message = NULL;
    size_t length = 0;

    if (vmmiJobReadConfig(job, &text, &length, NULL) < 0)
        return NULL;
    message = vmmiMessageParse(text, length, NULL);
    if (!message || vmmiMessageGetKind(message) != VMMI_MESSAGE_CONFIGURATION)
        return NULL;
    return g_steal_pointer(&message);
}

bool
vmmiKeptAttaches(const vmmiJob *job)
{
    g_autoptr(vmmiMessage) message = read_configuration(job);
    const char *attach = NULL;

    return message && vmmiMessageGetString(message, "migration.attach", &attach) &&
           g_str_equal(attach, "only");
}

bool
vmmiKeptShowsGuest(const vmmiJob *job)
{
    g_autoptr(vmmiMessage) message = read_configuration(job);
    const char *attach = NULL;

    return message && !vmmiJobGetRecord(job)->bare && !vmmiKeptIsInactive(job) &&
           vmmiMessageGetString(message, "migration.attach", &attach) &&
           g_str_equal(attach, "never");
}

char *
vmmiKeptFormatConfiguration(const json_t *configuration, const json_t *origins)
{
    g_autoptr(json_t) shown = json_pack("{s:O}", "configuration", configuration);

    json_object_set_new(shown, "origins",
                        json_is_object(origins) ? json_incref((json_t *)origins) : json_object());
    return vmmiJsonWrite(shown, false);
}

char *
vmmiKeptShowConfiguration(const vmmiJob *job)
{
    g_autoptr(vmmiMessage) message = read_configuration(job);

    return message ? vmmiKeptFormatConfiguration(vmmiMessageContent(message),
                                                 json_object_get(vmmiJobGetOptions(job), "origins"))
                   : NULL;
}

void
vmmiKeptReadSource(const vmmiJob *job, vmmiKeptSource *source)
{
    g_autoptr(vmmiMessage) message = read_configuration(job);
    const char *username = NULL, *password_file = NULL;

    if (message) {
        vmmiMessageGetString(message, "connectionCredentials.username", &username);
        vmmiMessageGetString(message, "connectionCredentials.passwordFile", &password_file);
    }
    source->uri = g_strdup(vmmiJobGetRecord(job)->source_uri);
    source->username = g_strdup(username);
    source->password_file = g_strdup(password_file);
}

void
vmmiKeptReadDestination(const vmmiJob *job, vmmiKeptSource *destination)
{
    const json_t *kept = json_object_get(vmmiJobGetOptions(job), "destination");

    destination->uri = g_strdup(json_string_value(json_object_get(kept, "uri")));
    destination->username = g_strdup(json_string_value(json_object_get(kept, "username")));
    destination->password_file = g_strdup(json_string_value(json_object_get(kept, "passwordFile")));
}

void
vmmiKeptSourceClear(vmmiKeptSource *source)
{
    g_clear_pointer(&source->uri, g_free);
    g_clear_pointer(&source->username, g_free);
    g_clear_pointer(&source->password_file, g_free);
}
