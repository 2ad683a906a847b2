// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// From a configuration to a machine that is about to execute its first step.
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "librr-core/base/check.h"
#include "librr-core/base/status_macros.h"
#include "machines/pc/cpu/descriptor.h"
#include "machines/pc/devices/acpi_tables.h"
#include "machines/pc/embedded_pc.h"

namespace librr::pc {
namespace {

constexpr uint64_t kMemoryUnit = 1ull << 20;
constexpr int kMaxVcpus = 16;

absl::Status CheckConfig(const PcConfig& config) {
  if (config.memory_bytes < kPcMinMemory ||
      config.memory_bytes > kPcMaxMemory ||
      config.memory_bytes % kMemoryUnit != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "memory of ", config.memory_bytes,
        " bytes: it must be a multiple of 1 MiB, from 4 MiB to 64 GiB"));
  }
  if (config.vcpus < 1 || config.vcpus > kMaxVcpus) {
    return absl::InvalidArgumentError(
        absl::StrCat(config.vcpus, " vCPUs: there can be 1 to ", kMaxVcpus));
  }
  if (config.engine != "interp") {
    return absl::InvalidArgumentError(absl::StrCat(
        "engine '", config.engine, "' is not known: the engine is 'interp'"));
  }
  if (config.command_line.size() > 2047) {
    return absl::InvalidArgumentError(
        absl::StrCat("the kernel command line has ", config.command_line.size(),
                     " bytes: at most 2047 are possible"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<PcMachine>> PcMachine::Create(
    const PcConfig& config) {
  LIBRR_RETURN_IF_ERROR(CheckConfig(config));
  LIBRR_ASSIGN_OR_RETURN(std::unique_ptr<PhysicalMemory> memory,
                         PhysicalMemory::Create(config.memory_bytes));
  std::unique_ptr<PcMachine> machine(
      new PcMachine(std::move(memory), config.vcpus));
  LIBRR_RETURN_IF_ERROR(machine->Load(config));
  return machine;
}

absl::Status PcMachine::Load(const PcConfig& config) {
  const AcpiTables acpi = BuildAcpiTables(config.vcpus);
  LIBRR_ASSIGN_OR_RETURN(const BootImage image,
                         LoadKernel({.kernel = config.kernel,
                                     .initrd = config.initrd,
                                     .command_line = config.command_line,
                                     .memory_bytes = config.memory_bytes,
                                     .acpi_rsdp_address = acpi.rsdp_address}));
  for (const AcpiBlob& blob : acpi.blobs)
    LIBRR_RETURN_IF_ERROR(
        WritePhysical(GuestPhysical(blob.address), blob.bytes));
  for (const Placement& placement : image.placements) {
    LIBRR_RETURN_IF_ERROR(
        WritePhysical(GuestPhysical(placement.physical),
                      {reinterpret_cast<const uint8_t*>(placement.bytes.data()),
                       placement.bytes.size()}));
  }
  SetInitialState(image.cpu);
  return absl::OkStatus();
}

void PcMachine::SetInitialState(const InitialCpu& initial) {
  Cpu& bsp = cpu(0);
  pc::Registers& regs = bsp.regs;
  regs.gpr[kRip] = initial.rip;
  regs.gpr[kRsp] = initial.rsp;
  regs.gpr[kRax] = initial.rax;
  regs.gpr[kRbx] = initial.rbx;
  regs.gpr[kRsi] = initial.rsi;
  regs.cr0 = initial.cr0;
  regs.cr3 = initial.cr3;
  regs.cr4 = initial.cr4;
  regs.efer = initial.efer;
  regs.gdtr = {initial.gdt_base, initial.gdt_limit};
  const auto load = [&](uint16_t selector) {
    Descriptor descriptor;
    const uint8_t* host = memory_->Host(initial.gdt_base + (selector & ~7u));
    LIBRR_CHECK(host != nullptr);
    std::memcpy(&descriptor.low, host, sizeof(descriptor.low));
    return descriptor.ToSegment(selector);
  };
  regs.segments[kCs] = load(initial.code_selector);
  for (SegmentIndex i : {kEs, kSs, kDs, kFs, kGs})
    regs.segments[i] = load(initial.data_selector);
  if (initial.task_selector) regs.tr = load(initial.task_selector);
  bsp.StateChanged();
}

}  // namespace librr::pc
