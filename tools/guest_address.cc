// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tools/guest_address.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "librr/inspection.h"

namespace librr::tools {
namespace {

constexpr Option kCpuTable[] = {
    {"cpu", 0, "N",
     "the virtual CPU whose page tables and registers count\n"
     "(default: 0)"}};

}  // namespace

const absl::Span<const Option> kCpuOption(kCpuTable);

absl::StatusOr<int> VcpuOption(const Arguments& arguments,
                               const Machine& machine) {
  const absl::StatusOr<std::optional<uint64_t>> cpu = arguments.Number("cpu");
  if (!cpu.ok()) return cpu.status();
  const uint64_t number = cpu->value_or(0);
  if (number >= static_cast<uint64_t>(machine.vcpu_count())) {
    return absl::InvalidArgumentError(absl::StrCat("--cpu: there is no CPU ",
                                                   number, "; the last one is ",
                                                   machine.vcpu_count() - 1));
  }
  return static_cast<int>(number);
}

absl::StatusOr<uint64_t> ParseAddress(const std::string& word,
                                      const Machine& machine, int vcpu) {
  const std::optional<uint64_t> value =
      RegisterNumber(machine.Registers(vcpu), word);
  if (value.has_value()) return *value;
  return ParseNumber(word, "address");
}

}  // namespace librr::tools
