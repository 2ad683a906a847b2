# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
#
# Waits for an interrupt that never comes: a machine with nothing to do and
# nobody to talk to has to end here.
#include "guest.inc"

.text
guest_main:
  mov $message, %esi
  call put_string
  sti
1:
  hlt
  jmp 1b

.section .rodata
message:
  .asciz "idling\n"
