// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Selectors and vectors that assembly and C agree on.
#ifndef LIBRR_TESTS_SYSTEM_BARE_LAYOUT_H_
#define LIBRR_TESTS_SYSTEM_BARE_LAYOUT_H_

#define KERNEL_CODE32 0x08
#define KERNEL_DATA 0x10
#define KERNEL_CODE64 0x18
#define USER_CODE32 0x23
#define USER_DATA 0x2b
#define USER_CODE64 0x33
#define TSS_SELECTOR 0x38  // two entries
#define FIRST_FREE_ENTRY 9
#define GDT_ENTRIES 64

#ifdef __x86_64__
#define KERNEL_CODE KERNEL_CODE64
#define USER_CODE USER_CODE64
#else
#define KERNEL_CODE KERNEL_CODE32
#define USER_CODE USER_CODE32
#endif

// What ends user code.
#define LEAVE_VECTOR 0x30

#endif  // LIBRR_TESTS_SYSTEM_BARE_LAYOUT_H_
