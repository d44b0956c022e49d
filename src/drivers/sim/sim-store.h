/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-store.h: the file of a simulated world, its lock and its clock. No daemon: whoever looks brings the world to the present.
 */
#ifndef VMMI_SIM_STORE_H
#define VMMI_SIM_STORE_H

#include "drivers/sim/sim-uri.h"
#include "drivers/sim/sim-world.h"

/* Where a world is kept. Never changes once opened, so any thread may use it. */
typedef struct vmmiSimStore vmmiSimStore;

/* @timeout_ms: how long to wait for others. VMMI_ERR_RUN_DIR, VMMI_ERR_BAD_PATH. NULL on failure. */
vmmiSimStore *vmmiSimStoreOpen(const vmmiSimUri *uri, unsigned int timeout_ms, vmmiError **err);
vmmiSimStore *vmmiSimStoreRef(vmmiSimStore *store);
void vmmiSimStoreUnref(vmmiSimStore *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiSimStore, vmmiSimStoreUnref)
/* The directory to watch and the name in it that is replaced, borrowed. */
const char *vmmiSimStoreDirectory(const vmmiSimStore *store);
const char *vmmiSimStoreName(const vmmiSimStore *store);

/* How world time and boot time belong together. */
typedef struct {
    char boot_id[40];
    int64_t boot_us;    /* CLOCK_BOOTTIME at the anchor */
    int64_t world_us;   /* world time at the anchor */
} vmmiSimClock;

/* A world in hand: locked, and at the present. */
typedef struct {
    vmmiSimWorld *world;
    vmmiSimStore *store;
    vmmiSimClock clock;
    int lock_fd;
    uint64_t version;     /* as it was in the file */
    bool must_write;
} vmmiSimSession;

/*
 * Takes the lock, reads the world (@uri not NULL: makes it from there when it is missing, and checks that it fits), and steps it
 * to the present. VMMI_ERR_TIMEOUT, VMMI_ERR_URI, VMMI_ERR_CONNECT when it is missing or spoiled. Returns 0 or -1.
 */
int vmmiSimSessionBegin(vmmiSimStore *store, const vmmiSimUri *uri, vmmiSimSession *session, vmmiError **err);
/*
 * Writes the world if something was changed, and unlocks. What happened by itself need not be written: others come to
 * the same; so only a session that acted (@acted) fails when the file cannot be written. Returns 0 or -1.
 */
int vmmiSimSessionEnd(vmmiSimSession *session, bool acted, vmmiError **err);
/* Unlocks; nothing is written. */
void vmmiSimSessionDrop(vmmiSimSession *session);
/* Replaces the world by another one; the old one is freed. */
void vmmiSimSessionReplace(vmmiSimSession *session, vmmiSimWorld *world);
/* Makes the world anew, from what @uri says or, if it says nothing, from what it was made from. Returns 0 or -1. */
int vmmiSimStoreReset(vmmiSimStore *store, const vmmiSimUri *uri, vmmiError **err);

/* CLOCK_BOOTTIME in microseconds at a world time; VMMI_SIM_NEVER for VMMI_SIM_NEVER. */
int64_t vmmiSimSessionBootTime(const vmmiSimSession *session, int64_t world_us);
int64_t vmmiSimBootNow(void);

#endif
