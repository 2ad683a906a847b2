// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The encoder by itself; what it makes is read back in stored_checkpoint_test.
#include "librr-core/trace/checkpoint_encoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>

#include "librr-core/trace/block_header.h"
#include "librr-core/trace/trace_format.h"
#include "tests/machine/guest_runs.h"

namespace librr::trace {
namespace {

constexpr uint64_t kNoisePages = 1500;

// A machine with many pages that are all different and cannot be compressed.
std::unique_ptr<Machine> NoisyMachine() {
  PcConfig config = GuestConfig("echo");
  std::mt19937_64 random(1);
  config.initrd.resize(kNoisePages * kPageSize);
  for (char& byte : config.initrd) byte = static_cast<char>(random());
  return *CreatePcMachine(config);
}

BlockHeader HeaderOf(const EncodedBlock& block) {
  return *DecodeBlockHeader(
      std::string_view(block.bytes).substr(0, kBlockHeaderSize));
}

class CheckpointEncoderTest : public testing::Test {
 protected:
  std::unique_ptr<Machine> machine_ = NoisyMachine();
  // As little memory as there is.
  CheckpointEncoder encoder_{
      machine_.get(),
      {.memory_bytes = 0, .file_bytes = 2 * machine_->memory_bytes()}};
};

TEST_F(CheckpointEncoderTest, WritesInOrderWhileItCaptures) {
  uint64_t pages = 0;
  size_t most = 0;
  uint64_t calls = 0;
  BlockType last{};
  const auto write = [&](absl::Span<const EncodedBlock> blocks) {
    ++calls;
    most = std::max(most, blocks.size());
    for (const EncodedBlock& block : blocks) {
      const BlockHeader header = HeaderOf(block);
      EXPECT_NE(last, BlockType::kCheckpoint);
      last = header.type;
      if (last != BlockType::kPages) continue;
      const auto head =
          DecodePagesHead(std::string_view(block.bytes)
                              .substr(kBlockHeaderSize, header.head_size - 4));
      EXPECT_TRUE(head.has_value());
      if (!head.has_value()) continue;
      EXPECT_EQ(head->first_id, pages);
      pages += head->count;
    }
    return absl::OkStatus();
  };
  const absl::StatusOr<bool> taken = encoder_.Capture(0, write);
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_TRUE(*taken);
  EXPECT_GT(calls, kNoisePages / 16 / 4);
  EXPECT_LE(most, 4u);
  ASSERT_TRUE(encoder_.Finish(write).ok());
  EXPECT_GE(pages, kNoisePages);
  EXPECT_EQ(last, BlockType::kCheckpoint);
}

TEST_F(CheckpointEncoderTest, WritesNothingBehindWhatCouldNotBeWritten) {
  int calls = 0;
  const auto fail_later = [&calls](absl::Span<const EncodedBlock>) {
    return ++calls == 3 ? absl::ResourceExhaustedError("full")
                        : absl::OkStatus();
  };
  EXPECT_TRUE(
      absl::IsResourceExhausted(encoder_.Capture(0, fail_later).status()));
  EXPECT_TRUE(absl::IsResourceExhausted(encoder_.Write(fail_later)));
  EXPECT_TRUE(absl::IsResourceExhausted(encoder_.Finish(fail_later)));
  EXPECT_EQ(calls, 3);
}

}  // namespace
}  // namespace librr::trace
