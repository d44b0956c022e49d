/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest.h: what the few files of the lab's guest share.
 *
 * The guest is a program without an operating system: 32 bits, no paging, one processor, one
 * thread. main.c is its loop, platform.c the machine (ports, timer, serial line), options.c
 * the command line, memory.c the pages it dirties and checks, disk.c its disk, beat.c what
 * it says.
 *
 * Memory: 1 MiB code and data, 2 MiB the table of generations (one word for each page of
 * the working set), from 4 MiB on the working set, then the rest.
 */
#ifndef VMMI_LAB_GUEST_H
#define VMMI_LAB_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE_BYTES 4096u
#define PAGE_WORDS (PAGE_BYTES / 4u)
#define TABLE_BASE 0x200000u
#define SET_BASE 0x400000u
#define SET_MAX_PAGES ((SET_BASE - TABLE_BASE) / 4u)
#define CLOCK_HZ 3579545u

typedef enum { PATTERN_UNIFORM, PATTERN_CYCLIC, PATTERN_PHASED, PATTERN_ZIPF } guest_pattern;
typedef enum { CONTENT_WORD, CONTENT_PAGE, CONTENT_FLAT } guest_content;

typedef struct guest_options guest_options;
struct guest_options {
    uint32_t set_mib;      /* working set, MiB */
    uint32_t rate_pages;   /* pages dirtied a second */
    uint32_t beat_ms;      /* 1..50: period of the timer, and of the beats */
    uint32_t phase_ms;     /* PATTERN_PHASED: length of the busy and of the calm phase */
    uint32_t seed;         /* of the contents and of the choice of pages */
    bool fill_all;         /* fill the memory beyond the working set, too */
    bool disk;             /* there is a disk to write to */
    guest_pattern pattern;
    guest_content content;
};

/* platform.c */
extern volatile uint32_t ticks;
void platform_init(uint32_t beat_ms);
uint64_t platform_clock(void);             /* units of CLOCK_HZ; call it once in 4 s */
uint32_t platform_micros(uint64_t clock);  /* wraps after 71 minutes */
void platform_idle(uint32_t seen_ticks);   /* sleeps unless ticks has moved on */
void platform_forget(const volatile void *address);
void platform_forget_own(void);            /* the pages with the guest's variables and stack */
void serial_char(char c);
int serial_read(void);                     /* -1: nothing there */
uint8_t in8(uint16_t port);
uint16_t in16(uint16_t port);
uint32_t in32(uint16_t port);
void out8(uint16_t port, uint8_t value);
void out16(uint16_t port, uint16_t value);
void out32(uint16_t port, uint32_t value);

/* options.c */
void options_parse(const char *text, guest_options *options);

/* memory.c */
extern uint32_t work;                      /* pages dirtied since the start */
bool memory_init(const guest_options *options, uint32_t memory_kib);
void memory_set_rate(uint32_t rate_pages);
uint32_t memory_due(uint64_t clock);       /* pages to dirty now */
void memory_dirty(uint32_t pages);
void memory_damage(uint32_t page);
void memory_verify_start(void);
bool memory_verify_step(void);             /* true: still running; else the answer was given */

/* disk.c */
#define DISK_SECTORS 64u
bool disk_init(void);
void disk_step(void);
bool disk_sector_good(uint32_t sector);

/* beat.c */
void say(const char *text);
void say_number(uint32_t value);
void beat(uint64_t clock);

uint32_t guest_mix(uint32_t x);

#endif
