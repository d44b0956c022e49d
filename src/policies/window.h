/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * window.h: the smallest figure that is older than a window, and the smaller ones within it.
 */
#ifndef VMMI_POLICIES_WINDOW_H
#define VMMI_POLICIES_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Figures within the window that are kept, each smaller than the one before. */
#define VMMI_WINDOW_MAX 512

typedef struct {
    uint64_t at_ms;
    uint64_t figure;
} vmmiWindowEntry;

typedef struct {
    uint64_t length_ms; /* set by the policy */
    vmmiWindowEntry kept[VMMI_WINDOW_MAX];
    size_t n_kept;
    bool has_older;
    uint64_t older; /* the smallest figure that has left the window */
} vmmiWindow;

/* Takes a figure. Times never go back. */
void vmmiWindowAdd(vmmiWindow *window, uint64_t at_ms, uint64_t figure);
/* The smallest of all; 0 when there is none. */
uint64_t vmmiWindowSmallest(const vmmiWindow *window);

#endif
