/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * start.S: the first instructions of the lab's guest, and its interrupt stubs.
 *
 * A Multiboot 1 loader enters at guest_start in 32-bit protected mode, flat
 * segments, paging and interrupts off. Everything else is C.
 */
#define STACK_BYTES 16384

        .section .multiboot, "a"
        .align 4
        .long 0x1BADB002                /* magic */
        .long 0x00000002                /* flags: we want the memory size */
        .long -(0x1BADB002 + 0x00000002)

        .section .bss
        .align 16
        .skip STACK_BYTES
stack_top:

        .section .rodata
        .align 8
gdt:    .quad 0
        .quad 0x00cf9a000000ffff        /* 0x08: code, flat */
        .quad 0x00cf92000000ffff        /* 0x10: data, flat */
gdt_pointer:
        .word . - gdt - 1
        .long gdt

        .text
        .global guest_start
guest_start:
        movl $stack_top, %esp
        lgdt gdt_pointer
        ljmp $0x08, $1f
1:      movw $0x10, %cx
        movw %cx, %ds
        movw %cx, %es
        movw %cx, %ss
        pushl %ebx                      /* address of the Multiboot information */
        pushl %eax                      /* magic of the loader */
        call guest_main
2:      cli
        hlt
        jmp 2b

        /* Each tick of the timer: count it, acknowledge it. */
        .global irq_timer
irq_timer:
        pushl %eax
        incl ticks
        movb $0x20, %al
        outb %al, $0x20
        popl %eax
        iret

        /* Any exception: say so and stop. */
        .global trap
trap:
        cli
        call guest_trap

        .section .note.GNU-stack, "", @progbits
