// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The parts of the format by themselves: blocks, heads, digests, end records.
#include <gtest/gtest.h>

#include "librr-core/base/crc32c.h"
#include "librr-core/base/random_access_source.h"
#include "librr-core/trace/block_reader.h"
#include "librr-core/trace/block_writer.h"
#include "librr-core/trace/digest_base_policy.h"
#include "librr-core/trace/digest_codec.h"
#include "librr-core/trace/event_batch.h"
#include "librr-core/trace/header_codec.h"
#include "librr-core/trace/trace_index.h"
#include "tests/trace/trace_builder.h"

namespace librr::trace {
namespace {

TEST(BlockTest, BodiesAreCompressedOnlyIfThatHelps) {
  BlockWriter writer;
  std::string bytes;
  const std::string zeros(100000, '\0');
  const BlockHeader first =
      writer.AppendBlock(bytes, BlockType::kImage, "head", zeros, 3);
  EXPECT_TRUE(first.compressed());
  const uint64_t second_offset = bytes.size();
  EXPECT_EQ(second_offset, first.total_size());
  EXPECT_FALSE(
      writer.AppendBlock(bytes, BlockType::kEnd, "", "xyz", 3).compressed());
  const uint64_t third_offset = bytes.size();
  writer.AppendBlock(bytes, BlockType::kEnd, "only a head", "", 3);

  const MemorySource source(bytes);
  const BlockReader reader(source, "test");
  const absl::StatusOr<Block> block = reader.Read(0);
  ASSERT_TRUE(block.ok()) << block.status();
  EXPECT_EQ(block->head, "head");
  EXPECT_EQ(block->body, zeros);
  EXPECT_EQ(reader.Read(second_offset)->body, "xyz");
  EXPECT_EQ(reader.Read(third_offset)->head, "only a head");
  EXPECT_TRUE(absl::IsDataLoss(reader.Read(bytes.size()).status()));
  EXPECT_TRUE(absl::IsDataLoss(reader.Read(~uint64_t{0}).status()));
}

TEST(BlockTest, WrongFrameBehindAGoodChecksumIsNoticed) {
  // A body that claims to be compressed and is not.
  BlockWriter writer;
  std::string plain;
  BlockHeader header =
      writer.AppendBlock(plain, BlockType::kEnd, "", "garbage", 0);
  header.flags = kFlagCompressed;
  header.raw_size = 4000;
  const std::string bytes = [&] {
    std::string out = EncodeBlockHeader(header) + "garbage";
    header.crc =
        Crc32c("garbage",
               Crc32c(std::string_view(out).substr(0, kBlockHeaderChecked)));
    return EncodeBlockHeader(header) + "garbage";
  }();
  const MemorySource source(bytes);
  const absl::Status status = BlockReader(source, "test").Read(0).status();
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_NE(status.ToString().find("does not decompress"), std::string::npos)
      << status;
}

TEST(DigestCodecTest, BasesRoundTripAndShortOnesAreRefused) {
  const std::string bytes = EncodeDigestBase(*SmallDigest(5));
  EXPECT_EQ(DecodeDigestBase(bytes), *SmallDigest(5));
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeDigestBase(bytes.substr(0, size)), std::nullopt);
  }
  EXPECT_EQ(DecodeDigestBase(bytes + "x"), std::nullopt);
}

TEST(DigestCodecTest, OnlyChangesAreWritten) {
  std::string changes;
  std::string hashes;
  PutDigestChanges(*SmallDigest(4), *SmallDigest(5), changes, hashes);
  EXPECT_EQ(hashes.size(), 3 * 8u) << "cpu0 and two buckets";
  Digest digest = *SmallDigest(4);
  std::string_view changes_in = changes;
  std::string_view hashes_in = hashes;
  ASSERT_TRUE(GetDigestChanges(digest, changes_in, hashes_in));
  EXPECT_EQ(digest, *SmallDigest(5));
  EXPECT_TRUE(changes_in.empty() && hashes_in.empty());
}

TEST(DigestCodecTest, ChangesBeyondTheLastHashAreRefused) {
  Digest digest = *SmallDigest(1);
  const std::string hashes(8 * 200, 'x');
  for (const std::string& changes :
       {std::string("\x01\x43"), std::string("\x02\x42\x00", 3),
        std::string("\x7f"), std::string("\x01")}) {
    std::string_view changes_in = changes;
    std::string_view hashes_in = hashes;
    EXPECT_FALSE(GetDigestChanges(digest, changes_in, hashes_in));
  }
}

TEST(DigestBasePolicyTest, RenewsOnceTheExcessHasPaidForIt) {
  DigestBasePolicy policy;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(policy.ShouldRenew(10, 70)) << "nothing would be gained";
  }
  int groups = 0;
  while (!policy.ShouldRenew(30, 70)) ++groups;
  EXPECT_EQ(groups, 3);
  policy.Renewed();
  EXPECT_FALSE(policy.ShouldRenew(30, 70));
}

TEST(BatchHeadTest, RoundTripsAndRefusesImpossibleCounts) {
  BatchHead head;
  head.group_first_index = 1000;
  head.group_event_count = 5;
  head.event_count = 3;
  head.first_position = Position(100);
  head.last_position = Position::Max();
  head.first_time = VirtualTime(7);
  head.last_time = VirtualTime(70);
  head.digest_count = 1;
  head.digest_base = 16;
  EXPECT_EQ(DecodeBatchHead(EncodeBatchHead(head)), head);

  const auto refuses = [&](auto change) {
    BatchHead bad = head;
    change(bad);
    return !DecodeBatchHead(EncodeBatchHead(bad)).has_value();
  };
  EXPECT_TRUE(refuses([](BatchHead& h) { h.event_count = 6; }));
  EXPECT_TRUE(refuses([](BatchHead& h) { h.event_count = 0; }));
  EXPECT_TRUE(refuses([](BatchHead& h) { h.group_event_count = 1 << 20; }));
  EXPECT_TRUE(refuses([](BatchHead& h) { h.digest_count = 4; }));
  EXPECT_TRUE(refuses([](BatchHead& h) { h.digest_base = 0; }));
  EXPECT_TRUE(refuses([](BatchHead& h) { h.group_first_index = ~0ull; }));
}

TEST(ImageHeadTest, RefusesImpossibleSizes) {
  EXPECT_TRUE(DecodeImageHead(EncodeImageHead({"kernel", 10, 10})));
  EXPECT_FALSE(DecodeImageHead(EncodeImageHead({"kernel", 10, 11})));
  EXPECT_FALSE(DecodeImageHead(EncodeImageHead({"kernel", ~0ull, 0})));
  EXPECT_FALSE(DecodeImageHead(
      EncodeImageHead({std::string(kMaxImageName + 1, 'k'), 1, 0})));
}

TEST(EndRecordTest, RefusesAVcpuThatTheMachineLacks) {
  EndRecord end = EndAt(5);
  end.vcpu = 1;
  EXPECT_TRUE(DecodeEnd(EncodeEnd(end), 2).ok());
  EXPECT_TRUE(absl::IsDataLoss(DecodeEnd(EncodeEnd(end), 1).status()));
  EXPECT_TRUE(absl::IsDataLoss(DecodeEnd("\xff\xff", 1).status()));
}

}  // namespace
}  // namespace librr::trace
