// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/devices/apic_bus.h"

namespace librr::pc {
namespace {

bool NeedsEnabledReceiver(ApicDelivery delivery) {
  return delivery == ApicDelivery::kFixed ||
         delivery == ApicDelivery::kLowestPriority;
}

}  // namespace

bool ApicBus::Send(const ApicMessage& message) {
  bool accepted = false;
  for (ApicReceiver* receiver : receivers_) {
    if (!receiver->IsAddressed(message.destination, message.logical)) continue;
    if (NeedsEnabledReceiver(message.delivery) &&
        !receiver->AcceptsInterrupts()) {
      continue;
    }
    receiver->Deliver(message);
    accepted = true;
    if (message.delivery == ApicDelivery::kLowestPriority) break;
  }
  return accepted;
}

void ApicBus::SendIpi(ApicReceiver* sender, ApicShorthand shorthand,
                      const ApicMessage& message) {
  if (shorthand == ApicShorthand::kNone) {
    Send(message);
    return;
  }
  for (ApicReceiver* receiver : receivers_) {
    const bool self = receiver == sender;
    if (shorthand == ApicShorthand::kSelf && !self) continue;
    if (shorthand == ApicShorthand::kAllExcludingSelf && self) continue;
    if (!receiver->IsAddressed(kApicBroadcast, /*logical=*/false)) continue;
    if (NeedsEnabledReceiver(message.delivery) &&
        !receiver->AcceptsInterrupts()) {
      continue;
    }
    receiver->Deliver(message);
    if (message.delivery == ApicDelivery::kLowestPriority) break;
  }
}

void ApicBus::BroadcastEndOfInterrupt(uint8_t vector) {
  for (ApicEoiListener* listener : listeners_) {
    listener->OnEndOfInterrupt(vector);
  }
}

}  // namespace librr::pc
