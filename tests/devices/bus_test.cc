// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/devices/bus.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace librr::pc {
namespace {

using ::testing::ElementsAre;

struct Access {
  uint64_t at;
  int size;
  uint64_t value;
  bool operator==(const Access&) const = default;
};

struct Recorder final : public PortHandler, public MmioHandler {
  std::vector<Access> writes;
  uint64_t read_value = 0;

  uint32_t ReadPort(uint16_t, int) override {
    return static_cast<uint32_t>(read_value);
  }
  void WritePort(uint16_t port, int size, uint32_t value) override {
    writes.push_back({port, size, value});
  }
  uint64_t ReadMmio(uint64_t, int) override { return read_value; }
  void WriteMmio(uint64_t offset, int size, uint64_t value) override {
    writes.push_back({offset, size, value});
  }
};

TEST(BusTest, UnclaimedAccessesFloat) {
  Bus bus;
  EXPECT_EQ(bus.ReadPort(0x10, 1), 0xffu);
  EXPECT_EQ(bus.ReadPort(0x10, 2), 0xffffu);
  EXPECT_EQ(bus.ReadPort(0xffff, 4), 0xffffffffu);
  EXPECT_EQ(bus.ReadMmio(0xd0000000, 4), 0xffffffffu);
  EXPECT_EQ(bus.ReadMmio(~0ull, 8), ~0ull);
  bus.WritePort(0xffff, 4, 1);
  bus.WriteMmio(~0ull, 8, 1);
}

TEST(BusTest, HandlersSeeWholeAccessesWithinTheirRange) {
  Bus bus;
  Recorder device;
  bus.AddPorts(0x100, 4, &device);
  bus.WritePort(0x102, 2, 0x12345678);
  EXPECT_THAT(device.writes, ElementsAre(Access{0x102, 2, 0x5678}));
  device.read_value = 0x11223344;
  EXPECT_EQ(bus.ReadPort(0x100, 4), 0x11223344u);
  EXPECT_EQ(bus.ReadPort(0x100, 1), 0x44u);
  EXPECT_EQ(bus.ReadPort(0x0ff, 1), 0xffu);
  EXPECT_EQ(bus.ReadPort(0x104, 1), 0xffu);
}

TEST(BusTest, AccessesAcrossRangesAreSplitIntoBytes) {
  Bus bus;
  Recorder first, second;
  bus.AddPorts(0x100, 2, &first);
  bus.AddPorts(0x103, 1, &second);
  bus.WritePort(0x101, 4, 0xddccbbaa);
  EXPECT_THAT(first.writes, ElementsAre(Access{0x101, 1, 0xaa}));
  EXPECT_THAT(second.writes, ElementsAre(Access{0x103, 1, 0xcc}));
  first.read_value = 0x11;
  second.read_value = 0x33;
  EXPECT_EQ(bus.ReadPort(0x101, 4), 0xff33ff11u);
}

TEST(BusTest, PortsAtTheTopOfTheSpaceWork) {
  Bus bus;
  Recorder device;
  bus.AddPorts(0xfffc, 4, &device);
  bus.WritePort(0xfffe, 4, 0x44332211);
  EXPECT_THAT(device.writes,
              ElementsAre(Access{0xfffe, 1, 0x11}, Access{0xffff, 1, 0x22}));
}

TEST(BusTest, MmioOffsetsAreRelativeAndSplitAtTheEnd) {
  Bus bus;
  Recorder device;
  bus.AddMmio(0xfec00000, 0x1000, &device);
  bus.WriteMmio(0xfec00010, 4, 0xabcd);
  bus.WriteMmio(0xfec00ffe, 4, 0x04030201);
  EXPECT_THAT(device.writes,
              ElementsAre(Access{0x10, 4, 0xabcd}, Access{0xffe, 1, 1},
                          Access{0xfff, 1, 2}));
  device.read_value = 0x77;
  EXPECT_EQ(bus.ReadMmio(0xfec00ffe, 4), 0xffff7777u);
}

TEST(BusDeathTest, OverlapsAreRefused) {
  Bus bus;
  Recorder device;
  bus.AddPorts(0x100, 4, &device);
  bus.AddMmio(0x1000, 0x1000, &device);
  EXPECT_DEATH(bus.AddPorts(0x103, 1, &device), "invariant");
  EXPECT_DEATH(bus.AddPorts(0xfe, 4, &device), "invariant");
  EXPECT_DEATH(bus.AddMmio(0x1fff, 1, &device), "invariant");
  EXPECT_DEATH(bus.AddMmio(0x800, 0x801, &device), "invariant");
}

}  // namespace
}  // namespace librr::pc
