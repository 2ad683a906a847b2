# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
#
# Faults for ever: the handler returns to the instruction that faulted.
#include "guest.inc"

.text
guest_main:
  mov $6, %eax
  mov $invalid_opcode, %ebx
  call set_gate
  lidt idt_pointer
  mov $message, %esi
  call put_string
  ud2

invalid_opcode:
  incl faults
  iret

.bss
.align 4
faults:
  .skip 4

.section .rodata
message:
  .asciz "faulting for ever\n"
