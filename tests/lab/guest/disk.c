/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * disk.c: the guest's disk, by programmed input and output on the first IDE channel.
 *
 * A few sectors are written over and over, one at a time; each holds its number, its
 * generation and pseudo-random words that follow from both. The generations are kept in
 * memory, so a disk and a memory from different moments contradict each other.
 */
#include "guest.h"

#define IDE 0x1f0
#define IDE_CONTROL 0x3f6
#define STATUS_BUSY 0x80
#define STATUS_DATA 0x08
#define STATUS_ERROR 0x21
#define SECTOR_WORDS 256u
#define SECTOR_STRIDE 16u /* spread, so that more than one cluster is dirty */
#define WAIT_LOOPS 4000000u

static uint32_t generations[DISK_SECTORS];
static uint32_t turn;
static bool present;
static bool failed;

static bool
wait_status(uint8_t set)
{
    for (uint32_t i = 0; i < WAIT_LOOPS; i++) {
        uint8_t status = in8(IDE + 7);

        if (status == 0xff)
            return false;
        if ((status & STATUS_BUSY) == 0 && (status & set) == set)
            return (status & STATUS_ERROR) == 0;
    }
    return false;
}

static bool
command(uint8_t code, uint32_t sector)
{
    uint32_t lba = sector * SECTOR_STRIDE;

    out8(IDE + 6, (uint8_t)(0xe0u | ((lba >> 24) & 15u)));
    out8(IDE + 2, 1);
    out8(IDE + 3, (uint8_t)lba);
    out8(IDE + 4, (uint8_t)(lba >> 8));
    out8(IDE + 5, (uint8_t)(lba >> 16));
    out8(IDE + 7, code);
    return wait_status(STATUS_DATA);
}

/* The first of a sector's words; the next ones follow by next_word(). */
static uint32_t
first_word(uint32_t sector)
{
    return guest_mix(sector ^ (generations[sector] << 8));
}

static uint32_t
next_word(uint32_t word)
{
    return word * 1664525u + 1013904223u;
}

static bool
sector_write(uint32_t sector)
{
    uint32_t word = first_word(sector);

    if (!command(0x30, sector))
        return false;
    for (uint32_t i = 0; i < SECTOR_WORDS; i++, word = next_word(word))
        out16(IDE, (uint16_t)(word >> 16));
    return true;
}

bool
disk_init(void)
{
    out8(IDE_CONTROL, 2); /* no interrupts */
    for (uint32_t i = 0; i < DISK_SECTORS; i++) {
        if (!wait_status(0) || !sector_write(i) || !wait_status(0))
            return false;
    }
    present = true;
    return true;
}

/* One sector more; does nothing while the last one is on its way. */
void
disk_step(void)
{
    if (!present || failed || (in8(IDE + 7) & STATUS_BUSY) != 0)
        return;
    turn = (turn + 1u) % DISK_SECTORS;
    generations[turn]++;
    failed = !sector_write(turn);
}

bool
disk_sector_good(uint32_t sector)
{
    uint32_t word = first_word(sector);
    uint32_t wrong = 0;

    if (failed || !wait_status(0) || !command(0x20, sector))
        return false;
    for (uint32_t i = 0; i < SECTOR_WORDS; i++, word = next_word(word))
        wrong |= (uint32_t)in16(IDE) ^ (word >> 16);
    return wrong == 0;
}
