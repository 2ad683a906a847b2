// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/devices/platform.h"

#include <utility>

#include "librr-core/base/check.h"

namespace librr::pc {
namespace {

constexpr int kTimerIrq = 0;
constexpr int kSerialIrq = 4;
constexpr int kRtcIrq = 8;

// The 8259's INTR also reaches this input of the I/O APIC, for ExtINT.
constexpr int kIntrInput = 0;

}  // namespace

Platform::Platform(Scheduler& scheduler, int vcpus, uint64_t memory_bytes,
                   Callbacks callbacks)
    : callbacks_(std::move(callbacks)),
      io_apic_(apic_bus_),
      pic_([this](bool high) { OnIntr(high); }),
      isa_(pic_, io_apic_),
      pit_(scheduler, isa_.line(kTimerIrq)),
      rtc_(scheduler, isa_.line(kRtcIrq), memory_bytes),
      uart_(scheduler, isa_.line(kSerialIrq), callbacks_.transmit),
      acpi_pm_(scheduler, isa_.line(AcpiPm::kSciIrq), callbacks_.power_off),
      reset_control_(callbacks_.reset),
      exit_port_(callbacks_.exit) {
  LIBRR_CHECK(vcpus >= 1 && vcpus <= 255);
  pending_.resize(vcpus);
  for (int i = 0; i < vcpus; ++i) {
    LocalApic::Callbacks apic;
    apic.nmi = [this, i] { callbacks_.nmi(i); };
    apic.init = [this, i] { callbacks_.init(i); };
    apic.startup = [this, i](uint8_t vector) { callbacks_.sipi(i, vector); };
    apic.pending_changed = [this, i] { UpdatePending(i); };
    apic.tsc_offset = [this, i] { return callbacks_.tsc_offset(i); };
    lapics_.push_back(std::make_unique<LocalApic>(
        scheduler, apic_bus_, static_cast<uint32_t>(i),
        /*is_bootstrap=*/i == 0, std::move(apic)));
  }

  bus_.AddPorts(Pic8259::kMasterPort, Pic8259::kPortCount, &pic_);
  bus_.AddPorts(Pic8259::kSlavePort, Pic8259::kPortCount, &pic_);
  bus_.AddPorts(Pic8259::kElcrPort, Pic8259::kPortCount, &pic_);
  bus_.AddPorts(Pit8254::kPort, Pit8254::kPortCount, &pit_);
  bus_.AddPorts(Pit8254::kSpeakerPort, 1, &pit_);
  bus_.AddPorts(RtcMc146818::kPort, RtcMc146818::kPortCount, &rtc_);
  bus_.AddPorts(Uart16550::kPort, Uart16550::kPortCount, &uart_);
  bus_.AddPorts(AcpiPm::kPort, AcpiPm::kPortCount, &acpi_pm_);
  bus_.AddPorts(AcpiPm::kSmiCommandPort, 1, &acpi_pm_);
  bus_.AddPorts(ExitPort::kPort, ExitPort::kPortCount, &exit_port_);
  for (const auto& [first, count] : ResetControl::kPorts) {
    bus_.AddPorts(first, count, &reset_control_);
  }
  bus_.AddMmio(IoApic::kBase, IoApic::kSize, &io_apic_);
}

void Platform::OnIntr(bool high) {
  // INTR is wired to LINT0 of the first processor alone.
  lapics_[0]->SetLint(0, high);
  io_apic_.line(kIntrInput).SetLevel(high);
}

void Platform::UpdatePending(int vcpu) {
  const LocalApic& apic = *lapics_[vcpu];
  const bool pending = apic.HasPendingInterrupt() || apic.ExtIntPending();
  if (pending == (pending_[vcpu] != 0)) return;
  pending_[vcpu] = pending;
  callbacks_.cpu_signal(vcpu);
}

int Platform::PendingInterrupt(int vcpu) const {
  const LocalApic& apic = *lapics_[vcpu];
  return apic.ExtIntPending() ? 0 : apic.PendingVector();
}

uint8_t Platform::AcknowledgeInterrupt(int vcpu) {
  LocalApic& apic = *lapics_[vcpu];
  if (!apic.ExtIntPending()) return apic.AcknowledgeInterrupt();
  apic.AcknowledgeExtInt();
  return pic_.AcknowledgeInterrupt();
}

void Platform::ForEachDevice(const std::function<void(Device&)>& visit) {
  for (const auto& apic : lapics_) visit(*apic);
  visit(io_apic_);
  visit(pic_);
  visit(pit_);
  visit(rtc_);
  visit(uart_);
  visit(acpi_pm_);
  visit(reset_control_);
  visit(exit_port_);
}

void Platform::AfterRestore() {
  ForEachDevice([](Device& device) { device.AfterRestore(); });
  for (int i = 0; i < vcpus(); ++i) UpdatePending(i);
}

}  // namespace librr::pc
