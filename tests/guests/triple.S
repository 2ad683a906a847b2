# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
#
# Faults with an empty interrupt table: #UD cannot be delivered, nor can the
# double fault that follows.
#include "guest.inc"

.text
guest_main:
  mov $message, %esi
  call put_string
  lidt empty_idt
  ud2

.section .rodata
empty_idt:
  .word 0
  .long 0
message:
  .asciz "faulting\n"
