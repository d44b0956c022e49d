/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c: the guest's loop: beat, listen, dirty, check, sleep.
 *
 * Commands arrive on the serial line, one letter and perhaps a number, ended by a newline:
 * V check the memory, P pause the writer, R resume it, D<pages a second> change its rate,
 * C<page> damage a page of the working set (to test the check).
 */
#include "guest.h"

#define SLICE_PAGES 64u
#define DISK_BEATS 16u /* one sector is written in so many beats */
#define MULTIBOOT_MAGIC 0x2badb002u
#define MULTIBOOT_MEMORY 1u
#define MULTIBOOT_CMDLINE 4u

typedef struct multiboot_info multiboot_info;
struct multiboot_info {
    uint32_t flags;
    uint32_t mem_lower;
    uint32_t mem_upper; /* KiB above 1 MiB */
    uint32_t boot_device;
    uint32_t cmdline;
};

static bool paused;
static bool verifying;

void guest_main(uint32_t magic, const multiboot_info *info);
void guest_trap(void);

void
guest_trap(void)
{
    say("X the guest met an exception\n");
    for (;;)
        __asm__ volatile("cli; hlt");
}

static void
obey(char letter, uint32_t number)
{
    if (letter == 'V') {
        memory_verify_start();
        verifying = true;
    } else if (letter == 'P') {
        paused = true;
        say("P ok\n");
    } else if (letter == 'R') {
        paused = false;
        say("R ok\n");
    } else if (letter == 'D') {
        memory_set_rate(number);
        say("D ok\n");
    } else if (letter == 'C') {
        memory_damage(number);
        say("C ok\n");
    }
}

static void
listen(void)
{
    static char letter;
    static uint32_t number;
    int c;

    while ((c = serial_read()) >= 0) {
        if (c == '\n') {
            obey(letter, number);
            letter = 0;
        } else if (c >= '0' && c <= '9') {
            number = number * 10u + (uint32_t)(c - '0');
        } else {
            letter = (char)c;
            number = 0;
        }
    }
}

static void
loop(void)
{
    uint32_t seen = ticks;
    uint32_t owed = 0;

    for (;;) {
        uint64_t clock = platform_clock();
        uint32_t due = memory_due(clock);

        platform_forget_own();
        if (ticks != seen) {
            seen = ticks;
            beat(clock);
            listen();
            if (!paused && !verifying && seen % DISK_BEATS == 0)
                disk_step();
        }
        if (verifying) {
            owed = 0;
            verifying = memory_verify_step();
            continue;
        }
        owed = paused ? 0 : owed + due;
        if (owed > 0) {
            uint32_t slice = owed < SLICE_PAGES ? owed : SLICE_PAGES;

            memory_dirty(slice);
            owed -= slice;
        }
        if (owed == 0)
            platform_idle(seen);
    }
}

void
guest_main(uint32_t magic, const multiboot_info *info)
{
    guest_options options = { .set_mib = 16, .beat_ms = 5, .seed = 1 };

    if (magic == MULTIBOOT_MAGIC && (info->flags & MULTIBOOT_CMDLINE))
        options_parse((const char *)(uintptr_t)info->cmdline, &options);
    platform_init(options.beat_ms);
    say("H vmmi-lab-guest 1\n");
    if (magic != MULTIBOOT_MAGIC || !(info->flags & MULTIBOOT_MEMORY)) {
        say("X the loader gave no memory size\n");
    } else if (!memory_init(&options, info->mem_upper)) {
        say("X the working set does not fit into the memory\n");
    } else if (options.disk && !disk_init()) {
        say("X the disk does not answer\n");
    } else {
        say("H ready\n");
        loop();
    }
}
