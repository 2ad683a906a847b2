# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
#
# Enters ACPI S5, as the FADT and \_S5 say.
#include "guest.inc"

.text
guest_main:
  mov $message, %esi
  call put_string
  mov $0x604, %edx           # PM1a control
  mov $(5 << 10 | 1 << 13), %eax
  out %ax, %dx
  mov $1, %al
  ret

.section .rodata
message:
  .asciz "good night\n"
