/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * memory.c: the working set: filled once, dirtied at a rate, checked on request.
 *
 * Word 0 of a page is its generation, word 1 its number, the rest pseudo-random and so not
 * compressible. The generations are kept a second time in a table elsewhere, and their sum is
 * the work count: a page, a piece of the table or the count that a migration left behind
 * in an older state contradicts the other two.
 */
#include "guest.h"

#define VERIFY_PAGES 4u /* in one step, so that beats go on meanwhile */

uint32_t work;

static uint32_t *const table = (uint32_t *)TABLE_BASE;
static guest_options opt;
static uint32_t set_pages;
static uint32_t random_state;
static uint32_t cycle_next;
static uint64_t due_since; /* clock up to which work was handed out */
static uint32_t due_rest;  /* what the last division left */

static struct {
    uint32_t next;        /* page */
    uint32_t sum;         /* of the table */
    uint32_t bad;
    uint32_t first_bad;
    uint32_t next_sector;
    uint32_t bad_sectors;
} verify;

static uint32_t *
page_words(uint32_t page)
{
    return (uint32_t *)(uintptr_t)(SET_BASE + page * PAGE_BYTES);
}

/* A good mixer of 32 bits (two rounds of multiply and shift). */
uint32_t
guest_mix(uint32_t x)
{
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    return x ^ (x >> 16);
}

/* The seed of a page's contents, and what is added from word to word. */
static uint32_t
page_seed(uint32_t page, uint32_t generation, uint32_t *step)
{
    *step = opt.content == CONTENT_FLAT ? 0 : 1013904223u;
    if (opt.content == CONTENT_WORD)
        generation = 0;
    return guest_mix(opt.seed ^ guest_mix(page ^ guest_mix(generation)));
}

static void
page_write(uint32_t page, uint32_t generation)
{
    uint32_t *words = page_words(page);
    uint32_t step;
    uint32_t x = page_seed(page, generation, &step);
    uint32_t factor = step == 0 ? 1 : 1664525u;

    words[0] = generation;
    words[1] = page;
    for (uint32_t i = 2; i < PAGE_WORDS; i++) {
        x = x * factor + step;
        words[i] = x ^ (x >> 15);
    }
}

static bool
page_good(uint32_t page)
{
    const uint32_t *words = page_words(page);
    uint32_t step;
    uint32_t x = page_seed(page, table[page], &step);
    uint32_t factor = step == 0 ? 1 : 1664525u;
    uint32_t wrong = (words[0] ^ table[page]) | (words[1] ^ page);

    for (uint32_t i = 2; i < PAGE_WORDS; i++) {
        x = x * factor + step;
        wrong |= words[i] ^ x ^ (x >> 15);
    }
    return wrong == 0;
}

/* The dirty pages may be collected between the writes and the forgetting: a touch afterwards finds the page clean then. */
static void
forget_and_touch(uint32_t *word)
{
    volatile uint32_t *touched = word;

    platform_forget(touched);
    *touched = *touched;
    platform_forget(touched);
}

static void
page_dirty(uint32_t page)
{
    uint32_t generation = ++table[page];

    if (opt.content == CONTENT_WORD)
        page_words(page)[0] = generation;
    else
        page_write(page, generation);
    work++;
    forget_and_touch(page_words(page));
    forget_and_touch(&table[page]);
    forget_and_touch(&work);
    platform_forget_own();
}

static uint32_t
random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return (uint32_t)(((uint64_t)random_state * limit) >> 32);
}

/* Page N is chosen about 1/N of the time: first the power of two, then a page within. */
static uint32_t
random_zipf(void)
{
    uint32_t bits = 32u - (uint32_t)__builtin_clz(set_pages);
    uint32_t base = 1u << random_below(bits);
    uint32_t page = base + random_below(base) - 1u;

    return page < set_pages ? page : random_below(set_pages);
}

static uint32_t
page_choose(void)
{
    if (opt.pattern == PATTERN_CYCLIC) {
        if (cycle_next >= set_pages)
            cycle_next = 0;
        return cycle_next++;
    }
    return opt.pattern == PATTERN_ZIPF ? random_zipf() : random_below(set_pages);
}

static void
fill_rest(uint32_t memory_kib)
{
    uint32_t pages = (memory_kib + 1024u - 64u) / 4u - SET_BASE / PAGE_BYTES;

    for (uint32_t i = set_pages; i < pages; i++)
        page_write(i, 0);
}

bool
memory_init(const guest_options *options, uint32_t memory_kib)
{
    opt = *options;
    set_pages = opt.set_mib * 256u;
    if (set_pages > SET_MAX_PAGES || set_pages * 4u + SET_BASE / 1024u > memory_kib + 1024u - 64u)
        return false;

    random_state = guest_mix(opt.seed) | 1u;
    for (uint32_t i = 0; i < set_pages; i++) {
        table[i] = 0;
        page_write(i, 0);
    }
    if (opt.fill_all)
        fill_rest(memory_kib);
    due_since = platform_clock();
    return true;
}

void
memory_set_rate(uint32_t rate_pages)
{
    opt.rate_pages = rate_pages;
    due_rest = 0;
}

static bool
phase_calm(uint64_t clock)
{
    uint32_t millis = platform_micros(clock) / 1000u;

    return opt.pattern == PATTERN_PHASED && (millis / opt.phase_ms) % 2u == 1u;
}

/*
 * What was missed beyond 100 ms is given up: the writer is late then, not bursting. The
 * division is the processor's own, 64 by 32 bits: C's would need a library.
 */
uint32_t
memory_due(uint64_t clock)
{
    uint64_t span = clock - due_since;
    uint64_t owed;
    uint32_t pages;

    due_since = clock;
    if (set_pages == 0 || opt.rate_pages == 0 || phase_calm(clock))
        return 0;
    if (span > CLOCK_HZ / 10u)
        span = CLOCK_HZ / 10u;
    owed = span * opt.rate_pages + due_rest;
    __asm__("divl %4" : "=a"(pages), "=d"(due_rest)
            : "a"((uint32_t)owed), "d"((uint32_t)(owed >> 32)), "r"(CLOCK_HZ) : "cc");
    return pages;
}

void
memory_dirty(uint32_t pages)
{
    while (pages-- > 0)
        page_dirty(page_choose());
}

void
memory_damage(uint32_t page)
{
    if (page < set_pages)
        page_words(page)[PAGE_WORDS / 2u] ^= 1u;
}

void
memory_verify_start(void)
{
    verify.next = verify.sum = verify.bad = verify.first_bad = 0;
    verify.next_sector = verify.bad_sectors = 0;
}

static void
say_field(const char *name, uint32_t value)
{
    say(name);
    say_number(value);
}

static void
verify_answer(void)
{
    bool good = verify.bad == 0 && verify.bad_sectors == 0 && verify.sum == work;

    say(good ? "V ok" : "V bad");
    say_field(" pages=", set_pages);
    say_field(" work=", work);
    say_field(" counted=", verify.sum);
    say_field(" badpages=", verify.bad);
    say_field(" firstbad=", verify.first_bad);
    say_field(" sectors=", verify.next_sector);
    say_field(" badsectors=", verify.bad_sectors);
    serial_char('\n');
}

bool
memory_verify_step(void)
{
    for (uint32_t i = 0; i < VERIFY_PAGES && verify.next < set_pages; i++, verify.next++) {
        verify.sum += table[verify.next];
        if (page_good(verify.next))
            continue;
        if (verify.bad++ == 0)
            verify.first_bad = verify.next;
    }
    if (verify.next < set_pages)
        return true;
    if (opt.disk && verify.next_sector < DISK_SECTORS) {
        if (!disk_sector_good(verify.next_sector++))
            verify.bad_sectors++;
        return true;
    }
    verify_answer();
    return false;
}
