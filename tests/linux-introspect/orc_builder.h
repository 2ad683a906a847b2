// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Writes ORC tables in each of the layouts that kernels have had, for tests.
//
//   OrcBuilder builder(OrcBuilder::Layout::kV6_4);
//   builder.Add(0x1000, {.sp_offset = 8, .sp_reg = 5, .type = 'c'});
//   ParseOrc(builder.Ips(), OrcBuilder::kIps, builder.Entries());
#ifndef LIBRR_TESTS_LINUX_INTROSPECT_ORC_BUILDER_H_
#define LIBRR_TESTS_LINUX_INTROSPECT_ORC_BUILDER_H_

#include <cstdint>
#include <string>
#include <vector>

namespace librr::linux_guest {

struct BuiltOrc {
  int sp_offset = 0;
  int bp_offset = 0;
  int sp_reg = 0;
  int bp_reg = 0;
  char type = 'c';  // call, regs, partial regs, end, undefined
};

class OrcBuilder {
 public:
  enum class Layout { kV4_14, kV6_3, kV6_4 };
  static constexpr uint64_t kText = 0xffffffff81000000;
  static constexpr uint64_t kIps = 0xffffffff82000000;

  explicit OrcBuilder(Layout layout) : layout_(layout) {}

  // `offset` counts from kText.
  void Add(uint64_t offset, const BuiltOrc& orc) {
    const uint64_t place = kIps + ips_.size();
    Put(ips_, kText + offset - place, 4);
    Put(entries_, static_cast<uint64_t>(orc.sp_offset), 2);
    Put(entries_, static_cast<uint64_t>(orc.bp_offset), 2);
    Put(entries_, Flags(orc), 2);
  }

  const std::string& Ips() const { return ips_; }
  const std::string& Entries() const { return entries_; }

 private:
  static void Put(std::string& out, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) {
      out.push_back(static_cast<char>(value >> (8 * i)));
    }
  }

  uint64_t Flags(const BuiltOrc& orc) const {
    const uint64_t registers = static_cast<uint64_t>(
        (orc.type == 'e' || orc.type == 'u' ? 0 : orc.sp_reg) | orc.bp_reg
                                                                    << 4);
    const std::string types = layout_ == Layout::kV6_4 ? "uecrp" : "crp";
    const size_t type = types.find(orc.type);
    uint64_t flags = registers;
    if (type != std::string::npos) flags |= uint64_t{type} << 8;
    if (orc.type == 'e' && layout_ == Layout::kV4_14) flags |= 1 << 10;
    if (orc.type == 'e' && layout_ == Layout::kV6_3) flags |= 1 << 11;
    // `signal` goes with interrupt frames.
    const bool is_signal = orc.type == 'r' || orc.type == 'p';
    if (is_signal && layout_ == Layout::kV6_3) flags |= 1 << 10;
    if (is_signal && layout_ == Layout::kV6_4) flags |= 1 << 11;
    return flags;
  }

  Layout layout_;
  std::string ips_;
  std::string entries_;
};

}  // namespace librr::linux_guest

#endif  // LIBRR_TESTS_LINUX_INTROSPECT_ORC_BUILDER_H_
