// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The sixteen interrupt lines of the ISA bus. Line n leads to input n of the
// 8259 pair and to input n of the I/O APIC, but for line 0, which arrives at
// I/O APIC input 2 (the ACPI tables say so). The router keeps no state: the
// controllers remember the levels.
//
//   IsaIrqRouter isa(pic, io_apic);
//   Uart16550 uart(scheduler, isa.line(4), transmit);
#ifndef LIBRR_MACHINES_PC_DEVICES_ISA_IRQ_H_
#define LIBRR_MACHINES_PC_DEVICES_ISA_IRQ_H_

#include <array>

#include "machines/pc/devices/device.h"
#include "machines/pc/devices/io_apic.h"
#include "machines/pc/devices/pic8259.h"

namespace librr::pc {

class IsaIrqRouter {
 public:
  static constexpr int kLines = 16;
  // Where ISA line 0 arrives at the I/O APIC.
  static constexpr int kTimerGsi = 2;

  // Both controllers must outlive the router.
  IsaIrqRouter(Pic8259& pic, IoApic& io_apic) {
    for (int irq = 0; irq < kLines; ++irq) {
      lines_[irq].pic_line = &pic.line(irq);
      lines_[irq].io_apic_line = &io_apic.line(irq == 0 ? kTimerGsi : irq);
    }
  }
  IsaIrqRouter(const IsaIrqRouter&) = delete;
  IsaIrqRouter& operator=(const IsaIrqRouter&) = delete;

  // Any line but 2, which the cascade of the 8259 pair takes.
  IrqLine& line(int irq) { return lines_[irq]; }

 private:
  class Line final : public IrqLine {
   public:
    void SetLevel(bool high) override {
      pic_line->SetLevel(high);
      io_apic_line->SetLevel(high);
    }
    IrqLine* pic_line = nullptr;
    IrqLine* io_apic_line = nullptr;
  };

  std::array<Line, kLines> lines_;
};

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_DEVICES_ISA_IRQ_H_
