# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
#
# Code and data at the end of RAM and where there is none: instructions that
# run off the end, accesses and string moves across it, a stack on it.
#include "guest.inc"
#include "exceptions.inc"

.text
guest_main:
  # The Multiboot information: KiB above 1 MiB.
  mov 8(%ebx), %eax
  shl $10, %eax
  add $0x100000, %eax
  mov %eax, end_of_ram
  call catch_exceptions

  # Two instructions, and then nothing.
  mov end_of_ram, %edi
  movw $0x4040, -2(%edi)
  movl $1f, resume
  lea -2(%edi), %eax
  jmp *%eax
1:
  # An instruction of which only the beginning is there.
  mov end_of_ram, %edi
  movw $0x01b8, -2(%edi)
  movl $2f, resume
  lea -2(%edi), %eax
  jmp *%eax
2:
  # Loops at the very end; each round runs off it.
  mov $50, %ecx
  mov %ecx, round
3:
  mov end_of_ram, %edi
  movl $4f, resume
  mov round, %eax
  mov %eax, -5(%edi)         # data that is executed as it comes
  movb $0x90, -1(%edi)
  lea -1(%edi), %eax
  jmp *%eax
4:
  decl round
  jnz 3b

  # Accesses across the end.
  mov end_of_ram, %edi
  movl $0x11223344, -2(%edi)
  mov -2(%edi), %eax
  add %eax, sum
  mov 2(%edi), %eax
  add %eax, sum
  add %eax, -3(%edi)
  lock xadd %eax, -1(%edi)
  add %eax, sum
  # String moves across it, up and down.
  lea -64(%edi), %edi
  mov $128, %ecx
  mov $0x5a, %al
  rep stosb
  mov end_of_ram, %esi
  sub $32, %esi
  mov $buffer, %edi
  mov $64, %ecx
  rep movsb
  std
  mov end_of_ram, %edi
  add $40, %edi
  mov $80, %ecx
  mov $0xa5, %al
  rep stosb
  cld
  mov end_of_ram, %edi
  sub $40, %edi
  mov $100, %ecx
  mov $0xa5, %al
  repe scasb
  add %ecx, sum

  # A stack across the end: what is pushed beyond floats when it is popped.
  mov %esp, saved_stack
  mov end_of_ram, %esp
  add $6, %esp
  push $0x12345678
  push $0x12345678
  push $0x12345678
  pop %eax
  add %eax, sum
  pop %eax
  add %eax, sum
  pop %eax
  add %eax, sum
  # An exception's frame there.
  mov end_of_ram, %esp
  add $4, %esp
  movl $5f, resume
  ud2
5:
  # Where there is nothing at all.
  movl $6f, resume
  mov $0xd0000000, %eax
  jmp *%eax
6:
  movl $7f, resume
  mov $0xfffffff0, %eax
  jmp *%eax
7:
  movl $9f, resume
  mov 0xfffffffe, %eax       # across 4 GiB, which is the segment's limit
9:
  movl $8f, resume
  mov $0xfee00000, %eax      # the local APIC is no code
  jmp *%eax
8:
  mov $message, %esi
  call put_string
  mov sum, %ebx
  call put_hex
  mov $newline, %esi
  call put_string
  call report_exceptions
  mov $0, %al
  jmp exit                   # the stack has been emptied

.bss
.balign 4
end_of_ram:
  .skip 4
round:
  .skip 4
sum:
  .skip 4
saved_stack:
  .skip 4
buffer:
  .skip 64

.section .rodata
message:
  .asciz "edge: "
newline:
  .asciz "\n"
