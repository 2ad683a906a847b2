# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
#
# Prints four numbers of RDRAND and four of RDSEED; exit code 1 if the CPU has
# none to give.
#include "guest.inc"

.text
guest_main:
  mov $4, %edi
1:
  rdrand %ebx
  jnc 3f
  call put_number
  dec %edi
  jnz 1b
  mov $4, %edi
2:
  rdseed %ebx
  jnc 3f
  call put_number
  dec %edi
  jnz 2b
  mov $0, %al
  ret
3:
  mov $message, %esi
  call put_string
  mov $1, %al
  ret

put_number:
  call put_hex
  mov $'\n', %al
  jmp put_char

.section .rodata
message:
  .asciz "no number\n"
