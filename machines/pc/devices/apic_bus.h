// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What local APICs and I/O APICs say to each other: interrupt messages, whose
// destinations are resolved here, and the end of level-triggered interrupts.
//
//   ApicBus bus;
//   bus.Attach(&lapic0);                     // in order of APIC ids
//   bus.AttachEoiListener(&io_apic);
//   bus.Send({.vector = 0x31, .destination = 0});
#ifndef LIBRR_MACHINES_PC_DEVICES_APIC_BUS_H_
#define LIBRR_MACHINES_PC_DEVICES_APIC_BUS_H_

#include <cstdint>
#include <vector>

namespace librr::pc {

// Intel SDM volume 3, section 10.6.1; values as in the ICR.
enum class ApicDelivery : uint8_t {
  kFixed = 0,
  kLowestPriority = 1,
  kSmi = 2,
  kNmi = 4,
  kInit = 5,
  kStartup = 6,
  kExtInt = 7,
};

// Physical destination of everyone. Senders whose destinations have eight bits
// translate 0xff.
inline constexpr uint32_t kApicBroadcast = 0xffffffff;

struct ApicMessage {
  uint8_t vector = 0;
  ApicDelivery delivery = ApicDelivery::kFixed;
  bool level_triggered = false;
  bool logical = false;
  uint32_t destination = 0;
};

// A local APIC as the bus sees it.
class ApicReceiver {
 public:
  virtual ~ApicReceiver() = default;
  // Whether a message so addressed is for this APIC. False while disabled.
  virtual bool IsAddressed(uint32_t destination, bool logical) const = 0;
  // Whether fixed and lowest-priority messages would be accepted now.
  virtual bool AcceptsInterrupts() const = 0;
  virtual void Deliver(const ApicMessage& message) = 0;
};

class ApicEoiListener {
 public:
  virtual ~ApicEoiListener() = default;
  virtual void OnEndOfInterrupt(uint8_t vector) = 0;
};

enum class ApicShorthand : uint8_t {
  kNone = 0,
  kSelf = 1,
  kAllIncludingSelf = 2,
  kAllExcludingSelf = 3,
};

class ApicBus {
 public:
  // In ascending order of APIC ids: a lowest-priority message goes to the
  // first APIC that is addressed and accepts interrupts.
  void Attach(ApicReceiver* receiver) { receivers_.push_back(receiver); }
  void AttachEoiListener(ApicEoiListener* listener) {
    listeners_.push_back(listener);
  }

  // Returns whether anyone accepted the message.
  bool Send(const ApicMessage& message);
  // An inter-processor interrupt.
  void SendIpi(ApicReceiver* sender, ApicShorthand shorthand,
               const ApicMessage& message);

  void BroadcastEndOfInterrupt(uint8_t vector);

 private:
  std::vector<ApicReceiver*> receivers_;
  std::vector<ApicEoiListener*> listeners_;
};

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_DEVICES_APIC_BUS_H_
