/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * platform.c: the PC that the guest runs on: ports, interrupts, timer, clock, serial line.
 *
 * The timer (PIT channel 0) wakes the processor, once for each beat. The clock is the ACPI
 * power management timer, of known and constant frequency; like the timer it stands still
 * while the guest is stopped, and it is migrated.
 */
#include "guest.h"

#define COM1 0x3f8
#define PIT_HZ 1193182u
#define PCI_ADDRESS 0xcf8
#define PCI_DATA 0xcfc
#define PIIX4_PM 0x80000b00u /* bus 0, device 1, function 3 */

typedef struct gate gate;
struct gate {
    uint16_t low;
    uint16_t selector;
    uint16_t type;
    uint16_t high;
};

volatile uint32_t ticks;
static gate idt[48];
static uint16_t clock_port = 0x608;
static uint64_t clock_total;
static uint32_t clock_last;

extern void irq_timer(void);
extern void trap(void);

uint8_t
in8(uint16_t port)
{
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

uint16_t
in16(uint16_t port)
{
    uint16_t value;

    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

uint32_t
in32(uint16_t port)
{
    uint32_t value;

    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

void
out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

void
out16(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

void
out32(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

/*
 * QEMU's software emulation before 9.0 forgets, when it collects the dirty pages for a
 * migration, that its own translation cache lets the guest go on writing to them unseen:
 * what is written to a page through an entry that is older than the collection is lost.
 * Entries that are dropped after each use do not get old.
 */
void
platform_forget(const volatile void *address)
{
    __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

void
platform_forget_own(void)
{
    volatile char *stack = __builtin_frame_address(0);

    platform_forget(stack);
    platform_forget(stack + PAGE_BYTES);
    platform_forget(&ticks);
    platform_forget(&work);
}

static void
gate_set(unsigned int vector, void (*handler)(void))
{
    uint32_t address = (uint32_t)(uintptr_t)handler;

    idt[vector].low = (uint16_t)address;
    idt[vector].high = (uint16_t)(address >> 16);
    idt[vector].selector = 0x08;
    idt[vector].type = 0x8e00;
}

static void
interrupts_init(void)
{
    struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) pointer = { sizeof(idt) - 1, (uint32_t)(uintptr_t)idt };

    for (unsigned int i = 0; i < 48; i++)
        gate_set(i, trap);
    gate_set(32, irq_timer);
    __asm__ volatile("lidt %0" : : "m"(pointer));

    out8(0x20, 0x11);                    /* both PICs: initialise, vectors 32 and 40 */
    out8(0xa0, 0x11);
    out8(0x21, 32);
    out8(0xa1, 40);
    out8(0x21, 4);
    out8(0xa1, 2);
    out8(0x21, 1);
    out8(0xa1, 1);
    out8(0x21, 0xfe);                    /* only the timer */
    out8(0xa1, 0xff);
}

static void
timer_init(uint32_t beat_ms)
{
    uint32_t divisor = PIT_HZ / 1000u * beat_ms;

    out8(0x43, 0x34);                    /* channel 0, low then high byte, rate generator */
    out8(0x40, (uint8_t)divisor);
    out8(0x40, (uint8_t)(divisor >> 8));
}

static void
clock_init(void)
{
    uint32_t base;

    out32(PCI_ADDRESS, PIIX4_PM | 0x40u);
    base = in32(PCI_DATA);
    if (base != 0xffffffffu && (base & 0xffc0u) != 0)
        clock_port = (uint16_t)((base & 0xffc0u) + 8u);
    clock_last = in32(clock_port) & 0xffffffu;
}

static void
serial_init(void)
{
    out8(COM1 + 1, 0);                   /* no interrupts */
    out8(COM1 + 3, 0x80);
    out8(COM1 + 0, 1);                   /* 115200 */
    out8(COM1 + 1, 0);
    out8(COM1 + 3, 3);                   /* 8 bits, no parity */
    out8(COM1 + 2, 7);                   /* queues on, and empty */
    out8(COM1 + 4, 3);
}

void
platform_init(uint32_t beat_ms)
{
    interrupts_init();
    serial_init();
    clock_init();
    timer_init(beat_ms);
    __asm__ volatile("sti");
}

uint64_t
platform_clock(void)
{
    uint32_t now = in32(clock_port) & 0xffffffu;

    clock_total += (now - clock_last) & 0xffffffu;
    clock_last = now;
    return clock_total;
}

/* 1000000 / CLOCK_HZ as a binary fraction: no 64-bit division is needed. */
uint32_t
platform_micros(uint64_t clock)
{
    const uint64_t factor = 1199864031ull; /* 2^32 * 1000000 / 3579545 */
    uint64_t low = (clock & 0xffffffffu) * factor;
    uint64_t high = (clock >> 32) * factor;

    return (uint32_t)(high + (low >> 32));
}

void
platform_idle(uint32_t seen_ticks)
{
    __asm__ volatile("cli");
    platform_forget_own();
    if (ticks == seen_ticks)
        __asm__ volatile("sti; hlt");    /* nothing comes between the two: no wake-up is lost */
    else
        __asm__ volatile("sti");
}

/* Never waits for long: a beat that nobody takes is dropped. */
void
serial_char(char c)
{
    static unsigned int room;

    if (room == 0) {
        for (unsigned int i = 0; (in8(COM1 + 5) & 0x20) == 0; i++) {
            if (i == 20000)
                return;
        }
        room = 16;
    }
    room--;
    out8(COM1, (uint8_t)c);
}

int
serial_read(void)
{
    if ((in8(COM1 + 5) & 0x01) == 0)
        return -1;
    return in8(COM1);
}
