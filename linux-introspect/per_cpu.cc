// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/per_cpu.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "librr-core/base/abseil_view.h"
#include "librr-core/base/status_macros.h"

namespace librr::linux_guest {
namespace {

constexpr uint32_t kMaxCpus = 8192;  // NR_CPUS is at most that
// Of the copies of a variable together.
constexpr uint64_t kMaxBytes = 16 << 20;
constexpr uint64_t kWord = 8;

using Kind = LinuxPerCpuVariable::Kind;

Kind KindOf(const Btf& types, Btf::Id type) {
  switch (types.kind(type)) {
    case Btf::Kind::kPointer:
      return Kind::kPointer;
    case Btf::Kind::kInt:
      return types.IsSigned(type) ? Kind::kSigned : Kind::kUnsigned;
    case Btf::Kind::kEnum:
    case Btf::Kind::kEnum64:
      return Kind::kUnsigned;
    default:
      return Kind::kOther;
  }
}

}  // namespace

absl::StatusOr<PerCpuAreas> PerCpuAreas::Make(const Kernel* kernel) {
  PerCpuAreas areas(kernel);
  LIBRR_ASSIGN_OR_RETURN(areas.offsets_, kernel->Symbol("__per_cpu_offset"));
  return areas;
}

absl::StatusOr<uint64_t> PerCpuAreas::Address(uint64_t variable,
                                              uint32_t cpu) const {
  if (cpu >= kMaxCpus) {
    return absl::InvalidArgumentError(absl::StrFormat("no CPU %d", cpu));
  }
  LIBRR_ASSIGN_OR_RETURN(const uint64_t offset,
                         kernel_->ReadPointer(offsets_ + 8 * cpu));
  return variable + offset;
}

absl::StatusOr<std::vector<uint32_t>> PerCpuAreas::Mask(
    std::string_view symbol) const {
  LIBRR_ASSIGN_OR_RETURN(const uint64_t address, kernel_->Symbol(symbol));
  LIBRR_ASSIGN_OR_RETURN(uint64_t size, kernel_->SizeOf("cpumask"));
  size = std::min<uint64_t>(size, kMaxCpus / 8);
  LIBRR_ASSIGN_OR_RETURN(const std::string mask, kernel_->Read(address, size));
  std::vector<uint32_t> cpus;
  for (uint32_t cpu = 0; cpu < mask.size() * 8; ++cpu) {
    if ((mask[cpu / 8] >> cpu % 8 & 1) != 0) cpus.push_back(cpu);
  }
  return cpus;
}

absl::StatusOr<LinuxPerCpuVariable> ReadPerCpu(const Kernel& kernel,
                                               std::string_view name) {
  const size_t dot = name.find('.');
  const std::string_view variable = name.substr(0, dot);
  LIBRR_ASSIGN_OR_RETURN(const PerCpuAreas areas, PerCpuAreas::Make(&kernel));
  LIBRR_ASSIGN_OR_RETURN(uint64_t address, kernel.Symbol(variable));
  LIBRR_ASSIGN_OR_RETURN(const uint64_t begin,
                         kernel.Symbol("__per_cpu_start"));
  LIBRR_ASSIGN_OR_RETURN(const uint64_t end, kernel.Symbol("__per_cpu_end"));
  if (address < begin || address >= end) {
    return absl::NotFoundError(absl::StrCat(
        AbseilView(variable), " is no per-CPU variable of the kernel"));
  }
  LinuxPerCpuVariable found;
  found.name = std::string(name);
  uint64_t size = kWord;
  const Btf& types = kernel.btf();
  std::optional<Btf::Id> type = types.FindVariable(variable);
  if (!type.has_value() && dot != std::string_view::npos) {
    return absl::NotFoundError(
        absl::StrCat("the kernel does not say of what type ",
                     AbseilView(variable), " is; leave out the member"));
  }
  if (dot != std::string_view::npos) {
    LIBRR_ASSIGN_OR_RETURN(const Btf::Member member,
                           types.FindMember(*type, name.substr(dot + 1)));
    if (member.bits != 0) {
      return absl::NotFoundError(absl::StrCat(
          AbseilView(name), " is a bit field; name what it is in"));
    }
    address += member.bit_offset / 8;
    type = member.type;
  }
  if (type.has_value()) {
    size = types.Size(*type);
    found.type = types.Describe(*type);
    found.kind = KindOf(types, types.Resolve(*type));
  }
  LIBRR_ASSIGN_OR_RETURN(const std::vector<uint32_t> cpus, areas.Possible());
  if (size > kMaxBytes / std::max<size_t>(cpus.size(), 1)) {
    return absl::OutOfRangeError(absl::StrFormat(
        "%s has %d bytes for each CPU; name a member", name, size));
  }
  for (const uint32_t cpu : cpus) {
    LinuxPerCpuVariable::Value value;
    value.cpu = cpu;
    LIBRR_ASSIGN_OR_RETURN(const uint64_t at, areas.Address(address, cpu));
    value.address = GuestVirtual(at);
    LIBRR_ASSIGN_OR_RETURN(value.bytes, kernel.Read(at, size));
    found.values.push_back(std::move(value));
  }
  return found;
}

}  // namespace librr::linux_guest
