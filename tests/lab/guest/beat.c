/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * beat.c: what the guest says on its serial line.
 *
 * A beat is "B SEQUENCE MICROSECONDS WORK SUM", hexadecimal, where SUM is the exclusive or
 * of the three numbers: a line mended from two halves, or cut, is found by it. All other
 * lines begin with another letter.
 */
#include "guest.h"

static void
say_hex(uint32_t value)
{
    int shift = 28;

    while (shift > 0 && (value >> shift) == 0)
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        serial_char("0123456789abcdef"[(value >> shift) & 15u]);
}

void
say(const char *text)
{
    for (; *text != '\0'; text++)
        serial_char(*text);
}

void
say_number(uint32_t value)
{
    char digits[10];
    unsigned int n = 0;

    do {
        digits[n++] = (char)('0' + value % 10u);
        value /= 10u;
    } while (value > 0);
    while (n > 0)
        serial_char(digits[--n]);
}

void
beat(uint64_t clock)
{
    static uint32_t sequence;
    uint32_t micros = platform_micros(clock);

    say("B ");
    say_hex(++sequence);
    serial_char(' ');
    say_hex(micros);
    serial_char(' ');
    say_hex(work);
    serial_char(' ');
    say_hex(sequence ^ micros ^ work);
    serial_char('\n');
}
