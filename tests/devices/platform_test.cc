// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/devices/platform.h"

#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/devices/device_fixture.h"

namespace librr::pc {
namespace {

using ::testing::ElementsAre;

// A platform with a clock, and a record of what it asked for.
struct Rig {
  explicit Rig(int vcpus = 2) {
    Platform::Callbacks callbacks;
    callbacks.transmit = [this](absl::Span<const uint8_t> bytes) {
      console.append(bytes.begin(), bytes.end());
    };
    callbacks.power_off = [this] { events.push_back("power_off"); };
    callbacks.reset = [this] { events.push_back("reset"); };
    callbacks.exit = [this](uint8_t value) {
      events.push_back("exit" + std::to_string(value));
    };
    callbacks.cpu_signal = [this](int vcpu) {
      events.push_back("signal" + std::to_string(vcpu));
    };
    callbacks.nmi = [this](int vcpu) {
      events.push_back("nmi" + std::to_string(vcpu));
    };
    callbacks.init = [this](int vcpu) {
      events.push_back("init" + std::to_string(vcpu));
    };
    callbacks.sipi = [this](int vcpu, uint8_t vector) {
      events.push_back("sipi" + std::to_string(vcpu) + ":" +
                       std::to_string(vector));
    };
    callbacks.tsc_offset = [](int) { return 0; };
    platform = std::make_unique<Platform>(clock.scheduler, vcpus, 64ull << 20,
                                          std::move(callbacks));
  }

  void Out(uint16_t port, uint8_t value) {
    platform->bus().WritePort(port, 1, value);
  }
  uint8_t In(uint16_t port) {
    return static_cast<uint8_t>(platform->bus().ReadPort(port, 1));
  }
  void InitPics() {
    for (const auto& [port, value] : {std::pair<uint16_t, uint8_t>{0x20, 0x11},
                                      {0x21, 0x30},
                                      {0x21, 4},
                                      {0x21, 1},
                                      {0xa0, 0x11},
                                      {0xa1, 0x38},
                                      {0xa1, 2},
                                      {0xa1, 1}}) {
      Out(port, value);
    }
  }
  void WriteIoApic(int input, uint32_t low) {
    Bus& bus = platform->bus();
    bus.WriteMmio(0xfec00000, 4, 0x11 + 2 * input);
    bus.WriteMmio(0xfec00010, 4, 0);
    bus.WriteMmio(0xfec00000, 4, 0x10 + 2 * input);
    bus.WriteMmio(0xfec00010, 4, low);
  }
  void Visit(StateVisitor& visitor) {
    platform->ForEachDevice([&](Device& d) { d.DescribeState(visitor); });
    clock.scheduler.DescribeState(visitor);
  }
  uint64_t Digest() {
    DigestVisitor visitor;
    Visit(visitor);
    return visitor.hash();
  }
  std::string Save() {
    SaveVisitor visitor;
    Visit(visitor);
    return visitor.Take();
  }
  void Restore(std::string_view state) {
    RestoreVisitor visitor(state);
    Visit(visitor);
    platform->AfterRestore();
  }

  FakeClock clock;
  std::string console;
  std::vector<std::string> events;
  std::unique_ptr<Platform> platform;
};

TEST(PlatformTest, SerialInterruptsReachTheCpuThroughThe8259) {
  Rig rig;
  rig.InitPics();
  EXPECT_EQ(rig.platform->PendingInterrupt(0), -1);
  rig.Out(0x3f9, 2);
  EXPECT_THAT(rig.events, ElementsAre("signal0"));
  EXPECT_TRUE(rig.platform->HasPendingInterrupt(0));
  EXPECT_FALSE(rig.platform->HasPendingInterrupt(1));
  EXPECT_GE(rig.platform->PendingInterrupt(0), 0);
  EXPECT_EQ(rig.platform->AcknowledgeInterrupt(0), 0x34);
  EXPECT_FALSE(rig.platform->HasPendingInterrupt(0));
  EXPECT_THAT(rig.events, ElementsAre("signal0", "signal0"))
      << "falling is a change too";
  rig.Out(0x3f8, 'x');
  EXPECT_EQ(rig.console, "x");
}

TEST(PlatformTest, The8259WorksWithTheLocalApicDisabled) {
  Rig rig;
  rig.InitPics();
  EXPECT_TRUE(rig.platform->lapic(0).WriteMsr(0x1b, 0xfee00100));
  rig.Out(0x3f9, 2);
  EXPECT_EQ(rig.platform->AcknowledgeInterrupt(0), 0x34);
}

TEST(PlatformTest, SerialInterruptsReachTheCpuThroughTheIoApic) {
  Rig rig;
  rig.Out(0x21, 0xff);
  rig.WriteIoApic(4, 0x54);
  rig.Out(0x3f9, 2);
  EXPECT_EQ(rig.platform->PendingInterrupt(0), 0x54);
  EXPECT_EQ(rig.platform->AcknowledgeInterrupt(0), 0x54);
}

TEST(PlatformTest, TheTimerArrivesAtGsi2) {
  Rig rig;
  rig.Out(0x21, 0xff);
  rig.WriteIoApic(2, 0x50);
  rig.WriteIoApic(0, 0x51);
  rig.Out(0x43, 0x34);
  rig.Out(0x40, 0xa9);
  rig.Out(0x40, 0x04);
  rig.platform->lapic(0).WriteMmio(0xb0, 4, 0);
  rig.clock.Advance(1'100'000);
  EXPECT_EQ(rig.platform->PendingInterrupt(0), 0x50);
}

TEST(PlatformTest, ExtIntThroughTheIoApicRunsTheIntaCycle) {
  Rig rig;
  rig.InitPics();
  rig.platform->lapic(0).WriteMmio(0x350, 4, 0x10000);
  rig.WriteIoApic(0, 0x700);
  rig.Out(0x3f9, 2);
  EXPECT_TRUE(rig.platform->HasPendingInterrupt(0));
  EXPECT_EQ(rig.platform->AcknowledgeInterrupt(0), 0x34);
  EXPECT_FALSE(rig.platform->HasPendingInterrupt(0));
}

TEST(PlatformTest, SciIsALevelAtGsi9) {
  Rig rig;
  rig.Out(0x21, 0xff);
  rig.WriteIoApic(9, 0x8049);
  rig.platform->bus().WritePort(0x602, 2, 1);
  rig.clock.Advance(601'000'000'000);
  EXPECT_EQ(rig.platform->AcknowledgeInterrupt(0), 0x49);
  rig.platform->lapic(0).WriteMmio(0xb0, 4, 0);
  EXPECT_EQ(rig.platform->AcknowledgeInterrupt(0), 0x49) << "not yet handled";
  rig.platform->bus().WritePort(0x600, 2, 1);
  rig.platform->lapic(0).WriteMmio(0xb0, 4, 0);
  EXPECT_FALSE(rig.platform->HasPendingInterrupt(0));
}

TEST(PlatformTest, ProcessorsStartEachOther) {
  Rig rig;
  rig.platform->lapic(0).WriteMmio(0x300, 4, 0xc4500);
  rig.platform->lapic(0).WriteMmio(0x300, 4, 0xc4608);
  EXPECT_THAT(rig.events, ElementsAre("init1", "sipi1:8"));
}

TEST(PlatformTest, EndsOfTheMachine) {
  Rig rig;
  rig.platform->bus().WritePort(0x604, 2, 0x3400);
  rig.Out(0xcf9, 6);
  rig.Out(0x64, 0xfe);
  rig.Out(0xf4, 21);
  EXPECT_THAT(rig.events, ElementsAre("power_off", "reset", "reset", "exit21"));
}

TEST(PlatformTest, ComponentNamesAreUnique) {
  Rig rig(3);
  std::vector<std::string> names;
  rig.platform->ForEachDevice(
      [&](Device& device) { names.emplace_back(device.name()); });
  EXPECT_THAT(names,
              ElementsAre("lapic0", "lapic1", "lapic2", "ioapic", "pic", "pit",
                          "rtc", "uart0", "acpi_pm", "reset", "exit"));
}

// Random accesses, the same for two rigs that get the same generator.
class Hammer {
 public:
  explicit Hammer(uint32_t seed) : random_(seed) {}

  // Returns something that depends on all that the guest saw.
  uint64_t Step(Rig& rig) {
    Platform& platform = *rig.platform;
    static constexpr uint16_t kPorts[] = {
        0x20,  0x21,  0x40,  0x41,  0x42,  0x43,  0x60,  0x61,  0x64,
        0x70,  0x71,  0x72,  0x73,  0x92,  0xa0,  0xa1,  0xb2,  0x3f8,
        0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x3fd, 0x3fe, 0x3ff, 0x4d0, 0x4d1,
        0x600, 0x602, 0x604, 0x608, 0x60c, 0xcf8, 0xcf9, 0xf4};
    const int size = 1 << Pick(3);
    const uint64_t value = Pick(3) == 0 ? Any() : Pick(256);
    LocalApic& apic = platform.lapic(Pick(platform.vcpus()));
    switch (Pick(14)) {
      case 0:
      case 1:
        return platform.bus().ReadPort(kPorts[Pick(std::size(kPorts))], size);
      case 2:
      case 3:
      case 4:
        platform.bus().WritePort(kPorts[Pick(std::size(kPorts))], size,
                                 static_cast<uint32_t>(value));
        return 0;
      case 5:
        return apic.ReadMmio(Pick(0x41) * 16 + (Pick(8) == 0 ? Pick(16) : 0),
                             2 * size);
      case 6:
      case 7:
        apic.WriteMmio(Pick(0x41) * 16, 4, value);
        return 0;
      case 8:
        return apic.WriteMsr(0x800 + Pick(0x40), value);
      case 9: {
        static constexpr uint32_t kMsrs[] = {0x1b, 0x6e0, 0x802, 0x839};
        const uint32_t msr = kMsrs[Pick(4)];
        if (msr == 0x1b && Pick(4) == 0) {
          return apic.WriteMsr(0x1b, 0xfee00000 | Pick(16) << 8);
        }
        if (msr == 0x6e0) apic.WriteMsr(msr, rig.clock.now + Pick(5000));
        return apic.ReadMsr(msr).value_or(1);
      }
      case 10:
        platform.bus().WriteMmio(0xfec00000 + Pick(2) * 16, 4,
                                 Pick(2) == 0 ? Pick(0x40) : value);
        return platform.bus().ReadMmio(0xfec00010, 4);
      case 11: {
        const uint8_t byte = static_cast<uint8_t>(value);
        if (platform.uart().InputRoom() > 0) {
          platform.uart().PushInput({&byte, 1});
        }
        return platform.uart().InputRoom();
      }
      case 12: {
        uint64_t seen = 0;
        for (int i = 0; i < platform.vcpus(); ++i) {
          if (!platform.HasPendingInterrupt(i)) continue;
          seen = seen * 257 + platform.AcknowledgeInterrupt(i);
        }
        return seen;
      }
      default:
        rig.clock.Advance(Pick(20) == 0 ? Pick(100'000'000) : Pick(10'000));
        return 0;
    }
  }

 private:
  uint32_t Pick(size_t count) {
    return static_cast<uint32_t>(random_() % count);
  }
  uint64_t Any() { return uint64_t{random_()} << 32 | random_(); }

  std::mt19937 random_;
};

TEST(PlatformTest, ARestoredPlatformGoesOnAsTheOriginalDoes) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    Rig original;
    Hammer before(seed);
    for (int i = 0; i < 3000; ++i) before.Step(original);

    Rig copy;
    copy.clock.now = original.clock.now;
    copy.Restore(original.Save());
    ASSERT_EQ(original.Digest(), copy.Digest()) << seed;
    original.events.clear();
    copy.events.clear();
    Hammer one(~seed), two(~seed);
    for (int i = 0; i < 3000; ++i) {
      ASSERT_EQ(one.Step(original), two.Step(copy)) << seed << " at " << i;
      ASSERT_EQ(original.Digest(), copy.Digest()) << seed << " at " << i;
    }
    ASSERT_EQ(original.events, copy.events);
  }
}

TEST(PlatformTest, CorruptStatesDoNoHarm) {
  Rig source;
  Hammer hammer(1);
  for (int i = 0; i < 3000; ++i) hammer.Step(source);
  const std::string good = source.Save();
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::string bad = good;
    const size_t changes = 1 + random() % 64;
    for (size_t i = 0; i < changes; ++i) {
      bad[random() % bad.size()] = static_cast<char>(random());
    }
    if (round % 4 == 0) bad.resize(random() % bad.size());
    Rig rig;
    rig.clock.now = source.clock.now;
    rig.Restore(bad);
    Hammer after(static_cast<uint32_t>(round));
    for (int i = 0; i < 300; ++i) after.Step(rig);
    DigestVisitor visitor;
    rig.Visit(visitor);
  }
}

}  // namespace
}  // namespace librr::pc
