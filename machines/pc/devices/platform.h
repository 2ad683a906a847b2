// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// All devices of the PC for N vCPUs, wired together: what is on which port,
// which interrupt line leads where. It adds no behaviour of its own but the
// choice between a processor's local APIC and the 8259 pair.
//
//   Platform platform(scheduler, vcpus, memory_bytes, callbacks);
//   platform.bus().WritePort(0x3f8, 1, 'x');
//   if (platform.HasPendingInterrupt(0)) {
//     Deliver(platform.AcknowledgeInterrupt(0));
//   }
//
// The local APICs' pages are not on the bus: see `LocalApic::MapsPage`. The
// scheduler's own state (the timers' deadlines) is described by its owner.
#ifndef LIBRR_MACHINES_PC_DEVICES_PLATFORM_H_
#define LIBRR_MACHINES_PC_DEVICES_PLATFORM_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "machines/pc/devices/acpi_pm.h"
#include "machines/pc/devices/apic_bus.h"
#include "machines/pc/devices/bus.h"
#include "machines/pc/devices/device.h"
#include "machines/pc/devices/exit_port.h"
#include "machines/pc/devices/io_apic.h"
#include "machines/pc/devices/isa_irq.h"
#include "machines/pc/devices/local_apic.h"
#include "machines/pc/devices/pic8259.h"
#include "machines/pc/devices/pit8254.h"
#include "machines/pc/devices/reset_control.h"
#include "machines/pc/devices/rtc_mc146818.h"
#include "machines/pc/devices/scheduler.h"
#include "machines/pc/devices/uart16550.h"

namespace librr::pc {

class Platform {
 public:
  // All are called from within an access, a timer or an input.
  struct Callbacks {
    std::function<void(absl::Span<const uint8_t>)> transmit;
    std::function<void()> power_off;
    std::function<void()> reset;
    std::function<void(uint8_t value)> exit;
    // `HasPendingInterrupt` of this vCPU has changed, either way.
    std::function<void(int vcpu)> cpu_signal;
    std::function<void(int vcpu)> nmi;
    std::function<void(int vcpu)> init;
    // Execution starts at physical address vector << 12.
    std::function<void(int vcpu, uint8_t vector)> sipi;
    // The TSC of the vCPU is virtual time plus this.
    std::function<uint64_t(int vcpu)> tsc_offset;
  };

  // 1 to 255 vCPUs (CHECK). `scheduler` must outlive the platform, and must
  // not fire its timers after the platform's end.
  Platform(Scheduler& scheduler, int vcpus, uint64_t memory_bytes,
           Callbacks callbacks);
  Platform(const Platform&) = delete;
  Platform& operator=(const Platform&) = delete;

  Bus& bus() { return bus_; }
  Uart16550& uart() { return uart_; }
  RtcMc146818& rtc() { return rtc_; }
  Pic8259& pic() { return pic_; }
  IoApic& io_apic() { return io_apic_; }
  IsaIrqRouter& isa() { return isa_; }
  LocalApic& lapic(int vcpu) { return *lapics_[vcpu]; }
  const LocalApic& lapic(int vcpu) const { return *lapics_[vcpu]; }
  int vcpus() const { return static_cast<int>(lapics_.size()); }

  // Whether an external interrupt waits for this vCPU. Cheap: asked at every
  // event check. The caller judges IF and interrupt shadows.
  bool HasPendingInterrupt(int vcpu) const { return pending_[vcpu] != 0; }
  // The same with what is known of it: -1 if none, the local APIC's vector, or
  // 0 when the 8259 pair will give the vector.
  int PendingInterrupt(int vcpu) const;
  // Takes the interrupt into service and returns its vector. The 8259 pair
  // comes first, as ExtINT bypasses the local APIC's priorities.
  uint8_t AcknowledgeInterrupt(int vcpu);

  // In a fixed order, which is part of the machine model.
  void ForEachDevice(const std::function<void(Device&)>& visit);
  // To be called once all devices and the scheduler have been restored.
  void AfterRestore();

 private:
  void OnIntr(bool high);
  void UpdatePending(int vcpu);

  Callbacks callbacks_;
  Bus bus_;
  ApicBus apic_bus_;
  std::vector<std::unique_ptr<LocalApic>> lapics_;
  std::vector<uint8_t> pending_;  // caches, by vCPU
  IoApic io_apic_;
  Pic8259 pic_;
  IsaIrqRouter isa_;
  Pit8254 pit_;
  RtcMc146818 rtc_;
  Uart16550 uart_;
  AcpiPm acpi_pm_;
  ResetControl reset_control_;
  ExitPort exit_port_;
};

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_DEVICES_PLATFORM_H_
