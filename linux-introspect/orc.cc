// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/orc.h"

#include <optional>
#include <utility>

#include "linux-introspect/guest_bytes.h"

namespace librr::linux_guest {
namespace {

constexpr size_t kIpSize = 4;
// struct orc_entry: two offsets of 16 bits, then 16 bits that differ.
constexpr size_t kEntrySize = 2 + 2 + 2;
constexpr size_t kFlags = 2 + 2;
constexpr size_t kMaxRows = 8'000'000;

// Above the two registers of 4 bits, arch/x86/include/asm/orc_types.h:
//   kEnd        type:2 end:1            4.14 to 6.2 (4.14 has no `end`)
//   kSignalEnd  type:2 signal:1 end:1   6.3
//   kTyped      type:3 signal:1         since 6.4, with types for no frame
enum class Layout { kEnd, kSignalEnd, kTyped };

unsigned Bits(uint64_t flags, int low, int count) {
  return static_cast<unsigned>(flags >> low) & ((1u << count) - 1);
}

// Nearly all entries are of calls: type 0 in the first two layouts, 2 in the
// third. Bit 11 is `end` in the second and unused in the first.
Layout LayoutOf(std::string_view entries) {
  size_t calls[2] = {0, 0};
  bool has_bit_11 = false;
  for (size_t at = 0; at + kEntrySize <= entries.size(); at += kEntrySize) {
    const uint64_t flags = LoadInteger<uint16_t>(entries, at + kFlags);
    const auto base = static_cast<OrcBase>(Bits(flags, 0, 4));
    if (base != OrcBase::kSp && base != OrcBase::kBp) {
      has_bit_11 |= Bits(flags, 11, 1) != 0;
      continue;
    }
    if (Bits(flags, 8, 3) == 0) ++calls[0];
    if (Bits(flags, 8, 3) == 2) ++calls[1];
  }
  if (calls[1] > calls[0]) return Layout::kTyped;
  return has_bit_11 ? Layout::kSignalEnd : Layout::kEnd;
}

OrcType TypeOf(uint64_t flags, Layout layout) {
  if (layout == Layout::kTyped) {
    constexpr OrcType kTypes[] = {OrcType::kUndefined, OrcType::kEndOfStack,
                                  OrcType::kCall, OrcType::kRegs,
                                  OrcType::kRegsPartial};
    const unsigned type = Bits(flags, 8, 3);
    return type < std::size(kTypes) ? kTypes[type] : OrcType::kUndefined;
  }
  const int end_bit = layout == Layout::kEnd ? 10 : 11;
  if (Bits(flags, end_bit, 1) != 0) return OrcType::kEndOfStack;
  if (Bits(flags, 0, 4) == 0) return OrcType::kUndefined;
  constexpr OrcType kTypes[] = {OrcType::kCall, OrcType::kRegs,
                                OrcType::kRegsPartial, OrcType::kUndefined};
  return kTypes[Bits(flags, 8, 2)];
}

bool IsBase(unsigned value) {
  return value <= static_cast<unsigned>(OrcBase::kSpIndirect);
}

OrcRow ToRow(uint64_t address, std::string_view entry, Layout layout) {
  OrcRow row;
  row.address = address;
  const uint64_t flags = LoadInteger<uint16_t>(entry, kFlags);
  row.sp_offset = LoadInteger<int16_t>(entry, 0);
  row.bp_offset = LoadInteger<int16_t>(entry, 2);
  if (!IsBase(Bits(flags, 0, 4)) || !IsBase(Bits(flags, 4, 4))) return row;
  row.sp_base = static_cast<OrcBase>(Bits(flags, 0, 4));
  row.bp_base = static_cast<OrcBase>(Bits(flags, 4, 4));
  row.type = TypeOf(flags, layout);
  return row;
}

absl::Status Nonsense() {
  return absl::NotFoundError("the kernel's unwind table makes no sense");
}

// From the symbol `begin` to the symbol `end`; empty if there is no such range.
std::pair<uint64_t, std::string_view> Table(const KernelImage& image,
                                            const SymbolTable& symbols,
                                            std::string_view begin,
                                            std::string_view end) {
  const std::optional<uint64_t> first = symbols.Find(begin);
  const std::optional<uint64_t> last = symbols.Find(end);
  if (!first.has_value() || !last.has_value() || *last < *first) return {};
  return {*first, image.Bytes(*first, *last - *first)};
}

}  // namespace

absl::StatusOr<std::vector<OrcRow>> ParseOrc(std::string_view ips,
                                             uint64_t ips_address,
                                             std::string_view entries) {
  const size_t count = ips.size() / kIpSize;
  // Sections are padded, so the tables may be a little longer than their rows.
  if (count == 0 || count > kMaxRows || entries.size() / kEntrySize < count) {
    return Nonsense();
  }
  const Layout layout = LayoutOf(entries.substr(0, count * kEntrySize));
  std::vector<OrcRow> rows;
  rows.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    // Each counts from its own place.
    const auto distance = LoadInteger<int32_t>(ips, i * kIpSize);
    const uint64_t address =
        ips_address + i * kIpSize + static_cast<uint64_t>(int64_t{distance});
    if (!rows.empty() && address < rows.back().address) return Nonsense();
    // Of several rows for one address the last but terminators counts.
    const OrcRow row =
        ToRow(address, entries.substr(i * kEntrySize, kEntrySize), layout);
    if (!rows.empty() && address == rows.back().address) {
      if (row.type != OrcType::kUndefined) rows.back() = row;
      continue;
    }
    rows.push_back(row);
  }
  return rows;
}

absl::StatusOr<std::vector<OrcRow>> ReadOrc(const KernelImage& image,
                                            const SymbolTable& symbols) {
  const auto [ips_address, ips] =
      Table(image, symbols, "__start_orc_unwind_ip", "__stop_orc_unwind_ip");
  const auto [entries_address, entries] =
      Table(image, symbols, "__start_orc_unwind", "__stop_orc_unwind");
  if (ips.empty() || entries.empty()) {
    return absl::NotFoundError("the kernel has no unwind table (ORC)");
  }
  return ParseOrc(ips, ips_address, entries);
}

}  // namespace librr::linux_guest
