// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/kernel_stack.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "librr-core/base/status_macros.h"
#include "linux-introspect/symbol_file.h"
#include "linux-introspect/symbol_table.h"

namespace librr::linux_guest {
namespace {

constexpr size_t kMaxFrames = 256;

// struct pt_regs, arch/x86/include/asm/ptrace.h; what the CPU pushes is its
// end.
constexpr uint64_t kRegsBp = 4 * 8, kRegsIp = 16 * 8;
constexpr uint64_t kPushedIp = 0, kPushedCs = 8, kPushedSp = 24;

// The last row or function at or before an address.
template <typename Rows>
const typename Rows::value_type* FindBefore(const Rows& rows,
                                            uint64_t address) {
  const auto behind = std::upper_bound(
      rows.begin(), rows.end(), address,
      [](uint64_t wanted, const auto& row) { return wanted < row.address; });
  return behind == rows.begin() ? nullptr : &*std::prev(behind);
}

// What is between two symbols of the kernel.
absl::StatusOr<Object> Table(const Kernel& kernel, std::string_view begin,
                             std::string_view end) {
  LIBRR_ASSIGN_OR_RETURN(const uint64_t first, kernel.Symbol(begin));
  LIBRR_ASSIGN_OR_RETURN(const uint64_t last, kernel.Symbol(end));
  return kernel.ReadObject(first, last - first);
}

}  // namespace

absl::StatusOr<KernelStack> KernelStack::Make(const Kernel& kernel) {
  const absl::StatusOr<Object> ips =
      Table(kernel, "__start_orc_unwind_ip", "__stop_orc_unwind_ip");
  const absl::StatusOr<Object> entries =
      Table(kernel, "__start_orc_unwind", "__stop_orc_unwind");
  if (!ips.ok() || !entries.ok()) {
    return absl::NotFoundError(absl::StrFormat(
        "the kernel %s has no unwind table (CONFIG_UNWINDER_ORC)",
        kernel.release()));
  }
  KernelStack stack;
  LIBRR_ASSIGN_OR_RETURN(
      stack.rows_, ParseOrc(ips->bytes(), ips->address(), entries->bytes()));
  const SymbolTable& symbols = kernel.description().symbols();
  for (const SymbolTable::Symbol& symbol : symbols.symbols()) {
    if (!IsCode(symbol.type) || symbol.address < kLowestImage) continue;
    const uint64_t address = symbol.address + kernel.slide();
    // Of several names at one place the first counts, as in gdb.
    if (!stack.functions_.empty() &&
        stack.functions_.back().address >= address) {
      continue;
    }
    stack.functions_.push_back({address, std::string(symbols.name(symbol))});
  }
  return stack;
}

std::string KernelStack::Name(uint64_t address) const {
  const Function* const function = FindBefore(functions_, address);
  if (function == nullptr) return absl::StrFormat("0x%x", address);
  return absl::StrFormat("%s+0x%x", function->name,
                         address - function->address);
}

bool KernelStack::Next(const Kernel& kernel, Frame* frame) const {
  const OrcRow* const row =
      FindBefore(rows_, frame->is_return ? frame->ip - 1 : frame->ip);
  if (row == nullptr) return false;
  const auto read = [&kernel](uint64_t address) {
    return kernel.ReadPointer(address);
  };
  const auto offset = [](int16_t value) {
    return static_cast<uint64_t>(int64_t{value});
  };

  uint64_t sp = 0;
  switch (row->sp_base) {
    case OrcBase::kSp:
      sp = frame->sp + offset(row->sp_offset);
      break;
    case OrcBase::kBp:
      sp = frame->bp + offset(row->sp_offset);
      break;
    case OrcBase::kSpIndirect: {
      const auto value = read(frame->sp);
      if (!value.ok()) return false;
      sp = *value + offset(row->sp_offset);
      break;
    }
    case OrcBase::kBpIndirect: {
      const auto value = read(frame->bp + offset(row->sp_offset));
      if (!value.ok()) return false;
      sp = *value;
      break;
    }
    default:
      // Registers that a chain does not keep.
      return false;
  }

  switch (row->type) {
    case OrcType::kCall: {
      const auto ip = read(sp - 8);
      if (!ip.ok()) return false;
      std::optional<uint64_t> saved_bp_at;
      if (row->bp_base == OrcBase::kPreviousSp)
        saved_bp_at = sp + offset(row->bp_offset);
      if (row->bp_base == OrcBase::kBp)
        saved_bp_at = frame->bp + offset(row->bp_offset);
      if (saved_bp_at.has_value()) {
        const auto bp = read(*saved_bp_at);
        if (!bp.ok()) return false;
        frame->bp = *bp;
      }
      frame->ip = *ip;
      frame->sp = sp;
      frame->is_return = true;
      break;
    }
    case OrcType::kRegs:
    case OrcType::kRegsPartial: {
      const bool whole = row->type == OrcType::kRegs;
      const uint64_t pushed = whole ? sp + kRegsIp : sp;
      const auto ip = read(pushed + kPushedIp);
      const auto cs = read(pushed + kPushedCs);
      const auto old_sp = read(pushed + kPushedSp);
      if (!ip.ok() || !cs.ok() || !old_sp.ok() || (*cs & 3) == 3) return false;
      if (whole) {
        const auto bp = read(sp + kRegsBp);
        if (!bp.ok()) return false;
        frame->bp = *bp;
      }
      frame->ip = *ip;
      frame->sp = *old_sp;
      frame->is_return = false;
      break;
    }
    default:
      return false;
  }
  return IsKernelAddress(frame->ip);
}

std::vector<LinuxFrame> KernelStack::Unwind(
    const Kernel& kernel, const LinuxRegisters& registers) const {
  std::vector<LinuxFrame> frames;
  if ((registers.cs & 3) == 3) return frames;
  Frame frame = {.ip = registers.rip,
                 .sp = registers.general[4],
                 .bp = registers.general[5],
                 .is_return = false};
  do {
    frames.push_back({GuestVirtual(frame.ip), Name(frame.ip)});
  } while (frames.size() < kMaxFrames && Next(kernel, &frame));
  return frames;
}

}  // namespace librr::linux_guest
