// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/devices/local_apic.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/devices/device_fixture.h"

namespace librr::pc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Offsets in the xAPIC page.
constexpr uint64_t kTpr = 0x80, kPpr = 0xa0, kEoi = 0xb0, kLdr = 0xd0,
                   kDfr = 0xe0, kSvr = 0xf0, kEsr = 0x280, kIcr = 0x300,
                   kIcrHigh = 0x310, kLvtTimer = 0x320, kLvtLint0 = 0x350,
                   kLvtLint1 = 0x360, kLvtError = 0x370, kInitial = 0x380,
                   kCurrent = 0x390, kDivide = 0x3e0;
constexpr uint32_t kDivideBy1 = 0xb;

struct EoiRecorder final : public ApicEoiListener {
  std::vector<int> vectors;
  void OnEndOfInterrupt(uint8_t vector) override { vectors.push_back(vector); }
};

class LocalApicTest : public ::testing::Test {
 protected:
  LocalApicTest() {
    for (uint32_t id = 0; id < 4; ++id) {
      LocalApic::Callbacks callbacks;
      const std::string suffix = std::to_string(id);
      callbacks.nmi = [=, this] { events_.push_back("nmi" + suffix); };
      callbacks.init = [=, this] { events_.push_back("init" + suffix); };
      callbacks.startup = [=, this](uint8_t vector) {
        events_.push_back("sipi" + suffix + ":" + std::to_string(vector));
      };
      callbacks.pending_changed = [this] { ++changes_; };
      callbacks.tsc_offset = [this] { return tsc_offset_; };
      apics_.push_back(std::make_unique<LocalApic>(
          clock_.scheduler, bus_, id, id == 0, std::move(callbacks)));
    }
    bus_.AttachEoiListener(&eois_);
    for (int id = 1; id < 4; ++id) Write(id, kSvr, 0x1ff);
  }

  LocalApic& apic(int id) { return *apics_[id]; }
  uint32_t Read(int id, uint64_t offset) {
    return static_cast<uint32_t>(apic(id).ReadMmio(offset, 4));
  }
  void Write(int id, uint64_t offset, uint32_t value) {
    apic(id).WriteMmio(offset, 4, value);
  }
  void SendIpi(int from, uint32_t destination, uint32_t low) {
    Write(from, kIcrHigh, destination << 24);
    Write(from, kIcr, low);
  }
  // Bit n: APIC n has `vector` pending.
  int Pending(int vector) {
    int mask = 0;
    for (int id = 0; id < 4; ++id) {
      if (apic(id).PendingVector() == vector) mask |= 1 << id;
    }
    return mask;
  }
  void EnableX2Apic(int id) {
    ASSERT_TRUE(apic(id).WriteMsr(0x1b, *apic(id).ReadMsr(0x1b) | 1 << 10));
  }

  FakeClock clock_;
  ApicBus bus_;
  EoiRecorder eois_;
  uint64_t tsc_offset_ = 0;
  std::vector<std::string> events_;
  int changes_ = 0;
  std::vector<std::unique_ptr<LocalApic>> apics_;
};

TEST_F(LocalApicTest, StartsAsFirmwareLeavesIt) {
  EXPECT_EQ(*apic(0).ReadMsr(0x1b), 0xfee00900u);
  EXPECT_EQ(*apic(1).ReadMsr(0x1b), 0xfee00800u);
  EXPECT_EQ(Read(0, 0x20), 0u);
  EXPECT_EQ(Read(3, 0x20), 3u << 24);
  EXPECT_EQ(Read(0, 0x30), 0x00050014u);
  EXPECT_EQ(Read(0, kSvr), 0x1ffu);
  EXPECT_EQ(Read(0, kLvtLint0), 0x700u);
  EXPECT_EQ(Read(0, kLvtLint1), 0x400u);
  EXPECT_EQ(Read(1, kLvtLint0), 0x10000u);
  EXPECT_EQ(Read(0, kDfr), 0xffffffffu);
  EXPECT_TRUE(apic(0).MapsPage(0xfee00300));
  EXPECT_FALSE(apic(0).MapsPage(0xfee01000));
}

TEST_F(LocalApicTest, InterruptsNestByPriorityClass) {
  SendIpi(0, 0, 0x41);
  EXPECT_EQ(apic(0).PendingVector(), 0x41);
  EXPECT_EQ(apic(0).AcknowledgeInterrupt(), 0x41);
  EXPECT_EQ(apic(0).PendingVector(), -1);
  EXPECT_EQ(Read(0, kPpr), 0x40u);
  SendIpi(0, 0, 0x4f);
  EXPECT_EQ(apic(0).PendingVector(), -1) << "same class";
  SendIpi(0, 0, 0x51);
  EXPECT_EQ(apic(0).AcknowledgeInterrupt(), 0x51);
  EXPECT_EQ(Read(0, 0x120), 1u << 0x01 | 1u << 0x11) << "ISR of 0x40-0x5f";
  Write(0, kEoi, 0);
  EXPECT_EQ(apic(0).PendingVector(), -1);
  Write(0, kEoi, 0);
  EXPECT_EQ(apic(0).PendingVector(), 0x4f);
  EXPECT_THAT(eois_.vectors, IsEmpty()) << "edges need no broadcast";
}

TEST_F(LocalApicTest, TaskPriorityAndCr8AreOne) {
  SendIpi(0, 0, 0x51);
  apic(0).SetCr8(5);
  EXPECT_EQ(Read(0, kTpr), 0x50u);
  EXPECT_EQ(apic(0).PendingVector(), -1);
  Write(0, kTpr, 0x4f);
  EXPECT_EQ(apic(0).Cr8(), 4);
  EXPECT_EQ(Read(0, kPpr), 0x4fu);
  EXPECT_EQ(apic(0).PendingVector(), 0x51);
}

TEST_F(LocalApicTest, AcknowledgingNothingIsSpurious) {
  Write(0, kSvr, 0x1ef);
  EXPECT_EQ(apic(0).AcknowledgeInterrupt(), 0xef);
  EXPECT_EQ(Read(0, kPpr), 0u);
}

TEST_F(LocalApicTest, ChangesOfWhatIsPendingAreReported) {
  SendIpi(0, 0, 0x41);
  EXPECT_EQ(changes_, 1);
  SendIpi(0, 0, 0x41);
  SendIpi(0, 0, 0x31);
  EXPECT_EQ(changes_, 1) << "the highest vector is still 0x41";
  apic(0).AcknowledgeInterrupt();
  EXPECT_EQ(changes_, 2);
}

TEST_F(LocalApicTest, PhysicalDestinationsAndBroadcast) {
  SendIpi(0, 2, 0x40);
  EXPECT_EQ(Pending(0x40), 0b0100);
  SendIpi(0, 0xff, 0x50);
  EXPECT_EQ(Pending(0x50), 0b1111);
  SendIpi(0, 9, 0x60);
  EXPECT_EQ(Pending(0x60), 0);
}

TEST_F(LocalApicTest, Shorthands) {
  SendIpi(1, 3, 0x40 | 1 << 18);
  EXPECT_EQ(Pending(0x40), 0b0010);
  SendIpi(1, 3, 0x50 | 2 << 18);
  EXPECT_EQ(Pending(0x50), 0b1111);
  SendIpi(1, 3, 0x60 | 3 << 18);
  EXPECT_EQ(Pending(0x60), 0b1101);
}

TEST_F(LocalApicTest, FlatLogicalDestinations) {
  for (int id = 0; id < 4; ++id) Write(id, kLdr, 1u << (24 + id));
  SendIpi(0, 0b1010, 0x40 | 1 << 11);
  EXPECT_EQ(Pending(0x40), 0b1010);
  SendIpi(0, 0xff, 0x50 | 1 << 11);
  EXPECT_EQ(Pending(0x50), 0b1111);
}

TEST_F(LocalApicTest, ClusterLogicalDestinations) {
  for (int id = 0; id < 4; ++id) {
    Write(id, kDfr, 0x0fffffff);
    Write(id, kLdr, (static_cast<uint32_t>(id / 2) << 4 | 1u << id % 2) << 24);
  }
  SendIpi(0, 0x13, 0x40 | 1 << 11);
  EXPECT_EQ(Pending(0x40), 0b1100);
  SendIpi(0, 0xf1, 0x50 | 1 << 11);
  EXPECT_EQ(Pending(0x50), 0b0101);
}

TEST_F(LocalApicTest, LowestPriorityGoesToTheLowestId) {
  Write(0, kSvr, 0xff);
  SendIpi(3, 0xff, 0x40 | 1 << 8);
  EXPECT_EQ(Pending(0x40), 0b0010) << "0 is disabled";
}

TEST_F(LocalApicTest, StartingAnotherProcessor) {
  // native_send_init and wakeup_secondary_cpu_via_init of Linux 6.1.
  Write(1, kTpr, 0x20);
  SendIpi(0, 1, 0xc500);  // INIT, level, assert
  SendIpi(0, 1, 0x8500);  // de-assert
  SendIpi(0, 1, 0x0600 | 0x9a);
  EXPECT_EQ(Read(0, kIcr) & 1 << 12, 0u) << "never busy";
  EXPECT_THAT(events_, ElementsAre("init1", "sipi1:154"));
  EXPECT_EQ(Read(1, kTpr), 0u) << "INIT resets the APIC";
  EXPECT_EQ(Read(1, kSvr), 0xffu);
  EXPECT_EQ(Read(1, 0x20), 1u << 24) << "but for its id";
}

TEST_F(LocalApicTest, NmisReachSoftwareDisabledApics) {
  Write(2, kSvr, 0xff);
  SendIpi(0, 2, 0x400);
  SendIpi(0, 2, 0x40);
  EXPECT_THAT(events_, ElementsAre("nmi2"));
  EXPECT_EQ(Pending(0x40), 0);
}

TEST_F(LocalApicTest, IllegalVectorsAreErrors) {
  Write(0, kLvtError, 0xfe);
  SendIpi(0, 1, 0x0f);
  EXPECT_EQ(apic(0).PendingVector(), 0xfe);
  EXPECT_EQ(Read(0, kEsr), 0u);
  Write(0, kEsr, 0);
  EXPECT_EQ(Read(0, kEsr), 0x20u);
  Write(0, kEsr, 0);
  EXPECT_EQ(Read(0, kEsr), 0u);
  bus_.Send({.vector = 3, .destination = 0});
  Read(0, 0x40);  // no such register
  Write(0, kEsr, 0);
  EXPECT_EQ(Read(0, kEsr), 0xc0u);
}

TEST_F(LocalApicTest, AnErrorEntryWithAnIllegalVectorDoesNotRecurse) {
  Write(0, kLvtError, 0x01);
  SendIpi(0, 1, 0x02);
  Write(0, kEsr, 0);
  EXPECT_EQ(Read(0, kEsr), 0x60u);
}

TEST_F(LocalApicTest, LevelInterruptsBroadcastTheirEnd) {
  bus_.Send({.vector = 0x61, .level_triggered = true, .destination = 0});
  EXPECT_EQ(apic(0).AcknowledgeInterrupt(), 0x61);
  EXPECT_EQ(Read(0, 0x180 + 0x30), 1u << 1) << "TMR";
  Write(0, kEoi, 0);
  EXPECT_THAT(eois_.vectors, ElementsAre(0x61));
}

TEST_F(LocalApicTest, SoftwareDisablingMasksTheVectorTable) {
  Write(0, kLvtTimer, 0x40);
  Write(0, kSvr, 0x0ff);
  EXPECT_EQ(Read(0, kLvtTimer), 0x10040u);
  Write(0, kLvtTimer, 0x41);
  EXPECT_EQ(Read(0, kLvtTimer), 0x10041u);
  EXPECT_FALSE(apic(0).ExtIntAccepted());
  Write(0, kSvr, 0x1ff);
  EXPECT_EQ(Read(0, kLvtTimer), 0x10041u);
}

TEST_F(LocalApicTest, OneShotTimer) {
  Write(0, kDivide, kDivideBy1);
  Write(0, kLvtTimer, 0xec);
  Write(0, kInitial, 1000);
  clock_.Advance(400);
  EXPECT_EQ(Read(0, kCurrent), 600u);
  clock_.Advance(599);
  EXPECT_EQ(apic(0).PendingVector(), -1);
  clock_.Advance(1);
  EXPECT_EQ(apic(0).PendingVector(), 0xec);
  EXPECT_EQ(Read(0, kCurrent), 0u);
  apic(0).AcknowledgeInterrupt();
  Write(0, kEoi, 0);
  clock_.Advance(10'000);
  EXPECT_EQ(apic(0).PendingVector(), -1);
}

TEST_F(LocalApicTest, PeriodicTimerKeepsItsPhase) {
  Write(0, kDivide, 3);  // by 16
  Write(0, kLvtTimer, 0x20000 | 0xec);
  Write(0, kInitial, 100);
  int count = 0;
  for (int i = 0; i < 16'000; ++i) {
    clock_.Advance(1);
    if (apic(0).PendingVector() < 0) continue;
    ++count;
    EXPECT_EQ(clock_.now % 1600, 0u);
    apic(0).AcknowledgeInterrupt();
    Write(0, kEoi, 0);
  }
  EXPECT_EQ(count, 10);
  clock_.Advance(40);
  EXPECT_EQ(Read(0, kCurrent), 98u) << "97.5 left, rounded up";
}

TEST_F(LocalApicTest, AMaskedTimerCountsWithoutWakingAnyone) {
  Write(0, kDivide, kDivideBy1);
  Write(0, kLvtTimer, 0x20000 | 0x10000 | 0xec);
  Write(0, kInitial, 1000);
  EXPECT_EQ(clock_.scheduler.next_deadline_ns(), Timer::kNever);
  clock_.Advance(2'300);
  EXPECT_EQ(Read(0, kCurrent), 700u);
  Write(0, kLvtTimer, 0x20000 | 0xec);
  EXPECT_EQ(apic(0).PendingVector(), -1);
  EXPECT_EQ(clock_.scheduler.next_deadline_ns(), 3'000u);
}

TEST_F(LocalApicTest, StoppingTheTimer) {
  Write(0, kLvtTimer, 0xec);
  Write(0, kInitial, 1000);
  Write(0, kInitial, 0);
  EXPECT_EQ(clock_.scheduler.next_deadline_ns(), Timer::kNever);
  EXPECT_EQ(Read(0, kCurrent), 0u);
}

TEST_F(LocalApicTest, ChangingTheDividerKeepsTheCount) {
  Write(0, kDivide, kDivideBy1);
  Write(0, kLvtTimer, 0xec);
  Write(0, kInitial, 1000);
  clock_.Advance(500);
  Write(0, kDivide, 0);  // by 2
  EXPECT_EQ(Read(0, kCurrent), 500u);
  clock_.Advance(999);
  EXPECT_EQ(apic(0).PendingVector(), -1);
  clock_.Advance(1);
  EXPECT_EQ(apic(0).PendingVector(), 0xec);
}

TEST_F(LocalApicTest, TscDeadlines) {
  tsc_offset_ = 1'000'000;
  EXPECT_TRUE(apic(0).WriteMsr(0x6e0, 5));
  EXPECT_EQ(*apic(0).ReadMsr(0x6e0), 0u) << "ignored in other modes";
  Write(0, kLvtTimer, 0x40000 | 0xec);
  EXPECT_TRUE(apic(0).WriteMsr(0x6e0, 1'005'000));
  EXPECT_EQ(*apic(0).ReadMsr(0x6e0), 1'005'000u);
  EXPECT_EQ(Read(0, kCurrent), 0u);
  clock_.Advance(4'999);
  EXPECT_EQ(apic(0).PendingVector(), -1);
  clock_.Advance(1);
  EXPECT_EQ(apic(0).AcknowledgeInterrupt(), 0xec);
  EXPECT_EQ(*apic(0).ReadMsr(0x6e0), 0u);
  Write(0, kEoi, 0);
  EXPECT_TRUE(apic(0).WriteMsr(0x6e0, 1));
  EXPECT_EQ(apic(0).PendingVector(), 0xec) << "in the past: at once";
}

TEST_F(LocalApicTest, MovingTheTscMovesTheDeadline) {
  Write(0, kLvtTimer, 0x40000 | 0xec);
  apic(0).WriteMsr(0x6e0, 10'000);
  tsc_offset_ = 4'000;
  apic(0).OnTscOffsetChanged();
  EXPECT_EQ(clock_.scheduler.next_deadline_ns(), 6'000u);
  tsc_offset_ = static_cast<uint64_t>(-5'000);
  apic(0).OnTscOffsetChanged();
  EXPECT_EQ(apic(0).PendingVector(), 0xec)
      << "a TSC that wraps below zero is a late one";
  apic(0).WriteMsr(0x6e0, ~0ull);
  EXPECT_EQ(clock_.scheduler.next_deadline_ns(), 4'999u);
}

TEST_F(LocalApicTest, LeavingDeadlineModeDisarms) {
  Write(0, kLvtTimer, 0x40000 | 0xec);
  apic(0).WriteMsr(0x6e0, 10'000);
  Write(0, kLvtTimer, 0xec);
  EXPECT_EQ(clock_.scheduler.next_deadline_ns(), Timer::kNever);
  EXPECT_EQ(*apic(0).ReadMsr(0x6e0), 0u);
}

TEST_F(LocalApicTest, Lint0AsExtIntFixedAndNmi) {
  EXPECT_TRUE(apic(0).ExtIntAccepted());
  apic(0).SetLint(0, true);
  EXPECT_TRUE(apic(0).ExtIntPending());
  Write(0, kLvtLint0, 0x10700);
  EXPECT_FALSE(apic(0).ExtIntPending());
  apic(0).SetLint(0, false);
  Write(0, kLvtLint0, 0x30);  // fixed, edge
  apic(0).SetLint(0, true);
  EXPECT_EQ(apic(0).AcknowledgeInterrupt(), 0x30);
  Write(0, kEoi, 0);
  apic(0).SetLint(0, false);
  Write(0, kLvtLint0, 0x8031);  // fixed, level
  apic(0).SetLint(0, true);
  EXPECT_EQ(apic(0).AcknowledgeInterrupt(), 0x31);
  EXPECT_EQ(Read(0, kLvtLint0), 0xc031u) << "remote IRR";
  Write(0, kEoi, 0);
  EXPECT_EQ(apic(0).AcknowledgeInterrupt(), 0x31) << "still asserted";
  apic(0).SetLint(0, false);
  Write(0, kEoi, 0);
  EXPECT_EQ(apic(0).PendingVector(), -1);
  apic(0).SetLint(1, true);
  EXPECT_THAT(events_, ElementsAre("nmi0"));
}

TEST_F(LocalApicTest, ADisabledApicPassesIntrThrough) {
  Write(0, kLvtLint0, 0x10000);
  apic(0).SetLint(0, true);
  EXPECT_FALSE(apic(0).ExtIntPending());
  EXPECT_TRUE(apic(0).WriteMsr(0x1b, 0xfee00100));
  EXPECT_TRUE(apic(0).ExtIntPending());
  EXPECT_FALSE(apic(0).MapsPage(0xfee00000));
  SendIpi(1, 0, 0x41);
  EXPECT_FALSE(apic(0).HasPendingInterrupt());
}

TEST_F(LocalApicTest, ApicBaseTransitions) {
  const uint64_t base = 0xfee00100;
  const uint64_t enabled = base | 0x800, x2apic = base | 0xc00;
  LocalApic& a = apic(0);
  EXPECT_FALSE(a.WriteMsr(0x1b, base | 0x400)) << "x2APIC without enable";
  EXPECT_FALSE(a.WriteMsr(0x1b, enabled | 1)) << "reserved bit";
  EXPECT_FALSE(a.WriteMsr(0x1b, enabled | 1ull << 40)) << "beyond MAXPHYADDR";
  EXPECT_TRUE(a.WriteMsr(0x1b, x2apic));
  EXPECT_FALSE(a.WriteMsr(0x1b, enabled)) << "no way back";
  EXPECT_TRUE(a.WriteMsr(0x1b, base));
  EXPECT_FALSE(a.WriteMsr(0x1b, x2apic)) << "not from disabled";
  EXPECT_TRUE(a.WriteMsr(0x1b, enabled));
  EXPECT_EQ(Read(0, kSvr), 0xffu) << "disabling has reset it";
  EXPECT_TRUE(a.WriteMsr(0x1b, 0xd0000900));
  EXPECT_TRUE(a.MapsPage(0xd0000ff0));
}

TEST_F(LocalApicTest, X2ApicMsrs) {
  EXPECT_FALSE(apic(2).ReadMsr(0x802).has_value()) << "not in xAPIC mode";
  EXPECT_FALSE(apic(2).WriteMsr(0x808, 0));
  EnableX2Apic(2);
  LocalApic& a = apic(2);
  EXPECT_FALSE(a.MapsPage(0xfee00000));
  EXPECT_EQ(*a.ReadMsr(0x802), 2u);
  EXPECT_EQ(*a.ReadMsr(0x80d), 4u) << "cluster 0, bit 2";
  EXPECT_TRUE(a.WriteMsr(0x808, 0x30));
  EXPECT_FALSE(a.WriteMsr(0x808, 0x100));
  EXPECT_FALSE(a.WriteMsr(0x80b, 1));
  EXPECT_TRUE(a.WriteMsr(0x80b, 0));
  EXPECT_FALSE(a.WriteMsr(0x828, 1));
  EXPECT_FALSE(a.ReadMsr(0x80b).has_value()) << "write-only";
  EXPECT_FALSE(a.ReadMsr(0x80e).has_value()) << "no DFR";
  EXPECT_FALSE(a.ReadMsr(0x831).has_value()) << "no high ICR";
  EXPECT_FALSE(a.ReadMsr(0x8ff).has_value());
  EXPECT_FALSE(a.WriteMsr(0x802, 0)) << "read-only";
  EXPECT_FALSE(a.WriteMsr(0x80f, 1 << 12)) << "no EOI broadcast suppression";
  EXPECT_FALSE(a.WriteMsr(0x832, 1 << 20));
  EXPECT_TRUE(a.WriteMsr(0x832, 0x400ec));
  EXPECT_TRUE(a.WriteMsr(0x808, 0));
  EXPECT_TRUE(a.WriteMsr(0x83f, 0x55));
  EXPECT_EQ(a.PendingVector(), 0x55);
  EXPECT_FALSE(a.ReadMsr(0x83f).has_value());
}

TEST_F(LocalApicTest, X2ApicDestinations) {
  for (int id = 0; id < 4; ++id) EnableX2Apic(id);
  apic(0).WriteMsr(0x830, 3ull << 32 | 0x40);
  EXPECT_EQ(Pending(0x40), 0b1000);
  EXPECT_EQ(*apic(0).ReadMsr(0x830), 3ull << 32 | 0x40);
  apic(0).WriteMsr(0x830, 0b0110ull << 32 | 1 << 11 | 0x50);
  EXPECT_EQ(Pending(0x50), 0b0110);
  apic(0).WriteMsr(0x830, 0xffffffffull << 32 | 0x60);
  EXPECT_EQ(Pending(0x60), 0b1111);
  apic(0).WriteMsr(0x830, 0x10001ull << 32 | 1 << 11 | 0x70);
  EXPECT_EQ(Pending(0x70), 0) << "another cluster";
}

TEST_F(LocalApicTest, OddAccessesAreHarmless) {
  EXPECT_EQ(apic(0).ReadMmio(0x31, 1), 0u);
  EXPECT_EQ(apic(0).ReadMmio(0x32, 2), 5u) << "upper half of the version";
  EXPECT_EQ(apic(0).ReadMmio(0x34, 4), 0u);
  EXPECT_EQ(apic(0).ReadMmio(0x30, 8), 0x00050014u);
  apic(0).WriteMmio(0x81, 4, 0x50);
  apic(0).WriteMmio(0x80, 1, 0x50);
  EXPECT_EQ(Read(0, kTpr), 0u);
  apic(0).ReadMmio(0xfff, 8);
}

TEST_F(LocalApicTest, StateRoundTripsWithEverythingInMotion) {
  Write(0, kDivide, kDivideBy1);
  Write(0, kLvtTimer, 0x20000 | 0xec);
  Write(0, kInitial, 12'345);
  SendIpi(0, 0, 0x41);
  apic(0).AcknowledgeInterrupt();
  SendIpi(0, 0, 0x31);
  bus_.Send({.vector = 0x61, .level_triggered = true, .destination = 0});
  clock_.Advance(20'000);

  FakeClock clock2;
  ApicBus bus2;
  std::vector<std::unique_ptr<LocalApic>> copies;
  for (uint32_t id = 0; id < 4; ++id) {
    LocalApic::Callbacks callbacks;
    callbacks.tsc_offset = [] { return 0; };
    copies.push_back(std::make_unique<LocalApic>(clock2.scheduler, bus2, id,
                                                 id == 0, callbacks));
  }
  CopyState(apic(0), clock_, *copies[0], clock2);
  EXPECT_EQ(copies[0]->PendingVector(), 0xec);
  clock_.Advance(5'000);
  clock2.Advance(5'000);
  EXPECT_EQ(Read(0, kCurrent), copies[0]->ReadMmio(kCurrent, 4));
  EXPECT_EQ(DigestOf(apic(0), clock_.scheduler),
            DigestOf(*copies[0], clock2.scheduler));
}

}  // namespace
}  // namespace librr::pc
