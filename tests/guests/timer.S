# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
#
# Counts ten interrupts of the PIT at 100 Hz and prints the count.
#include "guest.inc"

.set TIMER_VECTOR, FIRST_IRQ_VECTOR + 0
.set PIT_CHANNEL0, 0x40
.set PIT_COMMAND, 0x43
.set DIVISOR, 11932          # 1193182 Hz / 100

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
1:
  cli
  cmpl $10, ticks
  jae 2f
  sti
  hlt
  jmp 1b
2:
  mov $message, %esi
  call put_string
  mov ticks, %ebx
  call put_hex
  mov $newline, %esi
  call put_string
  mov $0, %al
  ret

timer_interrupt:
  push %eax
  incl ticks
  mov $0x20, %al
  out %al, $PIC1_COMMAND
  pop %eax
  iret

.bss
.align 4
ticks:
  .skip 4

.section .rodata
message:
  .asciz "ticks: "
newline:
  .asciz "\n"
