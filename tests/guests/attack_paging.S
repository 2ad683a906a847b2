# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
#
# Page tables against the caches of an emulator: tables that remap the page
# that executes, that hold the code that executes, that map themselves, and that
# lie beyond RAM. Prints a checksum.
#include "guest.inc"
#include "exceptions.inc"

.set ROUNDS, 100
.set WINDOW, 0x00300000      # linear pages from here on are remapped
.set BEYOND_RAM, 0xd0000000
.set ACCESSED, 0x20

.text
guest_main:
  call catch_exceptions
  # The low 4 MiB to themselves; the directory maps itself at the top.
  mov $1023, %ecx
1:
  mov %ecx, %eax
  shl $12, %eax
  or $3, %eax
  mov %eax, table(, %ecx, 4)
  dec %ecx
  jns 1b
  movl $(table + 3), directory
  movl $(directory + 3), directory + 4 * 1023
  movl $(BEYOND_RAM + 3), directory + 4 * 1
  mov $directory, %eax
  mov %eax, %cr3
  mov %cr0, %eax
  or $0x80010000, %eax       # PG, WP
  mov %eax, %cr0

  # Two pages of the same code, which remaps itself from one to the other.
  mov $remapping, %esi
  mov $page_a, %edi
  call copy_routine
  mov $remapping, %esi
  mov $page_b, %edi
  call copy_routine
  movb $7, page_b + (remapped_value - remapping) + 2

  mov $ROUNDS, %ecx
2:
  mov %ecx, round
  movl $(page_a + 3), table + 4 * (WINDOW >> 12)
  mov $WINDOW, %eax
  call *%eax

  # Code that lies in a page table, beside entries whose accessed bits are set
  # by what it calls.
  mov $code_in_table, %esi
  mov $(table + 4 * 0x381), %edi
  mov $(code_in_table_end - code_in_table), %ecx
  rep movsb
  mov $leaf, %esi
  mov $page_c, %edi
  call copy_routine
  mov $(page_c + 3), %eax
  mov %eax, table + 4 * 0x380
  mov $(table + 4 * 0x381), %eax
  call *%eax

  # An entry changed through the directory's map of itself.
  movl $(page_b + 3), 0xffc00000 + 4 * ((WINDOW >> 12) + 1)
  add WINDOW + 0x1000, %ebp
  movl $(page_a + 3), 0xffc00000 + 4 * ((WINDOW >> 12) + 1)
  add WINDOW + 0x1000, %ebp
  # A stack in the page table: pushes are entries.
  mov %esp, %ebx
  mov $(table + 4 * ((WINDOW >> 12) + 4)), %esp
  push $(page_a + 3)
  push $(page_b + 3)
  mov %ebx, %esp
  add WINDOW + 0x2000, %ebp
  add WINDOW + 0x3000, %ebp
  rol $5, %ebp

  # A directory entry that goes and comes.
  mov %ebp, saved
  movl $3f, resume
  movl $0, directory + 4 * 1
  mov 0x00400000, %eax       # not present
3:
  movl $4f, resume
  movl $(BEYOND_RAM + 3), directory + 4 * 1
  mov 0x00400000, %eax       # the table floats: reserved bits
4:
  movl $5f, resume
  movl $(table + 3), directory + 4 * 1
  mov saved, %ebp
  add 0x00500000, %ebp       # an alias of 1 MiB
  mov %ebp, saved
  movl $(BEYOND_RAM + 3), directory + 4 * 1
  add 0x00500000, %ebp
5:
  # A page beyond RAM: reads float, writes vanish, code is none.
  movl $(BEYOND_RAM + 3), table + 4 * ((WINDOW >> 12) + 5)
  mov saved, %ebp
  add WINDOW + 0x5000, %ebp
  mov %ebp, WINDOW + 0x5ffc
  xor WINDOW + 0x5ffc, %ebp
  mov %ebp, saved
  movl $6f, resume
  mov $(WINDOW + 0x5800), %eax
  jmp *%eax
6:
  # Read-only code that is written through an alias.
  mov saved, %ebp
  movl $(page_c + 1), table + 4 * ((WINDOW >> 12) + 6)
  incb page_c + 1
  mov $(WINDOW + 0x6000), %eax
  call *%eax
  mov %ebp, saved
  movl $7f, resume
  incb WINDOW + 0x6001       # write-protected
7:
  mov saved, %ebp
  mov round, %ecx
  dec %ecx
  jnz 2b

  mov $message, %esi
  call put_string
  mov %ebp, %ebx
  call put_hex
  mov $newline, %esi
  call put_string
  call report_exceptions
  mov $0, %al
  jmp exit                   # the stack has been emptied

copy_routine:
  mov $64, %ecx
  rep movsb
  ret

# At the start of a page, by any address.
remapping:
  add $1, %ebp
  movl $(page_b + 3), table + 4 * (WINDOW >> 12)
remapped_value:
  add $1, %ebp               # the second page adds 7
  movl $(page_a + 3), table + 4 * (WINDOW >> 12)
  rol $1, %ebp
  ret

# Clears the accessed bit of the entry before it, then executes there.
code_in_table:
  mov $20, %edx
1:
  andb $~ACCESSED, table + 4 * 0x380
  mov $0x00380000, %eax
  call *%eax
  dec %edx
  jnz 1b
  ret
code_in_table_end:

leaf:
  add $3, %ebp
  rol $1, %ebp
  ret

.bss
.balign 4096
directory:
  .skip 4096
table:
  .skip 4096
page_a:
  .skip 4096
page_b:
  .skip 4096
page_c:
  .skip 4096
round:
  .skip 4
saved:
  .skip 4

.section .rodata
message:
  .asciz "remapped: "
newline:
  .asciz "\n"
