# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
#
# Enters 64-bit mode with the low 1 GiB mapped by 2 MiB pages, works on memory
# with REP MOVS and STOS, and prints a checksum.
#include "guest.inc"

.set ROUNDS, 64
.set BUFFER_SIZE, 0x8000

.text
guest_main:
  movl $(pointers + 3), top
  movl $(directory + 3), pointers
  mov $512, %ecx
1:
  dec %ecx
  mov %ecx, %eax
  shl $21, %eax
  or $0x83, %eax             # present, writable, 2 MiB
  mov %eax, directory(, %ecx, 8)
  test %ecx, %ecx
  jnz 1b

  mov %cr4, %eax
  or $0x20, %eax             # PAE
  mov %eax, %cr4
  mov $top, %eax
  mov %eax, %cr3
  mov $0xc0000080, %ecx      # EFER
  rdmsr
  or $0x100, %eax            # LME
  wrmsr
  mov %cr0, %eax
  or $0x80000000, %eax       # PG
  mov %eax, %cr0
  ljmp $CODE64, $work

back_in_32:
  mov %ebp, %ebx
  mov $message, %esi
  call put_string
  call put_hex
  mov $newline, %esi
  call put_string
  mov $0, %al
  ret

.code64
work:
  xor %ebp, %ebp
  mov $0x123456789abcdef, %rax
  mov $ROUNDS, %r15d
1:
  # A new pattern in the first half, from a multiplicative generator.
  mov $first, %edi
  mov $(BUFFER_SIZE / 8), %ecx
2:
  imul $0x5851f42d, %rax, %rax
  add $0x14057b7f, %rax
  mov %rax, (%rdi)
  add $8, %rdi
  dec %ecx
  jnz 2b

  # Copies by quadwords and, at odd addresses, by bytes; then overwrites a
  # part, so that every REP form leaves its mark in the sum.
  mov $first, %esi
  mov $second, %edi
  mov $(BUFFER_SIZE / 8), %ecx
  rep movsq
  mov $(first + 1), %esi
  mov $(second + 3), %edi
  mov $(BUFFER_SIZE / 2), %ecx
  rep movsb
  mov %rax, %r8
  mov $(second + 0x1001), %edi
  mov $0x7ff, %ecx
  rep stosb
  mov %r8, %rax

  mov $second, %esi
  mov $(BUFFER_SIZE / 8), %ecx
3:
  add (%rsi), %rbp
  rol $5, %rbp
  add $8, %rsi
  dec %ecx
  jnz 3b
  dec %r15d
  jnz 1b

  # Folds the sum to 32 bits and goes back to compatibility mode, where the
  # 32-bit routines print it.
  mov %rbp, %rax
  shr $32, %rax
  xor %eax, %ebp
  mov $back_in_32, %eax
  pushq $CODE32
  push %rax
  lretq
.code32

.bss
.align 4096
top:
  .skip 4096
pointers:
  .skip 4096
directory:
  .skip 4096
first:
  .skip BUFFER_SIZE
second:
  .skip BUFFER_SIZE

.section .rodata
message:
  .asciz "checksum: "
newline:
  .asciz "\n"
