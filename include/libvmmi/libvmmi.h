/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvmmi.h: everything. A program includes this; each header also stands alone.
 */
#ifndef LIBVMMI_H
#define LIBVMMI_H

#include <libvmmi/vmmi-base.h>
#include <libvmmi/vmmi-error.h>
#include <libvmmi/vmmi-state.h>
#include <libvmmi/vmmi-sample.h>
#include <libvmmi/vmmi-message.h>
#include <libvmmi/vmmi-connect.h>
#include <libvmmi/vmmi-driver.h>
#include <libvmmi/vmmi-plugin.h>
#include <libvmmi/vmmi-migration.h>
#include <libvmmi/vmmi-record.h>
#include <libvmmi/vmmi-policy.h>
#include <libvmmi/vmmi-shadow.h>
#include <libvmmi/vmmi-sim.h>

#endif
