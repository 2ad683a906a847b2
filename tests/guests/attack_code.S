# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
#
# Self-modifying code of the kinds that decoders of blocks get wrong: in the
# instruction that executes, in its block, behind a page boundary, by REP, and
# by a copy over itself. Prints a checksum of what was executed.
#include "guest.inc"

.set ROUNDS, 300

.text
guest_main:
  xor %ebp, %ebp
  mov $ROUNDS, %ecx
1:
  push %ecx

  # The next instruction of the same block.
  add %cl, 2f + 1
  xor %ch, 2f + 2
2:
  mov $0x1234, %eax
  add %eax, %ebp
  rol $3, %ebp

  # The instruction itself: it adds to its own immediate.
3:
  addl $0x01010101, 3b + 6
  add 3b + 6, %ebp

  # Behind a page boundary, in an instruction that crosses it.
  incb crossing_end - 1
  call crossing
  add %eax, %ebp

  # STOS over itself: the REP prefix turns into NOP, and what follows into INC
  # EAX, some of which is executed.
  mov $original, %esi
  mov $stos_itself, %edi
  mov $(original_end - original), %ecx
  rep movsb
  mov $stos_itself, %edi
  mov $12, %ecx
  mov $0x40, %al
  call stos_itself
  add %eax, %ebp
  add %ecx, %ebp
  rol $5, %ebp

  # MOVS moves the routine that it is part of, backwards and overlapping.
  mov $movs_original, %esi
  mov $movs_itself, %edi
  mov $(movs_original_end - movs_original), %ecx
  rep movsb
  mov $(movs_itself + 4), %esi
  mov $movs_itself, %edi
  mov $16, %ecx
  xor %eax, %eax
  call movs_itself
  add %eax, %ebp
  add %ecx, %ebp
  rol $7, %ebp

  # A store that reaches from data into code, eight bytes across the border.
  mov 4f - 4, %eax
  mov 4f, %ebx
  add $0x100, %ebx
  movd %ebx, %mm0
  psllq $32, %mm0
  movd %eax, %mm1
  por %mm1, %mm0
  jmp 5f
.balign 64
  .long 0
4:
  mov $0x55, %al             # bytes b0 55 90 90, of which 55 counts up
  nop
  nop
  jmp 6f
5:
  movq %mm0, 4b - 4
  jmp 4b
6:
  movzx %al, %eax
  add %eax, %ebp
  emms

  pop %ecx
  dec %ecx
  jnz 1b

  mov $message, %esi
  call put_string
  mov %ebp, %ebx
  call put_hex
  mov $newline, %esi
  call put_string
  mov $0, %al
  ret

.balign 4096
  .skip 4096 - 3
crossing:
  mov $0x01020304, %eax      # two bytes of the immediate are in the next page
crossing_end:
  ret

stos_itself:
  .skip 32
movs_itself:
  .skip 64

original:
  rep stosb
  nop
  nop
  nop
  nop
  nop
  nop
  nop
  nop
  nop
  nop
  nop
  nop
  ret
original_end:

movs_original:
  nop
  rep movsb
  inc %eax
  inc %eax
  inc %eax
  add $3, %eax
  inc %eax
  inc %eax
  inc %eax
  inc %eax
  inc %eax
  inc %eax
  ret
  ret
  ret
  ret
  ret
  ret
  ret
  ret
  ret
  ret
  ret
  ret
movs_original_end:

.section .rodata
message:
  .asciz "executed: "
newline:
  .asciz "\n"
