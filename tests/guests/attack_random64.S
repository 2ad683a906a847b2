# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
#
# Executes random bytes (RDRAND, so the seed decides) in 64-bit mode at the
# highest privilege; every exception, and an NMI each 3 us, begins with new
# ones, on a stack of its own.
#include "guest.inc"

.set CODE_SIZE, 64
.set IDT64_SIZE, 32 * 16
.set TSS64, 0x20

.text
guest_main:
  # The low 1 GiB by 2 MiB pages, and the devices' last GiB below 4 GiB.
  movl $(pointers + 3), top
  movl $(directory + 3), pointers
  movl $0xc0000083, pointers + 8 * 3
  mov $512, %ecx
1:
  dec %ecx
  mov %ecx, %eax
  shl $21, %eax
  or $0x83, %eax
  mov %eax, directory(, %ecx, 8)
  test %ecx, %ecx
  jnz 1b
  mov $32, %ecx
2:
  dec %ecx
  mov %ecx, %edx
  shl $4, %edx
  mov $caught, %eax
  mov %ax, idt64(%edx)
  movw $CODE64, idt64 + 2(%edx)
  movw $0x8e01, idt64 + 4(%edx)  # interrupt gate, stack IST1
  shr $16, %eax
  mov %ax, idt64 + 6(%edx)
  test %ecx, %ecx
  jnz 2b
  mov %cr4, %eax
  or $0x220, %eax            # PAE, OSFXSR
  mov %eax, %cr4
  mov $top, %eax
  mov %eax, %cr3
  mov $0xc0000080, %ecx
  rdmsr
  or $0x901, %eax            # SCE, LME, NXE
  wrmsr
  mov %cr0, %eax
  or $0x80000000, %eax
  mov %eax, %cr0
  ljmp $CODE64, $1f
.code64
1:
  mov $gdt64_pointer, %eax
  lgdt (%rax)
  mov $idt64_pointer, %eax
  lidt (%rax)
  mov $tss64, %ebx
  mov $tss64_descriptor, %eax
  mov %bx, 2(%rax)
  mov %ebx, %ecx
  shr $16, %ecx
  mov %cl, 4(%rax)
  movl $stack_top, 36(%rbx)  # IST1
  mov $TSS64, %eax
  ltr %ax
  mov $0x34, %al
  out %al, $0x43
  mov $4, %al
  out %al, $0x40
  mov $0, %al
  out %al, $0x40
  mov $0xfee000f0, %ebx
  movl $0x1ff, (%rbx)
  mov $0xfec00000, %ebx
  movl $0x14, (%rbx)
  movl $0x400, 0x10(%rbx)
  movl $0x15, (%rbx)
  movl $0, 0x10(%rbx)
  jmp attempt

caught:
  mov $stack_top, %esp
  mov %rsp, %rbx
  pushq $DATA32
  push %rbx
  pushq $2
  pushq $CODE64
  mov $attempt, %eax
  push %rax
  iretq

attempt:
  mov $(CODE_SIZE / 8), %ecx
  mov $code, %edi
1:
  rdrand %rax
  mov %rax, -8(%rdi, %rcx, 8)
  dec %ecx
  jnz 1b
  # No HLT: it would end most runs early.
  mov $CODE_SIZE, %ecx
2:
  cmpb $0xf4, -1(%rdi, %rcx)
  jne 3f
  decb -1(%rdi, %rcx)
3:
  dec %ecx
  jnz 2b
  rdrand %rax
  mov $scratch, %ebx
  lea 64(%rbx), %rdx
  lea 128(%rbx), %rsi
  lea 192(%rbx), %rdi
  lea 256(%rbx), %rbp
  mov $100, %ecx
  lea 64(%rbx), %r8
  mov %rax, %r9
  mov $-1, %r10
  jmp code
.code32

.section .rodata
.balign 8
idt64_pointer:
  .word IDT64_SIZE - 1
  .long idt64, 0
gdt64_pointer:
  .word gdt64_end - gdt64 - 1
  .long gdt64, 0

.data
.balign 8
gdt64:
  .quad 0
  .quad 0x00cf9b000000ffff
  .quad 0x00cf93000000ffff
  .quad 0x00af9b000000ffff
tss64_descriptor:            # its base is filled in
  .quad 0x0000890000000067, 0
gdt64_end:

.bss
.balign 4096
top:
  .skip 4096
pointers:
  .skip 4096
directory:
  .skip 4096
idt64:
  .skip IDT64_SIZE
tss64:
  .skip 104
.balign 4096
  .skip 4096 - CODE_SIZE / 2
code:
  .skip CODE_SIZE
.balign 4096
scratch:
  .skip 4096
