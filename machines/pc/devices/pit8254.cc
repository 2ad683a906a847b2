// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/devices/pit8254.h"

#include "machines/pc/devices/clock_rate.h"

namespace librr::pc {
namespace {

constexpr ClockRate kClock(Pit8254::kHertz);

// The DRAM refresh request, which software uses as a coarse clock.
constexpr uint64_t kRefreshToggleNs = 15'085;

constexpr uint8_t kSpeakerGate2 = 0x01;
constexpr uint8_t kSpeakerWritable = 0x0f;
constexpr uint8_t kSpeakerRefresh = 0x10;
constexpr uint8_t kSpeakerOutput2 = 0x20;

// A surcharge spans at most a few ticks, so more transitions than this between
// two calls only occur in a state that no machine has saved.
constexpr int kMaxReplayedTransitions = 256;

}  // namespace

Pit8254::Pit8254(Scheduler& scheduler, IrqLine& irq0)
    : scheduler_(scheduler),
      irq0_(irq0),
      timer_(scheduler.AddTimer("pit.counter0", [this] {
        const int64_t now = Now();
        Sync(now);
        Update(now);
      })) {
  counters_[2].SetGate(false, 0);
}

int64_t Pit8254::Now() const {
  return static_cast<int64_t>(kClock.TicksAt(scheduler_.now()));
}

void Pit8254::Sync(int64_t now) {
  // The low pulse of mode 2 lasts one tick and may lie between two steps: its
  // edges must reach the line nevertheless.
  PitCounter& counter = counters_[0];
  for (int i = 0; i < kMaxReplayedTransitions; ++i) {
    const int64_t next = counter.NextTransition(synced_);
    if (next > now) break;
    counter.Sync(next);
    synced_ = next;
    irq0_.SetLevel(counter.Output(next));
  }
  synced_ = now;
  for (PitCounter& each : counters_) each.Sync(now);
}

void Pit8254::Update(int64_t now) {
  irq0_.SetLevel(counters_[0].Output(now));
  const int64_t next = counters_[0].NextTransition(now);
  timer_->Arm(next == PitCounter::kNever
                  ? Timer::kNever
                  : kClock.NsOfTick(static_cast<uint64_t>(next)));
}

uint8_t Pit8254::ReadByte(uint16_t port) {
  const int64_t now = Now();
  Sync(now);
  if (port == kSpeakerPort) {
    uint8_t value = speaker_;
    if (scheduler_.now() / kRefreshToggleNs % 2 != 0) value |= kSpeakerRefresh;
    if (counters_[2].Output(now)) value |= kSpeakerOutput2;
    return value;
  }
  if (port == kPort + 3) return 0xff;  // the control word is write-only
  return counters_[port - kPort].ReadData(now);
}

void Pit8254::WriteByte(uint16_t port, uint8_t value) {
  const int64_t now = Now();
  Sync(now);
  if (port == kSpeakerPort) {
    speaker_ = value & kSpeakerWritable;
    counters_[2].SetGate((value & kSpeakerGate2) != 0, now);
    return;
  }
  if (port == kPort + 3) {
    WriteControl(value, now);
  } else {
    counters_[port - kPort].WriteData(value, now);
  }
  Update(now);
}

void Pit8254::WriteControl(uint8_t value, int64_t now) {
  const int select = value >> 6;
  if (select == 3) {
    for (int i = 0; i < 3; ++i) {
      if (!(value & (2 << i))) continue;
      if (!(value & 0x20)) counters_[i].LatchCount(now);
      if (!(value & 0x10)) counters_[i].LatchStatus(now);
    }
  } else if ((value & 0x30) == 0) {
    counters_[select].LatchCount(now);
  } else {
    counters_[select].WriteControl(value);
  }
}

void Pit8254::DescribeState(StateVisitor& visitor) {
  counters_[0].DescribeState(visitor, "counter0");
  counters_[1].DescribeState(visitor, "counter1");
  counters_[2].DescribeState(visitor, "counter2");
  visitor.Field("synced", synced_);
  visitor.Field("speaker", speaker_);
}

void Pit8254::AfterRestore() {
  for (PitCounter& counter : counters_) counter.AfterRestore();
  if (synced_ < 0 || synced_ > Now()) synced_ = Now();
  speaker_ &= kSpeakerWritable;
}

}  // namespace librr::pc
