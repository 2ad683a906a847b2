// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// One counter of an 8254: its six modes, the three ways to access its count,
// and its latches. All times are ticks of the counter's clock since power-on;
// a count is loaded on the tick after it was written.
//
//   counter.WriteControl(0x34, now);      // mode 2, low byte then high byte
//   counter.WriteData(0xa9, now);
//   counter.WriteData(0x04, now);
//   bool out = counter.Output(now);
#ifndef LIBRR_MACHINES_PC_DEVICES_PIT_COUNTER_H_
#define LIBRR_MACHINES_PC_DEVICES_PIT_COUNTER_H_

#include <cstdint>
#include <limits>
#include <string_view>

#include "librr-core/machine/state_visitor.h"

namespace librr::pc {

class PitCounter {
 public:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  // `value` is a control word whose access bits (4 and 5) are not zero.
  void WriteControl(uint8_t value);
  void WriteData(uint8_t value, int64_t now);
  uint8_t ReadData(int64_t now);
  void LatchCount(int64_t now);
  void LatchStatus(int64_t now);

  void SetGate(bool high, int64_t now);
  bool gate() const { return gate_; }

  bool Output(int64_t now) const;
  // The first tick after `now` at which the output may differ from
  // `Output(now)`, or kNever.
  int64_t NextTransition(int64_t now) const;
  // Lets a count take effect that was written to a running periodic counter.
  // Must be called before anything else when the clock has moved.
  void Sync(int64_t now);

  void DescribeState(StateVisitor& visitor, std::string_view name);
  void AfterRestore();

 private:
  // 0 to 5: in modes 2 and 3 the highest bit does not matter.
  int mode() const {
    return programmed_mode_ < 6 ? programmed_mode_ : programmed_mode_ - 4;
  }
  bool Periodic() const { return mode() == 2 || mode() == 3; }
  bool TriggeredByGate() const { return mode() == 1 || mode() == 5; }
  // Ticks since the count was loaded; negative until then.
  int64_t Elapsed(int64_t now) const {
    return running_ ? now - start_ : frozen_elapsed_;
  }
  // What the counting element holds, as the guest reads it.
  uint16_t Count(int64_t now) const;
  void Load(uint16_t value, int64_t now);
  void Start(int64_t now);
  void Freeze(int64_t now);
  // How many ticks of a mode 3 period the output is high.
  static int64_t HighTicks(int64_t count) { return (count + 1) / 2; }

  uint8_t programmed_mode_ = 0;  // as written, and as the status has it
  uint8_t access_ = 3;           // 1: low byte, 2: high byte, 3: low then high
  bool bcd_ = false;
  bool gate_ = true;
  bool written_ = false;    // a count was written since the control word
  bool triggered_ = false;  // modes 1 and 5
  bool running_ = false;
  int64_t count_ = 0x10000;  // 1 to 0x10000, in effect
  int64_t next_count_ = 0;   // takes its place at `next_tick_`; 0: none
  int64_t next_tick_ = 0;
  int64_t start_ = 0;  // when running: the tick of the load
  int64_t frozen_elapsed_ = 0;

  bool write_high_ = false;
  uint8_t write_low_ = 0;
  bool read_high_ = false;
  bool count_latched_ = false;
  uint16_t latched_count_ = 0;
  bool status_latched_ = false;
  uint8_t latched_status_ = 0;
};

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_DEVICES_PIT_COUNTER_H_
