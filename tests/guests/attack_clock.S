# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
#
# Sleeps until just before the end of virtual time, and goes on: the local
# APIC's timer in TSC-deadline mode, with the largest deadline.
#include "guest.inc"

.set VECTOR, 0x40

.text
guest_main:
  mov $VECTOR, %eax
  mov $wake, %ebx
  call set_gate
  lidt idt_pointer
  movl $0x1ff, 0xfee000f0
  movl $(0x40000 | VECTOR), 0xfee00320
  mov $0x6e0, %ecx
  mov $-1, %edx
  mov $-16, %eax
  wrmsr
  sti
  hlt
  cli
  mov $10000, %ecx
1:
  in $0x80, %al
  dec %ecx
  jnz 1b
  mov $message, %esi
  call put_string
  mov $0, %al
  ret

wake:
  movl $0, 0xfee000b0
  iret

.section .rodata
message:
  .asciz "slept for centuries\n"
