/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sampler.c: the thread that looks at the figures.
 *
 * It has its own clock, so that a sample costs the loop one wake-up, and passes that follow each
 * other quickly share one.
 */
#include "kit/sampler.h"

#include "driver/connect.h"
#include "util/cleanup.h"

typedef struct {
    vmmiFeed *feed;
    vmmiConnect *connect;
    char *uuid;
    gint64 min_gap_us, max_gap_us;
} Sampler;

static void
sampler_free(Sampler *sampler)
{
    vmmiFeedUnref(sampler->feed);
    vmmiConnectUnref(sampler->connect);
    g_free(sampler->uuid);
    g_free(sampler);
}

static gpointer
run(gpointer data)
{
    Sampler *sampler = data;
    gint64 last_us = g_get_monotonic_time() - sampler->max_gap_us;

    while (vmmiFeedWaitSample(sampler->feed, last_us, sampler->min_gap_us, sampler->max_gap_us)) {
        vmmiItem *item = g_new0(vmmiItem, 1);

        last_us = g_get_monotonic_time();
        item->kind = VMMI_ITEM_SAMPLE;
        item->sample = vmmiSampleNew();
        if (vmmiCallMigrationSample(sampler->connect, sampler->uuid, item->sample, &item->job,
                                    &item->error) < 0)
            g_clear_pointer(&item->sample, vmmiSampleFree);
        vmmiFeedPush(sampler->feed, item, true);
    }
    g_clear_pointer(&sampler->connect, vmmiConnectUnref);
    vmmiFeedSetSampling(sampler->feed, false);
    sampler_free(sampler);
    return NULL;
}

void
vmmiSamplerStart(vmmiFeed *feed, vmmiConnect *connect, const char *uuid, unsigned int min_gap_ms,
                 unsigned int max_gap_ms)
{
    Sampler *sampler = g_new0(Sampler, 1);

    sampler->feed = vmmiFeedRef(feed);
    sampler->connect = vmmiConnectRef(connect);
    sampler->uuid = g_strdup(uuid);
    sampler->min_gap_us = (gint64)min_gap_ms * 1000;
    sampler->max_gap_us = (gint64)max_gap_ms * 1000;
    vmmiFeedSetSampling(feed, true);
    g_thread_unref(g_thread_new("vmmi-sampler", run, sampler));
}
