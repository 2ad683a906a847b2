# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
#
# Accesses ports, device memory and MSRs at random (RDRAND, so the seed decides)
# with interrupts on, whatever comes of it.
#include "guest.inc"
#include "exceptions.inc"

.set ATTEMPTS, 4000

.text
guest_main:
  call catch_exceptions
  # All other vectors end their interrupts and return.
  mov $32, %ecx
1:
  mov %ecx, %eax
  mov $any_interrupt, %ebx
  call set_gate
  inc %ecx
  cmp $256, %ecx
  jb 1b
  mov $0x00, %bl
  call start_interrupts
  movl $0x1ff, 0xfee000f0    # the local APIC, with a spurious vector
  mov %cr4, %eax
  or $0x200, %eax            # OSFXSR
  mov %eax, %cr4
  movl $attempt, resume
attempt:
  cli
  mov $stack_top, %esp
  incl attempts
  cmpl $ATTEMPTS, attempts
  jae done
  sti
  rdrand %ebx
  rdrand %ecx
  mov %ebx, %eax
  and $7, %eax
  jmp *kinds(, %eax, 4)

# A port near those of devices in %dx, by %ebx.
pick_port:
  mov %ebx, %eax
  shr $3, %eax
  and $15, %eax
  movzwl ports(, %eax, 2), %edx
  mov %ebx, %eax
  shr $8, %eax
  and $7, %eax
  add %eax, %edx
  ret

read_port:
  call pick_port
  bt $12, %ebx
  jc 1f
  in %dx, %al
  jmp attempt
1:
  bt $13, %ebx
  jc 2f
  in %dx, %ax
  jmp attempt
2:
  in %dx, %eax
  jmp attempt

write_port:
  call pick_port
  mov %ecx, %eax
  bt $12, %ebx
  jc 1f
  out %al, %dx
  jmp attempt
1:
  bt $13, %ebx
  jc 2f
  out %ax, %dx
  jmp attempt
2:
  out %eax, %dx
  jmp attempt

# Strings of port accesses, into and out of this page or device memory.
string_port:
  call pick_port
  mov $buffer, %edi
  mov $buffer, %esi
  bt $14, %ebx
  jnc 1f
  mov $0xfee00300, %edi
  mov $0xfec00000, %esi
1:
  mov $12, %ecx
  bt $15, %ebx
  jc 2f
  rep insw
  jmp attempt
2:
  rep outsb
  jmp attempt

# A register of the local APIC (mostly), of the I/O APIC, or nothing, in %esi.
pick_memory:
  mov %ebx, %esi
  shr $8, %esi
  and $0x3ff, %esi
  shl $2, %esi
  bt $22, %ebx
  jc 1f
  and $~15, %esi
1:
  or $0xfee00000, %esi
  mov %ebx, %eax
  shr $28, %eax
  cmp $10, %eax
  jb 2f
  mov %ebx, %esi
  shr $8, %esi
  and $0x13, %esi
  or $0xfec00000, %esi
  cmp $14, %eax
  jb 2f
  mov %ecx, %esi             # anywhere
2:
  ret

read_memory:
  call pick_memory
  bt $23, %ebx
  jc 1f
  mov (%esi), %eax
  jmp attempt
1:
  bt $24, %ebx
  jc 2f
  mov 1(%esi), %eax
  jmp attempt
2:
  movups (%esi), %xmm0
  jmp attempt

write_memory:
  call pick_memory
  cmp $0x01000000, %esi
  jb attempt                 # not into RAM
  bt $23, %ebx
  jc 1f
  mov %ecx, (%esi)
  jmp attempt
1:
  bt $24, %ebx
  jc 2f
  xchg %cx, 3(%esi)
  jmp attempt
2:
  lock addl $1, (%esi)
  movups %xmm0, (%esi)
  jmp attempt

access_msr:
  mov %ebx, %esi
  shr $8, %esi
  and $31, %esi
  mov msrs(, %esi, 4), %esi
  mov %ebx, %eax
  shr $13, %eax
  and $0x3f, %eax
  cmp $0x800, %esi
  jne 1f
  add %eax, %esi
1:
  xchg %ecx, %esi
  rdmsr
  bt $20, %ebx
  jc 2f
  xor %esi, %eax             # some bits of what is there
  bt $21, %ebx
  jc 3f
  mov %esi, %edx
3:
  wrmsr
2:
  jmp attempt

rest:
  test $0x3ff0000, %ebx
  jnz attempt
  sti
  hlt
  jmp attempt

any_interrupt:
  push %eax
  incl interrupts
  mov $0x20, %al
  out %al, $PIC1_COMMAND
  out %al, $0xa0
  movl $0, 0xfee000b0
  pop %eax
  iret

done:
  mov interrupts, %ebx
  call put_hex
  mov $' ', %al
  call put_char
  call report_exceptions
  mov $0, %al
  jmp exit

.section .rodata
.balign 4
kinds:
  .long read_port, write_port, write_port, string_port
  .long read_memory, write_memory, access_msr, rest
msrs:
  .long 0x10, 0x1b, 0x3a, 0x3b, 0x48, 0x8b, 0xce, 0xfe
  .long 0x10a, 0x174, 0x175, 0x176, 0x1a0, 0x200, 0x201, 0x250
  .long 0x277, 0x2ff, 0x6e0, 0x6e0, 0x6e0, 0x800, 0x800, 0x800
  .long 0x800, 0x800, 0xc0000080, 0xc0000081, 0xc0000082, 0xc0000084, 0xc0000100
  .long 0xc0000103
ports:
  .word 0x20, 0xa0, 0x40, 0x40, 0x60, 0x70, 0x70, 0x80
  .word 0x3f8, 0x3f8, 0x3fa, 0x4d0, 0x5fe, 0x608, 0x2f8, 0xfffc

.bss
.balign 4
attempts:
  .skip 4
interrupts:
  .skip 4
buffer:
  .skip 64
