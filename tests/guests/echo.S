# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
#
# Echoes what arrives at the serial port, by interrupts, until a 'q'; then
# prints how many bytes came, as a hexadecimal number.
#include "guest.inc"

.set COM1_VECTOR, FIRST_IRQ_VECTOR + 4

.text
guest_main:
  mov $COM1_VECTOR, %eax
  mov $serial_interrupt, %ebx
  call set_gate
  mov $0xef, %bl
  call start_interrupts

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
  cli
  cmpb $0, quit
  jnz 2f
  sti                        # takes effect after the HLT has begun
  hlt
  jmp 1b
2:
  mov $goodbye, %esi
  call put_string
  mov received, %ebx
  call put_hex
  mov $newline, %esi
  call put_string
  mov $0, %al
  ret

serial_interrupt:
  pusha
1:
  mov $(COM1 + 5), %edx
  in %dx, %al
  test $0x01, %al
  jz 2f
  mov $COM1, %edx
  in %dx, %al
  incl received
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
.align 4
received:
  .skip 4
quit:
  .skip 1

.section .rodata
message:
  .asciz "type, and q to quit\n"
goodbye:
  .asciz "\nbytes: "
newline:
  .asciz "\n"
