// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/cpu/families/sse_float.h"

namespace librr::pc {
namespace {

bool IsDenormal(uint32_t value) {
  return !(value & 0x7f800000) && (value & 0x007fffff);
}
bool IsDenormal(uint64_t value) {
  return !(value & 0x7ff0000000000000) && (value & 0x000fffffffffffff);
}

}  // namespace

bool HasTinyLane(FloatLanes lanes, const Xmm& result) {
  switch (lanes) {
    case FloatLanes::kSingle:
      return IsDenormal(result.lane<uint32_t>(0));
    case FloatLanes::kDouble:
      return IsDenormal(result.lane<uint64_t>(0));
    case FloatLanes::kSingles:
      for (int i = 0; i < 4; ++i) {
        if (IsDenormal(result.lane<uint32_t>(i))) return true;
      }
      return false;
    case FloatLanes::kDoubles:
      return IsDenormal(result.lane<uint64_t>(0)) ||
             IsDenormal(result.lane<uint64_t>(1));
    case FloatLanes::kNone:
      break;
  }
  return false;
}

// SDM vol. 1, 11.5.3.2: an unmasked exception found before the computation (of
// any lane) prevents it, so only such flags are set. Documented value: PE
// beside an unmasked overflow or underflow is set as it would be if those were
// masked.
bool ReportFloatFlags(Cpu& cpu, uint32_t flags) {
  constexpr uint32_t kBefore =
      kMxcsrInvalid | kMxcsrDenormal | kMxcsrDivideByZero;
  const uint32_t unmasked = ~(cpu.regs.mxcsr >> kMxcsrMaskShift) & kMxcsrFlags;
  if (flags & kBefore & unmasked) flags &= kBefore;
  cpu.regs.mxcsr |= flags;
  if (!(flags & unmasked)) return true;
  return (cpu.regs.cr4 & kCr4Osxmmexcpt) ? cpu.Raise(kSimdError)
                                         : cpu.RaiseUd();
}

}  // namespace librr::pc
