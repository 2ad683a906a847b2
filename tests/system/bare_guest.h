// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What the guests of tests/system are written with: freestanding C, 32 or 64
// bits, that tries instructions and prints what came of each, one line per
// check.
//
//   void GuestMain(void) {
//     TRY("mov $0x48, %%eax; mov %%eax, %%ds", : : : "eax");
//     Report("absent data segment");   // absent data segment: #0b e=0048 ...
//   }
//
// A line must not depend on time or on where the linker puts things: the same
// program prints the same text on every machine that follows the SDM.
#ifndef LIBRR_TESTS_SYSTEM_BARE_GUEST_H_
#define LIBRR_TESTS_SYSTEM_BARE_GUEST_H_

#include <stdbool.h>
#include <stdint.h>

#include "tests/system/bare_layout.h"

typedef unsigned long Word;

// --- output -----------------------------------------------------------------

void Print(const char* text);
void PrintHex(uint64_t value, int digits);
// Between the two, what is printed waits in memory: for those who use the
// serial port's interrupt.
void HoldOutput(void);
void ReleaseOutput(void);
// One line: Begin, any number of values, End.
void Begin(const char* name);
void Value(const char* key, uint64_t value);
void End(void);
// A line with one value.
void Line(const char* name, uint64_t value);
void ExitGuest(void);

// --- events -----------------------------------------------------------------

// What the entry code leaves on the stack, lowest address first.
struct Frame {
#ifdef __x86_64__
  Word r15, r14, r13, r12, r11, r10, r9, r8, di, si, bp, bx, dx, cx, ax;
#else
  Word gs, fs, es, ds, di, si, bp, entry_sp, bx, dx, cx, ax;
#endif
  Word vector, error, ip, cs, flags;
  Word sp, ss;  // 32 bits: only if privilege changed
#ifndef __x86_64__
  Word v86_es, v86_ds, v86_fs, v86_gs;  // only from virtual-8086 mode
#endif
};

// The event that ended the last TRY. No event: vector is kNone.
struct Caught {
  Word vector, error, ip, cs, flags, sp, ss, cr2, dr6, handler_sp;
};
#define kNone 0x100u
extern struct Caught caught;
extern Word try_begin, try_end, try_sp;

// Called at every event if set; true: handled, return to the frame.
extern bool (*on_event)(struct Frame* frame);

// Runs assembly (extended, with operands after the text) and comes back behind
// it at its end or at the first event. Begins with RFLAGS of 2.
#ifdef __x86_64__
#define TRY_ENTER                             \
  "movq $256, caught; movq $76f, try_begin\n" \
  "movq $77f, try_end; mov %%rsp, try_sp; push $2; popf\n76:\n"
#define TRY_LEAVE "\n77: push $2; popf\n"
#else
#define TRY_ENTER                             \
  "movl $256, caught; movl $76f, try_begin\n" \
  "movl $77f, try_end; mov %%esp, try_sp; push $2; popf\n76:\n"
#define TRY_LEAVE "\n77: push $2; popf\n"
#endif
// Operands need not name what memory is touched.
#define OPERANDS(...) OPERANDS_##__VA_OPT__(GIVEN)(__VA_ARGS__)
#define OPERANDS_() :
#define OPERANDS_GIVEN(...) __VA_ARGS__
#define FENCED_ASM(code, ...)                 \
  do {                                        \
    asm volatile("" : : : "memory");          \
    asm volatile(code OPERANDS(__VA_ARGS__)); \
    asm volatile("" : : : "memory");          \
  } while (0)
#define TRY(code, ...) \
  FENCED_ASM(TRY_ENTER code TRY_LEAVE __VA_OPT__(, ) __VA_ARGS__)

// The same at privilege level 3, with a stack of its own and `user_flags`.
// Code and stack are used at `user_base` above their addresses.
extern Word user_flags, user_base;
extern uint8_t user_stack[4096];
#ifdef __x86_64__
#define USER_ENTER                                                     \
  "movq $256, caught; movq $76f, try_begin\n"                          \
  "movq $77f, try_end; mov %%rsp, try_sp\n"                            \
  "push $0x2b; push $user_stack + 4096; push user_flags; push $0x33\n" \
  "push $76f; push %%rax; mov user_base, %%rax; add %%rax, 8(%%rsp)\n" \
  "add %%rax, 32(%%rsp); pop %%rax; iretq\n76:\n"
#else
#define USER_ENTER                                                     \
  "movl $256, caught; movl $76f, try_begin\n"                          \
  "movl $77f, try_end; mov %%esp, try_sp\n"                            \
  "push $0x2b; push $user_stack + 4096; push user_flags; push $0x23\n" \
  "push $76f; push %%eax; mov user_base, %%eax; add %%eax, 4(%%esp)\n" \
  "add %%eax, 16(%%esp); mov $0x2b, %%eax; mov %%eax, %%ds\n"          \
  "mov %%eax, %%es; pop %%eax; iret\n76:\n"
#endif
#define TRY_USER(code, ...)                                                    \
  FENCED_ASM(USER_ENTER code "\nint $0x30\n77: push $2; popf\n" __VA_OPT__(, ) \
                 __VA_ARGS__)

// The base of the code segment in which events are expected.
extern Word code_base;
// Prints what happened in the last TRY.
void Report(const char* name);
// The same without ending the line, for values to be added.
void ReportOpen(const char* name);

// --- tables -----------------------------------------------------------------

extern uint64_t gdt[GDT_ENTRIES];
// In 64-bit mode a gate takes two entries.
#ifdef __x86_64__
extern uint64_t idt[512];
#else
extern uint64_t idt[256];
#endif
extern uint8_t event_entries[256][16];
extern uint8_t kernel_stack[16384];
// The stack that events at lower privilege come to.
extern uint8_t event_stack[8192];

struct __attribute__((packed)) TablePointer {
  uint16_t limit;
  Word base;
};

#ifdef __x86_64__
struct __attribute__((packed)) Tss {
  uint32_t reserved0;
  uint64_t rsp[3];
  uint64_t reserved1;
  uint64_t ist[7];
  uint64_t reserved2;
  uint16_t reserved3, io_map;
  uint8_t io_bits[33];
};
#else
struct __attribute__((packed)) Tss {
  uint32_t back_link;
  struct {
    uint32_t esp, ss;
  } inner[3];
  uint32_t cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
  uint32_t es, cs, ss, ds, fs, gs, ldt;
  uint16_t trap, io_map;
  uint8_t io_bits[33];
};
#endif
extern struct Tss tss;

// Access bytes of descriptors, and flags for the high nibble of the limit.
enum {
  kPresent = 0x80,
  kDpl3 = 0x60,
  kData = 0x12,
  kCode = 0x1a,
  kLdtType = 2,
  kTss32Type = 9,
  kBig = 4,
  kLong = 2,
  kGranular = 8,
};
uint64_t Segment(uint32_t base, uint32_t limit, unsigned access,
                 unsigned flags);
// A call, interrupt, trap or task gate; its upper half in 64-bit mode is 0.
uint64_t Gate(uint16_t selector, Word offset, unsigned access, unsigned count);
// Sets IDT entry `vector` (access as in descriptors: 0x8e is an interrupt
// gate).
void SetIdtGate(int vector, uint16_t selector, Word offset, unsigned access,
                unsigned ist);
// The normal gate of a vector: interrupt gate, DPL 0 but for LEAVE_VECTOR.
void ResetIdtGate(int vector);
void LoadIdt(uint16_t limit);

// --- instructions
// -------------------------------------------------------------

static inline void OutByte(uint16_t port, uint8_t value) {
  asm volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}
static inline uint8_t InByte(uint16_t port) {
  uint8_t value;
  asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
static inline uint32_t InLong(uint16_t port) {
  uint32_t value;
  asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
#define DEFINE_CONTROL_REGISTER(name, reg)                    \
  static inline Word Read##name(void) {                       \
    Word value;                                               \
    asm volatile("mov %%" reg ", %0" : "=r"(value));          \
    return value;                                             \
  }                                                           \
  static inline void Write##name(Word value) {                \
    asm volatile("mov %0, %%" reg : : "r"(value) : "memory"); \
  }
DEFINE_CONTROL_REGISTER(Cr0, "cr0")
DEFINE_CONTROL_REGISTER(Cr2, "cr2")
DEFINE_CONTROL_REGISTER(Cr3, "cr3")
DEFINE_CONTROL_REGISTER(Cr4, "cr4")
DEFINE_CONTROL_REGISTER(Dr0, "dr0")
DEFINE_CONTROL_REGISTER(Dr1, "dr1")
DEFINE_CONTROL_REGISTER(Dr2, "dr2")
DEFINE_CONTROL_REGISTER(Dr3, "dr3")
DEFINE_CONTROL_REGISTER(Dr6, "dr6")
DEFINE_CONTROL_REGISTER(Dr7, "dr7")

static inline uint64_t ReadMsr(uint32_t msr) {
  uint32_t low, high;
  asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
  return (uint64_t)high << 32 | low;
}
static inline void WriteMsr(uint32_t msr, uint64_t value) {
  asm volatile("wrmsr"
               :
               : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
               : "memory");
}

enum {
  kMsrApicBase = 0x1b,
  kMsrEfer = 0xc0000080u,
  kEferSce = 1,
  kEferNxe = 1 << 11,
  kCr0Wp = 1 << 16,
  kCr0Am = 1 << 18,
  kCr4Pse = 1 << 4,
  kCr4Pae = 1 << 5,
  kCr4Smep = 1 << 20,
  kCr4Smap = 1 << 21,
  kFlagIf = 1 << 9,
  kFlagTf = 1 << 8,
  kFlagNt = 1 << 14,
  kFlagRf = 1 << 16,
  kFlagVm = 1 << 17,
  kFlagAc = 1 << 18,
};

#endif  // LIBRR_TESTS_SYSTEM_BARE_GUEST_H_
