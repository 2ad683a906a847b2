// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/machine/state_visitor.h"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <string>

#include "librr/machine.h"

namespace librr {
namespace {

enum class Mode : uint8_t { kIdle = 0, kBusy = 5 };

struct Part {
  uint8_t small = 1;
  int32_t negative = -2;
  uint64_t wide = 0x1122334455667788;
  bool flag = true;
  Mode mode = Mode::kBusy;
  std::array<uint16_t, 3> table = {4, 5, 6};
  std::array<uint8_t, 4> raw = {9, 8, 7, 6};
  std::deque<uint8_t> fifo = std::deque<uint8_t>(2, 'a');

  void Describe(StateVisitor& v) {
    v.Field("small", small);
    v.Field("negative", negative);
    v.Field("wide", wide);
    v.Field("flag", flag);
    v.Field("mode", mode);
    v.Fields("table", table);
    v.Bytes("raw", absl::MakeSpan(raw));
    v.Queue("fifo", fifo, 16);
  }
  bool operator==(const Part&) const = default;
};

uint64_t Hash(Part part) {
  DigestVisitor visitor;
  part.Describe(visitor);
  return visitor.hash();
}

std::string Save(Part part) {
  SaveVisitor visitor;
  part.Describe(visitor);
  return visitor.Take();
}

Part EmptyPart() { return Part{0, 0, 0, false, Mode::kIdle, {}, {}, {}}; }

TEST(StateVisitorTest, SavedStateIsRestored) {
  Part restored = EmptyPart();
  const std::string saved = Save(Part());
  RestoreVisitor visitor(saved);
  restored.Describe(visitor);
  EXPECT_TRUE(visitor.status().ok()) << visitor.status();
  EXPECT_EQ(visitor.remaining(), 0u);
  EXPECT_EQ(restored, Part());
  EXPECT_EQ(Hash(restored), Hash(Part()));
}

TEST(StateVisitorTest, SavedFieldsTakeTheirOwnSize) {
  // small, negative, wide, flag, mode, table, raw, the queue's size and bytes.
  EXPECT_EQ(Save(Part()).size(), 1u + 4 + 8 + 1 + 1 + 3 * 2 + 4 + (4 + 2));
}

TEST(StateVisitorTest, EveryFieldChangesTheHash) {
  const uint64_t hash = Hash(Part());
  Part part;
  part.small = 2;
  EXPECT_NE(Hash(part), hash);
  part = Part();
  part.negative = 2;
  EXPECT_NE(Hash(part), hash);
  part = Part();
  part.flag = false;
  EXPECT_NE(Hash(part), hash);
  part = Part();
  part.mode = Mode::kIdle;
  EXPECT_NE(Hash(part), hash);
  part = Part();
  part.table[2] = 7;
  EXPECT_NE(Hash(part), hash);
  part = Part();
  part.raw[3] = 0;
  EXPECT_NE(Hash(part), hash);
  part = Part();
  part.fifo.push_back(0);
  EXPECT_NE(Hash(part), hash);
}

TEST(StateVisitorTest, NamesAndOrderAreHashed) {
  uint8_t one = 1;
  uint8_t two = 2;
  DigestVisitor a, b, c;
  a.Field("x", one);
  a.Field("y", two);
  b.Field("y", one);
  b.Field("x", two);
  c.Field("y", two);
  c.Field("x", one);
  EXPECT_NE(a.hash(), b.hash());
  EXPECT_NE(a.hash(), c.hash());
}

TEST(StateVisitorTest, CutOffStateIsReportedAndZeroes) {
  const std::string saved = Save(Part());
  for (size_t size = 0; size < saved.size(); ++size) {
    Part restored;
    RestoreVisitor visitor(std::string_view(saved).substr(0, size));
    restored.Describe(visitor);
    EXPECT_TRUE(absl::IsInvalidArgument(visitor.status()));
    if (size == 0) {
      EXPECT_EQ(restored, EmptyPart());
    }
  }
}

TEST(StateVisitorTest, QueueLongerThanItCanBeIsReported) {
  std::deque<uint8_t> queue(17, 'x');
  SaveVisitor save;
  save.Queue("fifo", queue, 17);
  const std::string saved = save.Take();
  std::deque<uint8_t> restored(3, 'y');
  RestoreVisitor restore(saved);
  restore.Queue("fifo", restored, 16);
  EXPECT_TRUE(absl::IsInvalidArgument(restore.status()));
  EXPECT_TRUE(restored.empty());
}

TEST(EndReasonTest, HasAWordForEveryReason) {
  EXPECT_EQ(EndReasonName(EndReason::kPowerOff), "poweroff");
  EXPECT_EQ(EndReasonName(EndReason::kTripleFault), "triple_fault");
  EXPECT_EQ(EndReasonName(EndReason::kTruncated), "truncated");
  EXPECT_EQ(EndReasonName(static_cast<EndReason>(200)), "unknown");
}

}  // namespace
}  // namespace librr
