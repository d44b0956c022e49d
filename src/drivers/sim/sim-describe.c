/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-describe.c: a simulated world as a person wants to see it.
 */
#include "drivers/sim/sim-describe.h"

#include "drivers/sim/sim-sample.h"
#include "util/cleanup.h"

static json_t *
describe_places(const vmmiSimWorld *world, const vmmiSimGuest *guest)
{
    json_t *places = json_object();

    for (size_t i = 0; i < world->n_hosts; i++) {
        vmmiGuestInfo info;

        vmmiSimGuestInfo(guest, i, &info);
        if (info.state == VMMI_GUEST_ABSENT)
            continue;
        json_object_set_new(
            places, world->hosts[i].name,
            json_pack("{s:s, s:s, s:i, s:b, s:s}", "state", vmmiGuestStateToString(info.state),
                      "reason", vmmiGuestReasonToString(info.reason), "id", info.id, "persistent",
                      info.persistent, "job", vmmiJobKindToString(info.job)));
    }
    return places;
}

static json_t *
describe_figures(const vmmiSimGuest *guest)
{
    g_autoptr(vmmiSample) sample = vmmiSampleNew();
    json_t *figures = json_object();

    vmmiSimSampleRunning(guest, sample);
    for (int i = 0; i < VMMI_SAMPLE_LAST; i++) {
        uint64_t value;

        if (vmmiSampleGet(sample, (vmmiSampleField)i, &value))
            json_object_set_new(figures, vmmiSampleFieldToString((vmmiSampleField)i),
                                json_integer((json_int_t)value));
    }
    return figures;
}

static json_t *
describe_job(const vmmiSimWorld *world, const vmmiSimGuest *guest)
{
    const vmmiSimJob *job = &guest->job;

    return json_pack("{s:I, s:s, s:s, s:s, s:b, s:o}", "id", (json_int_t)job->id, "step",
                     vmmiSimPhaseToString((vmmiSimPhase)job->step), "source",
                     world->hosts[job->source].name, "destination",
                     world->hosts[job->destination].name, "hanging", job->hanging, "figures",
                     describe_figures(guest));
}

static json_t *
describe_guest(const vmmiSimWorld *world, const vmmiSimGuest *guest)
{
    const vmmiSimLoad *load = &guest->load;
    json_t *object = json_pack("{s:s, s:s, s:f, s:f, s:f, s:s, s:o}", "name", guest->name, "uuid",
                               guest->uuid, "memoryMib", load->memory / VMMI_SIM_MIB,
                               "workingSetMib", load->working_set / VMMI_SIM_MIB,
                               "dirtyRateMibPerSecond", load->dirty_rate / VMMI_SIM_MIB, "pattern",
                               vmmiSimPatternToString((vmmiSimPattern)load->pattern), "hosts",
                               describe_places(world, guest));

    if (guest->job.id)
        json_object_set_new(object, "migration", describe_job(world, guest));
    return object;
}

json_t *
vmmiSimDescription(const vmmiSimWorld *world)
{
    json_t *hosts = json_array();
    json_t *guests = json_array();

    for (size_t i = 0; i < world->n_hosts; i++)
        json_array_append_new(hosts, json_pack("{s:s, s:b}", "name", world->hosts[i].name,
                                               "reachable", world->hosts[i].reachable));
    for (size_t i = 0; i < world->guests->len; i++)
        json_array_append_new(guests, describe_guest(world, vmmiSimWorldGuest(world, i)));
    return json_pack("{s:s, s:I, s:f, s:f, s:o, s:o, s:O, s:O}", "world", world->name, "timeMs",
                     (json_int_t)(world->now / 1000), "speed", world->speed, "linkMibPerSecond",
                     world->link / VMMI_SIM_MIB, "hosts", hosts, "guests", guests, "options",
                     world->options, "scenario", world->definition);
}
