/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * records.c: what the tests of records share.
 */
#include "records.h"

#include <string.h>

#include "../tree.h"

void
set_up(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    fixture->top = g_dir_make_tmp("vmmi-test-XXXXXX", NULL);
    fixture->path = g_build_filename(fixture->top, "run", NULL);
    fixture->manager = vmmiManagerNew(fixture->path, 0, NULL);
    fixture->run = vmmiRunDirOpen(fixture->path, NULL);
    g_assert_nonnull(fixture->manager);
    g_assert_nonnull(fixture->run);
}

void
tear_down(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    vmmiManagerFree(fixture->manager);
    vmmiRunDirUnref(fixture->run);
    remove_tree(fixture->top);
    g_free(fixture->path);
    g_free(fixture->top);
}

vmmiJob *
make_job(const Fixture *fixture, const char *uuid, const char *name, const char *replaces)
{
    const vmmiJobRecord record = {
        .plugin = "fake",
        .plugin_path = "/usr/libexec/vmmi/fake",
        .world = "test",
        .guest_uuid = uuid,
        .guest_name = name,
        .source_uri = "qemu:///system",
        .destination_uri = "qemu://user@dst/system",
        .replaces = replaces,
        .options = "{\"origins\": {\"a.b\": \"caller\"}}",
        .bare = true,
    };
    const char *config = "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"configuration\", "
                         "\"configuration\": {\"a\": {\"b\": 1}}}";
    vmmiJob *job = vmmiJobCreate(fixture->run, &record, config, strlen(config), NULL);

    g_assert_nonnull(job);
    return job;
}

void
write_text(const vmmiJob *job, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(vmmiJobGetPath(job), name, NULL);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

vmmiJob *
make_ended(const Fixture *fixture, const char *uuid, const char *name, const char *replaces)
{
    vmmiJob *job = make_job(fixture, uuid, name, replaces);

    g_assert_cmpint(vmmiJobHold(job, NULL), ==, 0);
    g_assert_cmpint(vmmiJobLeave(job, 0, NULL), ==, 0);
    return job;
}

vmmiJob *
make_settled(const Fixture *fixture, const char *uuid, const char *name, const char *outcome)
{
    vmmiJob *job = make_ended(fixture, uuid, name, NULL);

    g_assert_cmpint(vmmiJobSettle(job, outcome, strlen(outcome), NULL), ==, 1);
    return job;
}

vmmiRecord *
find(const Fixture *fixture, const char *selector)
{
    g_autoptr(vmmiError) error = NULL;
    vmmiRecord *record = vmmiManagerFindRecord(fixture->manager, selector, &error);

    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    return record;
}

const char *
state_of(const vmmiRecord *record)
{
    vmmiState state;

    return vmmiRecordGetState(record, &state) ? vmmiStateToString(state) : "(unknown)";
}
