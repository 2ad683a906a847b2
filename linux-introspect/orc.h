// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The kernel's own unwind table, ORC: for ranges of code, where the caller's
// frame is (Linux, Documentation/arch/x86/orc-unwinder.rst).
//
//   LIBRR_ASSIGN_OR_RETURN(std::vector<OrcRow> rows, ReadOrc(image, symbols));
//
// The bits of an entry have changed three times; which layout a kernel has is
// seen from its entries. Pure functions.
#ifndef LIBRR_LINUX_INTROSPECT_ORC_H_
#define LIBRR_LINUX_INTROSPECT_ORC_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "linux-introspect/kernel_image.h"
#include "linux-introspect/symbol_table.h"

namespace librr::linux_guest {

// What an offset counts from (ORC_REG_*; the values are the kernel's).
enum class OrcBase : uint8_t {
  kUndefined = 0,
  kPreviousSp = 1,
  kDx = 2,
  kDi = 3,
  kBp = 4,
  kSp = 5,
  kR10 = 6,
  kR13 = 7,
  kBpIndirect = 8,
  kSpIndirect = 9,
};

enum class OrcType : uint8_t {
  kUndefined,    // nothing is known
  kEndOfStack,   // nobody has called this
  kCall,         // a return address is below the caller's stack pointer
  kRegs,         // an interrupt's frame: a whole struct pt_regs
  kRegsPartial,  // only what the CPU has pushed
};

// Valid from `address` to the next row's.
struct OrcRow {
  uint64_t address = 0;
  int16_t sp_offset = 0;
  int16_t bp_offset = 0;
  OrcBase sp_base = OrcBase::kUndefined;
  OrcBase bp_base = OrcBase::kUndefined;
  OrcType type = OrcType::kUndefined;
  bool operator==(const OrcRow&) const = default;
};

// NotFound if the kernel has no such table (CONFIG_UNWINDER_ORC) or if its
// entries make no sense.
absl::StatusOr<std::vector<OrcRow>> ReadOrc(const KernelImage& image,
                                            const SymbolTable& symbols);

// The two tables themselves: `ips` is at `ips_address` in the guest.
absl::StatusOr<std::vector<OrcRow>> ParseOrc(std::string_view ips,
                                             uint64_t ips_address,
                                             std::string_view entries);

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_ORC_H_
