// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The first serial port: a National PC16550D at 0x3f8, IRQ 4.
//
// Transmission takes no time: a byte written to THR has left when the write
// ends. Reception is lossless: bytes wait in a bounded queue outside of the
// chip until the guest's driver listens (received-data interrupt enabled, or
// the line status read again and again; no loopback) and the FIFO has room,
// then arrive one per character time. Bytes that a FIFO reset would discard go
// back to the head of the queue.
// OUT2 does not gate the interrupt, because kernels written against emulators
// leave it clear.
//
//   Uart16550 uart(scheduler, isa.line(4), [](auto bytes) { Print(bytes); });
//   bus.AddPorts(Uart16550::kPort, Uart16550::kPortCount, &uart);
//   if (uart.InputRoom() >= 2) uart.PushInput(two_bytes);
#ifndef LIBRR_MACHINES_PC_DEVICES_UART16550_H_
#define LIBRR_MACHINES_PC_DEVICES_UART16550_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string_view>

#include "absl/types/span.h"
#include "machines/pc/devices/byte_ports.h"
#include "machines/pc/devices/device.h"
#include "machines/pc/devices/scheduler.h"

namespace librr::pc {

class Uart16550 final : public Device, public BytePorts {
 public:
  static constexpr uint16_t kPort = 0x3f8;
  static constexpr uint32_t kPortCount = 8;
  static constexpr size_t kInputCapacity = 4096;

  using Transmit = std::function<void(absl::Span<const uint8_t>)>;

  // `irq` and `scheduler` must outlive the device.
  Uart16550(Scheduler& scheduler, IrqLine& irq, Transmit transmit);

  // How many bytes `PushInput` accepts now.
  size_t InputRoom() const;
  // `bytes` must fit in `InputRoom` (CHECK).
  void PushInput(absl::Span<const uint8_t> bytes);

  std::string_view name() const override { return "uart0"; }
  void DescribeState(StateVisitor& visitor) override;
  void AfterRestore() override;

 protected:
  uint8_t ReadByte(uint16_t port) override;
  void WriteByte(uint16_t port, uint8_t value) override;

 private:
  static constexpr size_t kFifoSize = 16;

  size_t FifoCapacity() const;
  void PushFifo(uint8_t byte, bool looped);
  uint8_t PopFifo();
  // Empties the FIFO; what came in over the line returns to the queue.
  void ResetReceiver();
  void ReceiveFromLine();
  bool CanReceive() const;
  uint64_t CharacterNs() const;

  void WriteFcr(uint8_t value);
  void WriteMcr(uint8_t value);
  void WriteThr(uint8_t value);
  uint8_t ModemInputs() const;
  // The interrupt identification's low four bits.
  uint8_t InterruptCause() const;
  // Brings interrupt line and reception timer up to date.
  void Update();

  Scheduler& scheduler_;
  IrqLine& irq_;
  Transmit transmit_;
  Timer* rx_timer_;

  std::deque<uint8_t> queue_;
  std::array<uint8_t, kFifoSize> fifo_{};         // oldest first
  std::array<uint8_t, kFifoSize> fifo_looped_{};  // 1: from the loopback
  uint8_t fifo_count_ = 0;
  bool fifo_enabled_ = false;
  bool overrun_ = false;
  bool thre_pending_ = false;
  uint8_t ier_ = 0;
  uint8_t lcr_ = 0;
  uint8_t mcr_ = 0;
  uint8_t modem_delta_ = 0;
  uint8_t scratch_ = 0;
  uint8_t polls_ = 0;  // reads of LSR since the last write, without interrupts
  uint16_t divisor_ = 1;
};

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_DEVICES_UART16550_H_
