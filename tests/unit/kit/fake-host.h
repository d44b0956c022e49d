/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fake-host.h: a driver for tests of the kit: fake:///SCENARIO plays a script, in real time, in
 * this process.
 */
#ifndef FAKE_HOST_H
#define FAKE_HOST_H

#include <libvmmi/vmmi-driver.h>

#define FAKE_UUID "11111111-2222-3333-4444-555555555555"

extern const vmmiDriver fakeHostDriver;

#endif
