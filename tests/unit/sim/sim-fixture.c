/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-fixture.c: worlds from a line of text, and migrations in virtual time.
 */
#include "sim-fixture.h"

#include "drivers/sim/sim-job.h"

json_t *
fixture_json(const char *text)
{
    g_autofree char *copy = g_strdelimit(g_strdup(text), "'", '"');
    json_error_t error;
    json_t *value = json_loads(copy, JSON_REJECT_DUPLICATES, &error);

    if (!value)
        g_error("%s: %s", copy, error.text);
    return value;
}

vmmiSimWorld *
fixture_world(const char *members)
{
    g_autofree char *text = g_strdup_printf("{'vmmiSim': 'scenario', %s}", members);
    g_autoptr(json_t) scenario = fixture_json(text);
    g_autoptr(vmmiError) error = NULL;
    vmmiSimWorld *world = vmmiSimScenarioBuild("test", scenario, &error);

    if (!world)
        g_error("%s: %s", text, vmmiErrorGetMessage(error));
    return world;
}

uint64_t
fixture_start(vmmiSimWorld *world, const char *flags, vmmiError **err)
{
    g_auto(GStrv) list = g_strsplit(flags ? flags : "", ",", -1);
    vmmiMigrateRequest request = { .size = sizeof(request),
                                   .uuid = vmmiSimWorldGuest(world, 0)->uuid,
                                   .destination_uri = "sim:///destination",
                                   .flags = (const char *const *)list };
    uint64_t job = 0;

    if (vmmiSimActPerform(world, 0, 0, 1, &request, &job, err) < 0)
        return 0;
    return job;
}

const vmmiSimResult *
fixture_finish(vmmiSimWorld *world, uint64_t job, int64_t limit)
{
    while (!vmmiSimWorldFindResult(world, job) && vmmiSimNext(world) <= limit)
        vmmiSimStep(world, vmmiSimNext(world));
    return vmmiSimWorldFindResult(world, job);
}

bool
fixture_reach(vmmiSimWorld *world, vmmiSimPhase step, int64_t limit)
{
    while (vmmiSimWorldGuest(world, 0)->job.step != (int64_t)step && vmmiSimNext(world) <= limit)
        vmmiSimStep(world, vmmiSimNext(world));
    return vmmiSimWorldGuest(world, 0)->job.step == (int64_t)step;
}

char *
fixture_place(const vmmiSimWorld *world, size_t host)
{
    vmmiGuestInfo info;

    vmmiSimGuestInfo(vmmiSimWorldGuest(world, 0), host, &info);
    return g_strdup_printf("%s/%s", vmmiGuestStateToString(info.state),
                           vmmiGuestReasonToString(info.reason));
}
