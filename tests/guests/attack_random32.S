# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
#
# Executes random bytes (RDRAND, so the seed decides) at the highest privilege;
# every exception, and an NMI each 3 us, begins with new ones.
#include "guest.inc"
#include "exceptions.inc"

.set CODE_SIZE, 64

.text
guest_main:
  call catch_exceptions
  movl $attempt, resume
  mov %cr4, %eax
  or $0x200, %eax            # OSFXSR
  mov %eax, %cr4
  # The PIT interrupts as an NMI, through input 2 of the I/O APIC.
  mov $0x34, %al
  out %al, $0x43
  mov $4, %al
  out %al, $0x40
  mov $0, %al
  out %al, $0x40
  movl $0x1ff, 0xfee000f0
  movl $0x15, 0xfec00000
  movl $0, 0xfec00010
  movl $0x14, 0xfec00000
  movl $0x400, 0xfec00010
attempt:
  mov $(CODE_SIZE / 4), %ecx
1:
  rdrand %eax
  mov %eax, code - 4(, %ecx, 4)
  dec %ecx
  jnz 1b
  # No HLT: it would end most runs early.
  mov $CODE_SIZE, %ecx
2:
  cmpb $0xf4, code - 1(%ecx)
  jne 3f
  decb code - 1(%ecx)
3:
  dec %ecx
  jnz 2b
  rdrand %eax
  rdrand %ecx
  mov $scratch, %ebx
  lea 64(%ebx), %edx
  lea 128(%ebx), %esi
  lea 192(%ebx), %edi
  lea 256(%ebx), %ebp
  and $0x0fffffff, %ecx
  jmp code

.bss
.balign 4096
  .skip 4096 - CODE_SIZE / 2
code:
  .skip CODE_SIZE
.balign 4096
scratch:
  .skip 4096
