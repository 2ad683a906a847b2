// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Reference: National Semiconductor PC16550D data sheet (June 1995), section 8.
#include "machines/pc/devices/uart16550.h"

#include <algorithm>
#include <utility>

#include "librr-core/base/check.h"

namespace librr::pc {
namespace {

enum Register : uint16_t {
  kData = 0,  // RBR and THR; DLL with DLAB
  kIer = 1,   // DLM with DLAB
  kIir = 2,   // FCR when written
  kLcr = 3,
  kMcr = 4,
  kLsr = 5,
  kMsr = 6,
  kScratch = 7,
};

constexpr uint8_t kIerReceived = 0x01;
constexpr uint8_t kIerThrEmpty = 0x02;
constexpr uint8_t kIerLineStatus = 0x04;
constexpr uint8_t kIerModemStatus = 0x08;

constexpr uint8_t kIirNone = 0x01;
constexpr uint8_t kIirModemStatus = 0x00;
constexpr uint8_t kIirThrEmpty = 0x02;
constexpr uint8_t kIirReceived = 0x04;
constexpr uint8_t kIirLineStatus = 0x06;
constexpr uint8_t kIirFifosEnabled = 0xc0;

constexpr uint8_t kFcrEnable = 0x01;
constexpr uint8_t kFcrResetReceiver = 0x02;

constexpr uint8_t kLcrDlab = 0x80;

constexpr uint8_t kMcrDtr = 0x01;
constexpr uint8_t kMcrRts = 0x02;
constexpr uint8_t kMcrOut1 = 0x04;
constexpr uint8_t kMcrOut2 = 0x08;
constexpr uint8_t kMcrLoop = 0x10;

constexpr uint8_t kLsrDataReady = 0x01;
constexpr uint8_t kLsrOverrun = 0x02;
constexpr uint8_t kLsrThrEmpty = 0x20;
constexpr uint8_t kLsrTransmitterEmpty = 0x40;

constexpr uint8_t kMsrCts = 0x10;
constexpr uint8_t kMsrDsr = 0x20;
constexpr uint8_t kMsrRi = 0x40;
constexpr uint8_t kMsrDcd = 0x80;

constexpr uint64_t kBaseBaud = 115'200;
constexpr uint64_t kBitsPerCharacter = 10;  // start, eight data, stop
constexpr uint64_t kMinCharacterNs = 1'000;

// Reads of the line status, with no write between them, after which a driver
// counts as one that polls. Those that only transmit read it once or twice.
constexpr uint8_t kPollsToListen = 16;

}  // namespace

Uart16550::Uart16550(Scheduler& scheduler, IrqLine& irq, Transmit transmit)
    : scheduler_(scheduler),
      irq_(irq),
      transmit_(std::move(transmit)),
      rx_timer_(scheduler.AddTimer("uart0.rx", [this] { ReceiveFromLine(); })) {
}

size_t Uart16550::InputRoom() const {
  return kInputCapacity - std::min(kInputCapacity, queue_.size());
}

void Uart16550::PushInput(absl::Span<const uint8_t> bytes) {
  LIBRR_CHECK(bytes.size() <= InputRoom());
  queue_.insert(queue_.end(), bytes.begin(), bytes.end());
  Update();
}

uint8_t Uart16550::ReadByte(uint16_t port) {
  switch (port - kPort) {
    case kData: {
      if (lcr_ & kLcrDlab) return static_cast<uint8_t>(divisor_);
      const uint8_t byte = PopFifo();
      Update();
      return byte;
    }
    case kIer:
      return lcr_ & kLcrDlab ? static_cast<uint8_t>(divisor_ >> 8) : ier_;
    case kIir: {
      const uint8_t cause = InterruptCause();
      if (cause == kIirThrEmpty) {
        thre_pending_ = false;
        Update();
      }
      return cause | (fifo_enabled_ ? kIirFifosEnabled : 0);
    }
    case kLcr:
      return lcr_;
    case kMcr:
      return mcr_;
    case kLsr: {
      const uint8_t status = kLsrThrEmpty | kLsrTransmitterEmpty |
                             (fifo_count_ != 0 ? kLsrDataReady : 0) |
                             (overrun_ ? kLsrOverrun : 0);
      overrun_ = false;
      if (!(ier_ & kIerReceived) && polls_ < kPollsToListen) ++polls_;
      Update();
      return status;
    }
    case kMsr: {
      const uint8_t status = ModemInputs() | modem_delta_;
      if (modem_delta_ != 0) {
        modem_delta_ = 0;
        Update();
      }
      return status;
    }
    case kScratch:
      return scratch_;
    default:
      return 0xff;
  }
}

void Uart16550::WriteByte(uint16_t port, uint8_t value) {
  polls_ = 0;
  switch (port - kPort) {
    case kData:
      if (lcr_ & kLcrDlab) {
        divisor_ = (divisor_ & 0xff00) | value;
      } else {
        WriteThr(value);
      }
      break;
    case kIer:
      if (lcr_ & kLcrDlab) {
        divisor_ = static_cast<uint16_t>((divisor_ & 0x00ff) | value << 8);
      } else {
        value &= 0x0f;
        // Enabling the interrupt while THR is empty raises it (section 8.5).
        if (value & ~ier_ & kIerThrEmpty) thre_pending_ = true;
        ier_ = value;
      }
      break;
    case kIir:
      WriteFcr(value);
      break;
    case kLcr:
      lcr_ = value;
      break;
    case kMcr:
      WriteMcr(value);
      break;
    case kScratch:
      scratch_ = value;
      break;
    default:  // LSR and MSR are read-only
      return;
  }
  Update();
}

void Uart16550::WriteThr(uint8_t value) {
  if (mcr_ & kMcrLoop) {
    PushFifo(value, /*looped=*/true);
  } else {
    transmit_(absl::MakeConstSpan(&value, 1));
  }
  thre_pending_ = true;
}

void Uart16550::WriteFcr(uint8_t value) {
  const bool enable = (value & kFcrEnable) != 0;
  // A change of the enable bit empties the FIFOs; the other bits count only
  // together with a set enable bit (section 8.4).
  if (enable != fifo_enabled_ || (enable && (value & kFcrResetReceiver))) {
    ResetReceiver();
  }
  fifo_enabled_ = enable;
}

void Uart16550::WriteMcr(uint8_t value) {
  const uint8_t before = ModemInputs();
  mcr_ = value & 0x1f;
  const uint8_t after = ModemInputs();
  modem_delta_ |= ((before ^ after) & (kMsrCts | kMsrDsr | kMsrDcd)) >> 4;
  // Only the trailing edge of the ring indicator counts.
  modem_delta_ |= (before & ~after & kMsrRi) >> 4;
}

uint8_t Uart16550::ModemInputs() const {
  if (!(mcr_ & kMcrLoop)) return kMsrCts | kMsrDsr | kMsrDcd;
  return (mcr_ & kMcrRts ? kMsrCts : 0) | (mcr_ & kMcrDtr ? kMsrDsr : 0) |
         (mcr_ & kMcrOut1 ? kMsrRi : 0) | (mcr_ & kMcrOut2 ? kMsrDcd : 0);
}

size_t Uart16550::FifoCapacity() const { return fifo_enabled_ ? kFifoSize : 1; }

void Uart16550::PushFifo(uint8_t byte, bool looped) {
  if (fifo_count_ >= FifoCapacity()) {
    overrun_ = true;
    return;
  }
  fifo_[fifo_count_] = byte;
  fifo_looped_[fifo_count_] = looped;
  ++fifo_count_;
}

uint8_t Uart16550::PopFifo() {
  if (fifo_count_ == 0) return 0;
  const uint8_t byte = fifo_[0];
  --fifo_count_;
  std::copy_n(fifo_.begin() + 1, fifo_count_, fifo_.begin());
  std::copy_n(fifo_looped_.begin() + 1, fifo_count_, fifo_looped_.begin());
  // Unused entries stay zero: equal states have equal descriptions.
  fifo_[fifo_count_] = 0;
  fifo_looped_[fifo_count_] = 0;
  return byte;
}

void Uart16550::ResetReceiver() {
  for (size_t i = fifo_count_; i-- > 0;) {
    if (!fifo_looped_[i]) queue_.push_front(fifo_[i]);
  }
  fifo_count_ = 0;
  fifo_.fill(0);
  fifo_looped_.fill(0);
}

void Uart16550::ReceiveFromLine() {
  if (!CanReceive()) return;  // the line rests until `Update` restarts it
  PushFifo(queue_.front(), /*looped=*/false);
  queue_.pop_front();
  Update();
}

bool Uart16550::CanReceive() const {
  const bool is_listening = (ier_ & kIerReceived) || polls_ >= kPollsToListen;
  return is_listening && !(mcr_ & kMcrLoop) && !queue_.empty() &&
         fifo_count_ < FifoCapacity();
}

uint64_t Uart16550::CharacterNs() const {
  const uint64_t divisor = std::max<uint16_t>(divisor_, 1);
  return std::max(kMinCharacterNs,
                  kBitsPerCharacter * divisor * 1'000'000'000 / kBaseBaud);
}

uint8_t Uart16550::InterruptCause() const {
  if ((ier_ & kIerLineStatus) && overrun_) return kIirLineStatus;
  if ((ier_ & kIerReceived) && fifo_count_ != 0) return kIirReceived;
  if ((ier_ & kIerThrEmpty) && thre_pending_) return kIirThrEmpty;
  if ((ier_ & kIerModemStatus) && modem_delta_ != 0) return kIirModemStatus;
  return kIirNone;
}

void Uart16550::Update() {
  irq_.SetLevel(InterruptCause() != kIirNone);
  // An armed timer stays armed when the driver stops listening: Linux masks
  // all interrupts around each console write, which must not hold up input.
  if (CanReceive() && !rx_timer_->armed()) {
    rx_timer_->Arm(scheduler_.now() + CharacterNs());
  }
}

void Uart16550::DescribeState(StateVisitor& visitor) {
  visitor.Queue("queue", queue_, kInputCapacity + kFifoSize);
  visitor.Bytes("fifo", absl::MakeSpan(fifo_));
  visitor.Bytes("fifo_looped", absl::MakeSpan(fifo_looped_));
  visitor.Field("fifo_count", fifo_count_);
  visitor.Field("fifo_enabled", fifo_enabled_);
  visitor.Field("overrun", overrun_);
  visitor.Field("thre_pending", thre_pending_);
  visitor.Field("ier", ier_);
  visitor.Field("lcr", lcr_);
  visitor.Field("mcr", mcr_);
  visitor.Field("modem_delta", modem_delta_);
  visitor.Field("scratch", scratch_);
  visitor.Field("polls", polls_);
  visitor.Field("divisor", divisor_);
}

void Uart16550::AfterRestore() {
  fifo_count_ = std::min(fifo_count_, static_cast<uint8_t>(FifoCapacity()));
}

}  // namespace librr::pc
