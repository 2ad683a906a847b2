# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
#
# Prints a line and exits with code 0.
#include "guest.inc"

.text
guest_main:
  mov $message, %esi
  call put_string
  mov $0, %al
  ret

.section .rodata
message:
  .asciz "hello from a bare machine\n"
