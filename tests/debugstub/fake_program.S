# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
#
# What the two vCPUs of the fake target execute: the few instructions that it
# knows. vCPU 0 calls `work` five times, then halts; vCPU 1 counts `other` up.
# `spin` is another beginning for vCPU 0, which does not end.
        .text
        .globl  _start, main, work, second, spin
        .type   _start, @function
_start:
        .cfi_startproc
        .cfi_undefined rip
        call    main
        hlt
        .cfi_endproc
        .size   _start, . - _start

        .type   main, @function
main:
        .cfi_startproc
        push    %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset rbp, -16
        mov     %rsp, %rbp
        .cfi_def_cfa_register rbp
        mov     $5, %rcx
1:
        call    work
        dec     %rcx
        jnz     1b
        mov     $77, %rax
        mov     %rax, result(%rip)
        pop     %rbp
        .cfi_def_cfa rsp, 8
        ret
        .cfi_endproc
        .size   main, . - main

        .type   work, @function
work:
        .cfi_startproc
        push    %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset rbp, -16
        mov     %rsp, %rbp
        .cfi_def_cfa_register rbp
        mov     counter(%rip), %rax
        inc     %rax
        mov     %rax, counter(%rip)
        nop
        pop     %rbp
        .cfi_def_cfa rsp, 8
        ret
        .cfi_endproc
        .size   work, . - work

        .type   second, @function
second:
        .cfi_startproc
        .cfi_undefined rip
        mov     other(%rip), %rdx
        inc     %rdx
        mov     %rdx, other(%rip)
        nop
        jmp     second
        .cfi_endproc
        .size   second, . - second

        .type   spin, @function
spin:
        .cfi_startproc
        .cfi_undefined rip
        inc     %rax
        jmp     spin
        .cfi_endproc
        .size   spin, . - spin

        .data
        .balign 8
        .globl  counter, other, result
        .type   counter, @object
        .type   other, @object
        .type   result, @object
counter:
        .quad   100
        .size   counter, 8
other:
        .quad   0
        .size   other, 8
result:
        .quad   0
        .size   result, 8
        .section .note.GNU-stack, "", @progbits
