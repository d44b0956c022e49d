/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vmmi-sim.h: simulated worlds: what an application's own tests do with them besides using them.
 *
 * A world of sim:/// is an ordinary connection (vmmiConnectOpen()); its URIs and the format of a scenario are in
 * vmmi-sim(7). Worlds are shared by all processes that name them, so a test chooses a name of its own. Any thread may call.
 */
#ifndef VMMI_SIM_H
#define VMMI_SIM_H

#include <libvmmi/vmmi-error.h>

VMMI_BEGIN_DECLS

/**
 * vmmiSimReset:
 * @uri: a URI of the simulator ("sim:///?world=mine&speed=10")
 * @err: (out) (optional): VMMI_ERR_URI, VMMI_ERR_CONFIGURATION_FAILED for a scenario with a mistake, VMMI_ERR_RUN_DIR,
 *   VMMI_ERR_TIMEOUT when another process holds the world, VMMI_ERR_SYSTEM when it cannot be written
 *
 * Puts a world back to its beginning, or makes it when there is none. When @uri says what the world is to be (a scenario, a
 * speed, faults), it is made from that, else from what it was made from before. Migrations that run in it end with
 * VMMI_ERR_OPERATION_FAILED. A world whose file cannot be read is made anew. Waits at most 30 s.
 *
 * Returns: 0, or -1 with the world as it was.
 * Since: 0.1
 */
VMMI_PUBLIC int vmmiSimReset(const char *uri, vmmiError **err);

/**
 * vmmiSimDescribe:
 * @uri: a URI of the simulator; the host in it does not matter
 * @err: (out) (optional): as above
 *
 * Looks at a whole world: its time, hosts, guests with what each host knows of them, migrations under way, and the
 * scenario that it was made from. The world is made when there is none.
 *
 * Returns: one JSON object as text, to be freed with vmmiFree(), or NULL.
 * Since: 0.1
 */
VMMI_PUBLIC char *vmmiSimDescribe(const char *uri, vmmiError **err);

VMMI_END_DECLS

#endif
