# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
#
# Resets the machine by a port that the seed (RDRAND) chooses.
#include "guest.inc"

.text
guest_main:
  rdrand %ebx
  and $3, %ebx
  lea '0'(%ebx), %eax
  call put_char
  cmp $1, %ebx
  jb 1f
  je 2f
  mov $0xcf9, %edx           # two ways: both values of bit 1
  lea (%ebx, %ebx), %eax
  and $2, %eax
  out %al, %dx
  or $4, %al
  out %al, %dx
1:
  mov $0xfe, %al             # the keyboard controller
  out %al, $0x64
2:
  mov $0x01, %al             # port 0x92
  out %al, $0x92
  mov $1, %al
  ret
