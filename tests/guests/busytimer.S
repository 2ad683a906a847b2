# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
#
# Computes with interrupts on, some of it in REP instructions, while the PIT
# interrupts every 10 us; after 30 interrupts prints a checksum, into which each
# interrupt has mixed what it interrupted.
#include "guest.inc"

.set TIMER_VECTOR, FIRST_IRQ_VECTOR + 0
.set PIT_CHANNEL0, 0x40
.set PIT_COMMAND, 0x43
.set DIVISOR, 12             # 1193182 Hz / 12: 10 us
.set BUFFER_SIZE, 1500       # bytes, across a page boundary

.text
guest_main:
  mov $TIMER_VECTOR, %eax
  mov $timer_interrupt, %ebx
  call set_gate
  mov $0xfe, %bl
  call start_interrupts
  mov $0x34, %al             # channel 0, both bytes, rate generator
  out %al, $PIT_COMMAND
  mov $(DIVISOR & 0xff), %al
  out %al, $PIT_CHANNEL0
  mov $(DIVISOR >> 8), %al
  out %al, $PIT_CHANNEL0
  mov $0x12345, %ebp
  sti
1:
  imul $0x5851f42d, %ebp, %ebp
  add $0x14057b7f, %ebp
  mov %ebp, %eax
  mov $first, %edi
  mov $BUFFER_SIZE, %ecx
  rep stosb
  mov $first, %esi
  mov $second, %edi
  mov $BUFFER_SIZE, %ecx
  rep movsb
  mov $(second + BUFFER_SIZE - 4), %esi
  add (%esi), %ebp
  cmpl $30, ticks
  jb 1b
  cli
  mov $message, %esi
  call put_string
  mov checksum, %ebx
  call put_hex
  mov $newline, %esi
  call put_string
  mov $0, %al
  ret

timer_interrupt:
  pusha
  incl ticks
  mov checksum, %eax
  rol $5, %eax
  xor 32(%esp), %eax         # where it was
  xor %ecx, %eax             # and how far in a REP instruction
  xor %ebp, %eax
  mov %eax, checksum
  mov $0x20, %al
  out %al, $PIC1_COMMAND
  popa
  iret

.bss
.align 4096
  .skip 4096 - 700
first:
  .skip 4096
second:
  .skip 4096
ticks:
  .skip 4
checksum:
  .skip 4

.section .rodata
message:
  .asciz "checksum: "
newline:
  .asciz "\n"
