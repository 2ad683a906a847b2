// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The way in from Multiboot, to 32-bit protected mode or on to 64-bit mode,
// and out at the exit port; and the ways into and out of `HandleEvent`.
#include "tests/system/bare_layout.h"

.section .multiboot, "a"
.align 4
.long 0x1badb002, 0, -0x1badb002

.text
.code32
.globl _start
_start:
  cli
  cld
  mov $kernel_stack + 16384, %esp
  lgdt gdt_pointer
  ljmp $KERNEL_CODE32, $1f
1:
  mov $KERNEL_DATA, %eax
  mov %eax, %ds
  mov %eax, %es
  mov %eax, %fs
  mov %eax, %gs
  mov %eax, %ss
  # No interrupts but those that a guest asks for.
  mov $0xff, %al
  out %al, $0x21
  out %al, $0xa1
#ifdef __x86_64__
  # The first 4 GiB, identically, by 2 MiB pages that users may use too.
  movl $identity_pointers + 7, identity_root
  movl $identity_directories + 7, %eax
  mov $identity_pointers, %edi
  mov $4, %ecx
1:
  mov %eax, (%edi)
  add $4096, %eax
  add $8, %edi
  loop 1b
  mov $0x87, %eax
  mov $identity_directories, %edi
  mov $2048, %ecx
1:
  mov %eax, (%edi)
  add $0x200000, %eax
  add $8, %edi
  loop 1b
  mov %cr4, %eax
  or $0x20, %eax
  mov %eax, %cr4
  mov $identity_root, %eax
  mov %eax, %cr3
  mov $0xc0000080, %ecx
  rdmsr
  or $0x100, %eax
  wrmsr
  mov %cr0, %eax
  or $0x80000000, %eax
  mov %eax, %cr0
  ljmp $KERNEL_CODE64, $1f
.code64
1:
#endif
  call PrepareTables
  call GuestMain
  xor %eax, %eax
.globl ExitGuest
ExitGuest:
  out %al, $0xf4
  cli
1:
  hlt
  jmp 1b

// One entry for each vector, 16 bytes apart. Those of exceptions without an
// error code push a zero instead.
.align 16
.globl event_entries
event_entries:
.set vector, 0
.rept 256
  .align 16
  .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17)
  push $0
  .endif
  push $vector
  jmp common_entry
  .set vector, vector + 1
.endr

#ifdef __x86_64__
common_entry:
  push %rax
  push %rcx
  push %rdx
  push %rbx
  push %rbp
  push %rsi
  push %rdi
  push %r8
  push %r9
  push %r10
  push %r11
  push %r12
  push %r13
  push %r14
  push %r15
  cld
  mov %rsp, %rdi
  call HandleEvent
  test %eax, %eax
  jnz abandon
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %r11
  pop %r10
  pop %r9
  pop %r8
  pop %rdi
  pop %rsi
  pop %rbp
  pop %rbx
  pop %rdx
  pop %rcx
  pop %rax
  add $16, %rsp
  iretq

// Goes on behind the TRY, with the registers as they were at the event.
abandon:
  mov %rsp, %rbp
  mov $KERNEL_DATA, %eax
  mov %eax, %ds
  mov %eax, %es
  mov %eax, %ss
  mov try_sp, %rsp
  push $KERNEL_DATA
  push try_sp
  push $2
  push $KERNEL_CODE64
  push try_end
  mov (%rbp), %r15
  mov 8(%rbp), %r14
  mov 16(%rbp), %r13
  mov 24(%rbp), %r12
  mov 32(%rbp), %r11
  mov 40(%rbp), %r10
  mov 48(%rbp), %r9
  mov 56(%rbp), %r8
  mov 64(%rbp), %rdi
  mov 72(%rbp), %rsi
  mov 88(%rbp), %rbx
  mov 96(%rbp), %rdx
  mov 104(%rbp), %rcx
  mov 112(%rbp), %rax
  mov 80(%rbp), %rbp
  iretq
#else
common_entry:
  pushal
  push %ds
  push %es
  push %fs
  push %gs
  mov $KERNEL_DATA, %eax
  mov %eax, %ds
  mov %eax, %es
  cld
  mov %esp, %eax
  push %eax
  call HandleEvent
  add $4, %esp
  test %eax, %eax
  jnz abandon
  pop %gs
  pop %fs
  pop %es
  pop %ds
  popal
  add $8, %esp
  iret

// Goes on behind the TRY, with the registers as they were at the event.
abandon:
  mov %esp, %ebp
  mov $KERNEL_DATA, %eax
  mov %eax, %fs
  mov %eax, %gs
  mov %eax, %ss
  mov try_sp, %esp
  push $2
  popf
  push $2
  push $KERNEL_CODE32
  push try_end
  mov 16(%ebp), %edi
  mov 20(%ebp), %esi
  mov 32(%ebp), %ebx
  mov 36(%ebp), %edx
  mov 40(%ebp), %ecx
  mov 44(%ebp), %eax
  mov 24(%ebp), %ebp
  iret
#endif

.data
.align 8
gdt_pointer:
  .word GDT_ENTRIES * 8 - 1
  .long gdt

.bss
.align 4096
#ifdef __x86_64__
.globl identity_root, identity_pointers, identity_directories
identity_root:
  .skip 4096
identity_pointers:
  .skip 4096
identity_directories:
  .skip 4 * 4096
#endif
.globl kernel_stack
kernel_stack:
  .skip 16384
