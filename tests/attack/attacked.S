# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
#
# About 10^5 steps with something of everything that a trace holds: the PIT
# interrupts every 100 us, and each time the CPU computes a little and idles
# again; what arrives at the serial port is echoed; a 'q' ends it with a
# checksum.
#include "tests/guests/guest.inc"

.set TIMER_VECTOR, FIRST_IRQ_VECTOR + 0
.set COM1_VECTOR, FIRST_IRQ_VECTOR + 4
.set PIT_CHANNEL0, 0x40
.set PIT_COMMAND, 0x43
.set DIVISOR, 119            # 1193182 Hz / 119: 100 us
.set BUFFER_SIZE, 0x4000

.text
guest_main:
  mov $TIMER_VECTOR, %eax
  mov $timer_interrupt, %ebx
  call set_gate
  mov $COM1_VECTOR, %eax
  mov $serial_interrupt, %ebx
  call set_gate
  mov $0xee, %bl
  call start_interrupts
  mov $0x34, %al             # channel 0, both bytes, rate generator
  out %al, $PIT_COMMAND
  mov $(DIVISOR & 0xff), %al
  out %al, $PIT_CHANNEL0
  mov $(DIVISOR >> 8), %al
  out %al, $PIT_CHANNEL0
  mov $(COM1 + 2), %edx      # FIFOs on and empty, trigger at one byte
  mov $0x07, %al
  out %al, %dx
  mov $(COM1 + 4), %edx      # DTR, RTS, and OUT2, which lets interrupts out
  mov $0x0b, %al
  out %al, %dx
  mov $(COM1 + 1), %edx      # received data interrupts
  mov $0x01, %al
  out %al, %dx
  mov $message, %esi
  call put_string

1:
  # A few hundred stores, somewhere in the buffer.
  rdrand %ebx
  xor checksum, %ebx
  mov $400, %ecx
2:
  imul $0x5851f42d, %ebx, %ebx
  add $0x14057b7f, %ebx
  mov %ebx, %edi
  shr $16, %edi
  and $(BUFFER_SIZE - 4), %edi
  add %ebx, buffer(%edi)
  dec %ecx
  jnz 2b
  mov %ebx, checksum
  mov $(buffer + 1), %esi
  mov $(buffer + BUFFER_SIZE / 2), %edi
  mov $200, %ecx
  rep movsb

  cli
  cmpb $0, quit
  jnz 3f
  sti                        # takes effect after the HLT has begun
  hlt
  jmp 1b
3:
  mov $goodbye, %esi
  call put_string
  mov checksum, %ebx
  add ticks, %ebx
  call put_hex
  mov $newline, %esi
  call put_string
  mov $0, %al
  ret

timer_interrupt:
  push %eax
  incl ticks
  mov $0x20, %al
  out %al, $PIC1_COMMAND
  pop %eax
  iret

serial_interrupt:
  pusha
1:
  mov $(COM1 + 5), %edx
  in %dx, %al
  test $0x01, %al
  jz 2f
  mov $COM1, %edx
  in %dx, %al
  add %al, checksum
  cmp $'q', %al
  sete %ah
  or %ah, quit
  call put_char
  jmp 1b
2:
  mov $0x20, %al
  out %al, $PIC1_COMMAND
  popa
  iret

.bss
.align 4096
buffer:
  .skip BUFFER_SIZE
checksum:
  .skip 4
ticks:
  .skip 4
quit:
  .skip 1

.section .rodata
message:
  .asciz "type, and q to quit\n"
goodbye:
  .asciz "\nchecksum: "
newline:
  .asciz "\n"
