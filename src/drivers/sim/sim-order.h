/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-order.h: libvirt's flags and parameters, as far as the simulator knows what they do.
 */
#ifndef VMMI_SIM_ORDER_H
#define VMMI_SIM_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include <libvmmi/vmmi-driver.h>

/* A request, read. */
typedef struct {
    bool live, auto_converge, compressed, postcopy, postcopy_resume, paused;
    bool persist_dest, no_persist_dest, undefine_source, no_undefine_source;
    bool parallel, zerocopy;
    bool keep_source;
    bool has_bandwidth, has_postcopy_bandwidth, has_cache;
    uint64_t bandwidth_mib, postcopy_bandwidth_mib, cache_bytes;
    uint64_t throttle_initial, throttle_increment;
} vmmiSimOrder;

/*
 * Reads and checks a request. Every flag and parameter of libvirt 9.0 is known by name; what is not simulated is
 * VMMI_ERR_NOT_SUPPORTED unless leaving it out does no harm; unknown names are VMMI_ERR_MALFORMED_CONFIGURATION. Returns 0 or -1.
 */
int vmmiSimOrderRead(const vmmiMigrateRequest *request, vmmiSimOrder *order, vmmiError **err);
/* Whether the request names a flag, and does not take it back. */
bool vmmiSimOrderNames(const vmmiMigrateRequest *request, const char *flag);

#endif
