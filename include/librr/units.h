// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Strong types for the units of a recorded machine.
//
// A `Position` counts steps since the recording began; a `VirtualTime` counts
// the guest's nanoseconds. Neither converts silently into the other or into an
// address. All are plain 64-bit values: copy them freely, in any thread.
#ifndef LIBRR_UNITS_H_
#define LIBRR_UNITS_H_

#include <compare>
#include <cstdint>
#include <limits>

namespace librr {

// A 64-bit count of one unit. `Tag` only keeps units apart.
template <typename Tag>
class Quantity {
 public:
  constexpr Quantity() = default;
  constexpr explicit Quantity(uint64_t value) : value_(value) {}

  static constexpr Quantity Max() {
    return Quantity(std::numeric_limits<uint64_t>::max());
  }

  constexpr uint64_t value() const { return value_; }
  constexpr auto operator<=>(const Quantity&) const = default;

  // Offsets are counts of the same unit.
  constexpr Quantity operator+(uint64_t count) const {
    return Quantity(value_ + count);
  }
  constexpr Quantity& operator+=(uint64_t count) {
    value_ += count;
    return *this;
  }
  // The distance to an earlier quantity; `other` must not be later.
  constexpr uint64_t operator-(Quantity other) const {
    return value_ - other.value_;
  }

 private:
  uint64_t value_ = 0;
};

// Steps executed by the whole machine since the recording began. One step is
// one retired instruction, one iteration of a REP instruction, or the delivery
// of one interrupt or exception.
using Position = Quantity<struct PositionTag>;

// Nanoseconds of guest time since power-on.
using VirtualTime = Quantity<struct VirtualTimeTag>;

// A linear (virtual, after segmentation) guest address.
using GuestVirtual = Quantity<struct GuestVirtualTag>;

// A physical guest address.
using GuestPhysical = Quantity<struct GuestPhysicalTag>;

}  // namespace librr

#endif  // LIBRR_UNITS_H_
