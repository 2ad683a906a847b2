# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
#
# Stops the CPU with interrupts off.
#include "guest.inc"

.text
guest_main:
  mov $message, %esi
  call put_string
  cli
  hlt
  mov $1, %al
  ret

.section .rodata
message:
  .asciz "halting\n"
