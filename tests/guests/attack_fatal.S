# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
#
# Ways to make exceptions undeliverable. RDRAND's low bits, that is the seed,
# choose one; it is printed before.
#include "guest.inc"
#include "exceptions.inc"

.set BEYOND_RAM, 0xd0000000

.text
guest_main:
  call catch_exceptions
  movl $escaped, resume
  rdrand %ebx
  and $7, %ebx
  lea '0'(%ebx), %eax
  call put_char
  mov $'\n', %al
  call put_char
  jmp *ways(, %ebx, 4)

idt_beyond_ram:
  lidt beyond_pointer
  ud2

gdt_beyond_ram:
  lgdt beyond_pointer
  mov $DATA32, %eax
  mov %eax, %fs
  ud2

cr3_beyond_ram:
  mov $BEYOND_RAM, %eax
  mov %eax, %cr3
  mov %cr0, %eax
  or $0x80000000, %eax
  mov %eax, %cr0
  ud2

# The handler's frame floats away: IRET finds ones.
stack_beyond_ram:
  mov $6, %eax
  mov $return_at_once, %ebx
  call set_gate
  mov $BEYOND_RAM, %esp
  ud2

long_mode_beyond_ram:
  mov %cr4, %eax
  or $0x20, %eax
  mov %eax, %cr4
  mov $BEYOND_RAM, %eax
  mov %eax, %cr3
  mov $0xc0000080, %ecx
  rdmsr
  or $0x100, %eax
  wrmsr
  mov %cr0, %eax
  or $0x80000000, %eax
  mov %eax, %cr0
  ud2

# Every vector leads to the next fault: a task gate with no task.
task_gates:
  mov $31, %ecx
1:
  movl $0x00f00000, idt(, %ecx, 8)
  movl $0x00008500, idt + 4(, %ecx, 8)
  dec %ecx
  jns 1b
  ud2

# Real mode with an interrupt table of whatever lies at 0.
real_mode:
  movl $0xffffffff, 4 * 6
  movl $0xffffffff, 4 * 13
  lidt real_pointer
  mov %cr0, %eax
  and $~1, %eax
  mov %eax, %cr0
  ud2
1:
  jmp 1b

# A directory that maps everything to itself, and then a stack and an IDT that
# are their own page tables.
tables_as_stack:
  movl $(directory + 3), directory
  mov $directory, %eax
  mov %eax, %cr3
  mov $1023, %ecx
1:
  mov %ecx, %eax
  shl $22, %eax
  or $0x83, %eax
  mov %eax, directory(, %ecx, 4)
  dec %ecx
  jns 1b
  mov %cr4, %eax
  or $0x10, %eax             # PSE
  mov %eax, %cr4
  mov %cr0, %eax
  or $0x80000000, %eax
  mov %eax, %cr0
  mov $(directory + 64), %esp
2:
  push %esp                  # down through the entry of the running code
  jmp 2b

return_at_once:
  iret

escaped:
  call report_exceptions
  mov $3, %al
  out %al, $EXIT_PORT
1:
  hlt
  jmp 1b

.section .rodata
.balign 4
ways:
  .long idt_beyond_ram, gdt_beyond_ram, cr3_beyond_ram, stack_beyond_ram
  .long long_mode_beyond_ram, task_gates, real_mode, tables_as_stack
beyond_pointer:
  .word 0x7ff
  .long BEYOND_RAM
real_pointer:
  .word 0x3ff
  .long 0

.bss
.balign 4096
directory:
  .skip 4096
