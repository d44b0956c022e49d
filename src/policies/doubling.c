/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * doubling.c: the policy of Proxmox VE: the tolerated downtime doubles whenever what remains was
 * seen to rise a few times, until the guest converges, however long it then stands still.
 *
 * It never gives up. Throttling and compression are always on.
 */
#include "policies/policies.h"

#include <inttypes.h>

#include "policies/data-size.h"
#include "policies/poll.h"
#include "policies/reading.h"
#include "policies/start-flags.h"

typedef struct {
    uint64_t first_downtime_ms, max_downtime_ms, hits, poll_ms, near_poll_ms, bandwidth_mib;
    uint64_t cache_percent;
    bool auto_converge, compressed;
    vmmiPoll poll;
    vmmiReading reading;
    bool begun;           /* the first limit is set */
    uint64_t downtime_ms; /* the limit */
    uint64_t looks;       /* at anything */
    uint64_t processed;   /* at the look before; 0: none yet */
    uint64_t remaining;   /* the same */
    uint64_t risen;       /* hits so far */
} Doubling;

static const vmmiPolicyOption options[] = {
    { .name = "downtimeMs",
      .type = VMMI_OPTION_UINT,
      .default_value = "100",
      .minimum = 1,
      .maximum = 2000000,
      .unit = "ms",
      .meaning = "the downtime that is tolerated at the beginning" },
    { .name = "maxDowntimeMs",
      .type = VMMI_OPTION_UINT,
      .default_value = "2000000",
      .minimum = 1,
      .maximum = 2000000,
      .unit = "ms",
      .meaning = "doubling ends here" },
    { .name = "hits",
      .type = VMMI_OPTION_UINT,
      .default_value = "5",
      .maximum = 100000,
      .meaning =
          "it doubles after more looks than this that found more remaining than the look before" },
    { .name = "pollMs",
      .type = VMMI_OPTION_UINT,
      .default_value = "1000",
      .minimum = 50,
      .maximum = 60000,
      .unit = "ms",
      .meaning = "the time between two looks" },
    { .name = "nearPollMs",
      .type = VMMI_OPTION_UINT,
      .default_value = "100",
      .minimum = 50,
      .maximum = 60000,
      .unit = "ms",
      .meaning = "the time between two looks once less remains than is moved from look to look" },
    { .name = "bandwidthMibPerSecond",
      .type = VMMI_OPTION_UINT,
      .default_value = "16384",
      .maximum = 1048576,
      .unit = "MiB/s",
      .meaning = "the limit of the bandwidth, where the migration's own parameters set none; 0: "
                 "libvirt's" },
    { .name = "autoConverge",
      .type = VMMI_OPTION_BOOL,
      .default_value = "true",
      .meaning = "the guest may be throttled" },
    { .name = "compress",
      .type = VMMI_OPTION_BOOL,
      .default_value = "true",
      .meaning = "pages that were sent before are sent as differences (xbzrle)" },
    { .name = "cachePercent",
      .type = VMMI_OPTION_UINT,
      .default_value = "10",
      .minimum = 1,
      .maximum = 100,
      .unit = "%",
      .meaning =
          "compress: the cache's share of the guest's memory, rounded up to a power of two" },
    { .name = NULL },
};

static int
check(const Doubling *doubling, vmmiError **err)
{
    if (doubling->max_downtime_ms < doubling->first_downtime_ms)
        return vmmiErrorSet(err, VMMI_ERR_OPTION,
                            "option 'maxDowntimeMs' is %" PRIu64
                            " ms, less than 'downtimeMs', %" PRIu64 " ms",
                            doubling->max_downtime_ms, doubling->first_downtime_ms);
    if (doubling->near_poll_ms > doubling->poll_ms)
        return vmmiErrorSet(err, VMMI_ERR_OPTION,
                            "option 'nearPollMs' is %" PRIu64 " ms, more than 'pollMs', %" PRIu64
                            " ms",
                            doubling->near_poll_ms, doubling->poll_ms);
    return 0;
}

static int
configure(void *state, const vmmiPolicyConfig *config, vmmiError **err)
{
    Doubling *doubling = state;

    vmmiPolicyConfigGetUInt(config, "downtimeMs", &doubling->first_downtime_ms);
    vmmiPolicyConfigGetUInt(config, "maxDowntimeMs", &doubling->max_downtime_ms);
    vmmiPolicyConfigGetUInt(config, "hits", &doubling->hits);
    vmmiPolicyConfigGetUInt(config, "pollMs", &doubling->poll_ms);
    vmmiPolicyConfigGetUInt(config, "nearPollMs", &doubling->near_poll_ms);
    vmmiPolicyConfigGetUInt(config, "bandwidthMibPerSecond", &doubling->bandwidth_mib);
    vmmiPolicyConfigGetUInt(config, "cachePercent", &doubling->cache_percent);
    vmmiPolicyConfigGetBool(config, "autoConverge", &doubling->auto_converge);
    vmmiPolicyConfigGetBool(config, "compress", &doubling->compressed);
    doubling->poll.period_ms = doubling->poll_ms;
    return check(doubling, err);
}

static int
prepare(void *state, vmmiPolicyStart *start, const vmmiError *refusal, vmmiError **err)
{
    Doubling *doubling = state;

    (void)err;
    if (doubling->auto_converge)
        vmmiStartFlagsWant(start, "auto_converge", refusal);
    if (doubling->compressed)
        doubling->compressed = vmmiStartFlagsWant(start, "compressed", refusal);
    if (doubling->bandwidth_mib)
        vmmiPolicyStartSetUInt(start, "bandwidth", doubling->bandwidth_mib);
    return 0;
}

static uint64_t
power_of_two_up(uint64_t number)
{
    uint64_t power = 1;

    while (power < number)
        power *= 2;
    return power;
}

static void
begin(Doubling *doubling, const vmmiSample *sample, vmmiPolicyActions *actions)
{
    vmmiDataSize size;

    if (doubling->begun || !vmmiDataSizeRead(&size, sample))
        return;
    doubling->begun = true;
    doubling->downtime_ms = doubling->first_downtime_ms;
    vmmiPolicyActionTune(actions, VMMI_TUNE_DOWNTIME_MS, doubling->downtime_ms,
                         "at the beginning, doubled after more than %" PRIu64
                         " looks that find more remaining",
                         doubling->hits);
    if (doubling->compressed)
        vmmiPolicyActionTune(actions, VMMI_TUNE_XBZRLE_CACHE_BYTES,
                             power_of_two_up(size.memory_bytes / 100 * doubling->cache_percent),
                             "%" PRIu64 " %% of %" PRIu64 " MiB, rounded up to a power of two",
                             doubling->cache_percent, size.memory_bytes >> 20);
}

static void
double_limit(Doubling *doubling, vmmiPolicyActions *actions)
{
    uint64_t before = doubling->downtime_ms;

    doubling->risen = 0;
    if (before >= doubling->max_downtime_ms)
        return;
    doubling->downtime_ms =
        before > doubling->max_downtime_ms / 2 ? doubling->max_downtime_ms : before * 2;
    vmmiPolicyActionTune(actions, VMMI_TUNE_DOWNTIME_MS, doubling->downtime_ms,
                         "what remains rose %" PRIu64 " times under a limit of %" PRIu64
                         " ms, %" PRIu64 " MiB remain",
                         doubling->hits + 1, before, doubling->remaining >> 20);
}

/* Counts only looks that find something moved since the look before. */
static void
look(Doubling *doubling, uint64_t now_ms, vmmiPolicyActions *actions)
{
    uint64_t processed = vmmiReadingProcessed(&doubling->reading, now_ms);
    uint64_t remaining = vmmiReadingRemaining(&doubling->reading, now_ms);
    uint64_t mean;

    doubling->looks++;
    if (processed == doubling->processed)
        return;
    mean = doubling->processed / doubling->looks;
    if (mean && remaining < mean)
        doubling->poll.period_ms = doubling->near_poll_ms;
    if ((doubling->remaining && remaining > doubling->remaining) || remaining == 0)
        doubling->risen++;
    doubling->remaining = remaining;
    doubling->processed = processed;
    if (doubling->risen > doubling->hits)
        double_limit(doubling, actions);
}

static int
on_event(void *state, const vmmiPolicyEvent *event, vmmiPolicyActions *actions, vmmiError **err)
{
    Doubling *doubling = state;

    (void)err;
    if (event->state != VMMI_STATE_PRECOPY)
        return 0;
    begin(doubling, event->sample, actions);
    vmmiReadingTake(&doubling->reading, VMMI_READING_MEMORY, event);
    if (!doubling->begun || !doubling->reading.known)
        return 0;
    if (vmmiPollIsDue(&doubling->poll, event->now_ms))
        look(doubling, event->now_ms, actions);
    vmmiPolicyActionWakeAt(actions, doubling->poll.next_ms);
    return 0;
}

static void
status(void *state, vmmiPolicyStatus *status)
{
    const Doubling *doubling = state;

    if (!doubling->begun)
        vmmiPolicyStatusSetReason(status, "waiting for the size of the guest");
    else
        vmmiPolicyStatusSetReason(
            status,
            "waiting for the guest to converge, %" PRIu64 " ms tolerated; rose %" PRIu64
            " of %" PRIu64 " times before it is doubled, up to %" PRIu64 " ms",
            doubling->downtime_ms, doubling->risen, doubling->hits + 1, doubling->max_downtime_ms);
}

const vmmiPolicy vmmiPolicyDoubling = {
    VMMI_POLICY_INIT,
    .name = "doubling",
    .version = VMMI_VERSION,
    .summary = "doubles the tolerated downtime until the guest converges, and never gives up "
               "(Proxmox VE)",
    .options = options,
    .state_size = sizeof(Doubling),
    .configure = configure,
    .prepare = prepare,
    .on_event = on_event,
    .status = status,
};
