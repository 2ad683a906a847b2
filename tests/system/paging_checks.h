// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What the paging guests share: accesses of all kinds to one address, and the
// rights that entries give.
//
//   AllKinds(address);   // prints " r=- w=03 x=- ur=05 uw=07 ux=05\n"
//
// A dash is success; numbers are error codes of page faults.
#ifndef LIBRR_TESTS_SYSTEM_PAGING_CHECKS_H_
#define LIBRR_TESTS_SYSTEM_PAGING_CHECKS_H_

#include "tests/system/bare_guest.h"

enum {
  kP = 1,
  kW = 2,
  kU = 4,
  kA = 1 << 5,
  kD = 1 << 6,
  kPs = 1 << 7,
};
#define NX (1ull << 63)

enum Kind {
  kRead,
  kWrite,
  kFetch,
  kReadAc,
  kWriteAc,
  kUserRead,
  kUserWrite,
  kUserFetch,
  kKinds
};
static const char* const kKindNames[kKinds] = {"r",  "w",  "x",  "ra",
                                               "wa", "ur", "uw", "ux"};

// Prints the error code, or a dash for success.
static void Access(enum Kind kind, Word at) {
  switch (kind) {
    case kRead:
      TRY("mov (%0), %%ecx", : : "r"(at) : "ecx");
      break;
    case kWrite:
      TRY("mov %%ecx, 64(%0)", : : "r"(at));
      break;
    case kFetch:
    case kUserFetch:
      if (kind == kFetch) {
        TRY("call *%0", : : "r"(at));
      } else {
        TRY_USER("call *%0", : : "r"(at));
      }
      break;
    case kReadAc:
      TRY("stac; mov (%0), %%ecx; clac", : : "r"(at) : "ecx");
      break;
    case kWriteAc:
      TRY("stac; mov %%ecx, 64(%0); clac", : : "r"(at));
      break;
    case kUserRead:
      TRY_USER("mov (%0), %%ecx", : : "r"(at) : "ecx");
      break;
    case kUserWrite:
      TRY_USER("mov %%ecx, 64(%0)", : : "r"(at));
      break;
    case kKinds:
      break;
  }
  Print(" ");
  Print(kKindNames[kind]);
  Print("=");
  if (caught.vector == kNone || caught.vector == LEAVE_VECTOR) {
    Print("-");
    return;
  }
  if (caught.vector != 14) {
    Print("#");
    PrintHex(caught.vector, 2);
    return;
  }
  PrintHex(caught.error, 2);
  const bool fetch = kind == kFetch || kind == kUserFetch;
  const bool write = kind == kWrite || kind == kWriteAc || kind == kUserWrite;
  if (caught.cr2 != at + (write ? 64 : 0)) Value("cr2", caught.cr2);
  if (fetch && caught.ip != at) Value("ip", caught.ip);
}

static void AllKinds(Word at) {
  const bool smap = ReadCr4() & kCr4Smap;
  for (int kind = 0; kind < kKinds; ++kind) {
    if ((kind == kReadAc || kind == kWriteAc) && !smap) continue;
    Access(kind, at);
  }
  End();
}

static const struct {
  const char* name;
  uint64_t flags;
} kRights[] = {
    {"none", 0},
    {"W", kW},
    {"P", kP},
    {"PW", kP | kW},
    {"PU", kP | kU},
    {"PWU", kP | kW | kU},
    {"PWN", kP | kW | NX},
    {"PWUN", kP | kW | kU | NX},
};

#endif  // LIBRR_TESTS_SYSTEM_PAGING_CHECKS_H_
