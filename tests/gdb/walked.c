// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A guest to be walked through with gdb: a kernel and two user programs, each
// in an address space of its own, in 64-bit mode.
//
// A program's heap is mapped page by page, when it is first touched. All RAM is
// mapped a second time at `kDirectMap`, for the kernel only, and there it
// spoils a word of the first program's heap. A timer ticks all along.
//
// The tests know functions, variables and the lines marked with "// at: NAME".
#include "tests/system/bare_guest.h"

#define kDirectMap 0xffff888000000000ul
#define kHeap 0x5000000000ul

enum {
  kPresentEntry = 1,
  kWritableEntry = 2,
  kUserEntry = 4,
  kTimerVector = 0x20,
  kSpoilVector = 0x31,
  kPages = 8,
  kDivisor = 24,  // of 1193182 Hz: a tick every 20 microseconds
};

extern uint64_t identity_root[512], identity_pointers[512];

struct Space {
  uint64_t root[512], pointers[512], directory[512], table[512];
} __attribute__((aligned(4096)));

struct Space spaces[2];
struct Space* current;
uint8_t pages[kPages][4096] __attribute__((aligned(4096)));
int used_pages;
volatile uint64_t ticks, faults;

// --- the kernel --------------------------------------------------------------

void MapHeapPage(Word address) {
  uint64_t* entry = &current->table[(address >> 12) & 511];
  *entry = (Word)pages[used_pages++] | kPresentEntry | kWritableEntry |
           kUserEntry;  // at: map
  ++faults;
}

void Tick(void) {
  ++ticks;
  OutByte(0x20, 0x20);  // end of interrupt
}

void Spoil(Word address) {
  const Word physical =
      current->table[(address >> 12) & 511] & 0x000ffffffffff000;
  uint64_t* word = (uint64_t*)(kDirectMap + physical + (address & 4095));
  *word = 0xbad;  // at: spoil
}

bool HandleKernelEvent(struct Frame* frame) {
  switch (frame->vector) {
    case 14:
      MapHeapPage(ReadCr2());
      return true;
    case kTimerVector:
      Tick();
      return true;
    case kSpoilVector:
      Spoil(frame->di);
      return true;
    default:
      return false;
  }
}

void MakeSpace(struct Space* space) {
  for (int i = 0; i < 512; ++i) {
    space->root[i] = identity_root[i];
    space->pointers[i] = identity_pointers[i];
  }
  space->root[0] =
      (Word)space->pointers | kPresentEntry | kWritableEntry | kUserEntry;
  space->root[(kDirectMap >> 39) & 511] =
      (Word)identity_pointers | kPresentEntry | kWritableEntry;
  space->pointers[(kHeap >> 30) & 511] =
      (Word)space->directory | kPresentEntry | kWritableEntry | kUserEntry;
  space->directory[0] =
      (Word)space->table | kPresentEntry | kWritableEntry | kUserEntry;
}

void StartTimer(void) {
  OutByte(0x20, 0x11);
  OutByte(0x21, kTimerVector);
  OutByte(0x21, 4);
  OutByte(0x21, 1);
  OutByte(0x21, 0xfe);
  OutByte(0x43, 0x34);
  OutByte(0x40, kDivisor);
  OutByte(0x40, 0);
}

void RunProgram(int number, void (*program)(void)) {
  current = &spaces[number];
  WriteCr3((Word)current->root);
  TRY_USER("call *%0",
           :
           : "r"(program)
           : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11");
}

// --- the programs ------------------------------------------------------------

volatile uint64_t* const heap = (uint64_t*)kHeap;

uint64_t Square(uint64_t x) {
  const uint64_t y = x * x;
  return y;
}

uint64_t SumOfSquares(int n) {
  uint64_t sum = 0;
  for (int i = 1; i <= n; ++i) {
    sum += Square((uint64_t)i);  // at: loop
  }
  return sum;
}

// Six hundred steps. A debugger goes over a line piece by piece, as the
// compiler has cut it: so most of them are in one piece.
#define WAIT_A_WHILE(x)                                             \
  asm volatile("mov $200, %%ecx; 1: addq $3, %0; dec %%ecx; jnz 1b" \
               : "+m"(x)                                            \
               :                                                    \
               : "ecx", "cc")

uint64_t Spin(int n) {
  volatile uint64_t x = 1;
  for (int i = 0; i < n; ++i) WAIT_A_WHILE(x);
  return x;  // at: spun
}

void AskToSpoil(volatile uint64_t* word) {
  asm volatile("int $0x31" : : "D"(word) : "memory");  // at: call
}

uint64_t spun;

void FirstProgram(void) {
  heap[0] = 1;                 // at: touch
  heap[512] = 2;               // at: touch again
  heap[2] = 3;                 // at: store
  heap[1] = SumOfSquares(10);  // at: sum
  spun = Spin(300);            // at: spin
  heap[2] += 1;                // at: add
  AskToSpoil(&heap[2]);        // at: ask
  spun += heap[2];             // at: read
  heap[3] = spun;              // at: last
}

void SecondProgram(void) {
  heap[2] = 7;  // at: other store
  heap[2] = 8;
  spun = Spin(10);
}

void GuestMain(void) {
  SetIdtGate(kSpoilVector, KERNEL_CODE, (Word)event_entries[kSpoilVector], 0xee,
             0);
  on_event = HandleKernelEvent;
  MakeSpace(&spaces[0]);
  MakeSpace(&spaces[1]);
  StartTimer();
  user_flags = 0x202;
  RunProgram(0, FirstProgram);
  Print("first done\n");
  RunProgram(1, SecondProgram);
  Print("second done\n");  // at: end
}
