// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/checkpoint/machine_image.h"

#include <map>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "tests/machine/guest_runs.h"

namespace librr {
namespace {

class MachineImageTest : public testing::TestWithParam<const char*> {};

// Jumps about among checkpoints and runs on from them: digests at equal
// positions are equal, on the same and on a fresh machine.
TEST_P(MachineImageTest, RestoredMachinesRunOnToTheSameDigests) {
  const PcConfig config = GuestConfig(GetParam());
  PageStore store;
  std::map<uint64_t, Digest> digests;
  std::unique_ptr<pc::PcMachine> plain = NewGuest(config);
  const uint64_t end = 40'000;
  const auto check = [&](Machine& machine) {
    const auto [it, added] =
        digests.try_emplace(machine.position().value(), Digest());
    if (added) {
      std::unique_ptr<pc::PcMachine> reference = NewGuest(config);
      RunTo(*reference, machine.position());
      it->second = reference->ComputeDigest();
    }
    EXPECT_EQ(FirstDifference(it->second, machine.ComputeDigest(),
                              config.memory_bytes),
              "")
        << machine.position().value();
  };
  std::mt19937_64 random(4);
  std::unique_ptr<pc::PcMachine> machine = NewGuest(config);
  auto image = std::make_unique<MachineImage>(machine.get(), &store);
  std::vector<std::shared_ptr<const Checkpoint>> checkpoints;
  checkpoints.push_back(image->Capture());
  for (int i = 0; i < 120; ++i) {
    if (i % 40 == 39) {
      image.reset();
      machine = NewGuest(config, /*seed=*/0);
      image = std::make_unique<MachineImage>(machine.get(), &store);
    }
    const auto& checkpoint = checkpoints[random() % checkpoints.size()];
    ASSERT_TRUE(image->Restore(*checkpoint).ok());
    EXPECT_EQ(machine->position(), checkpoint->position);
    EXPECT_EQ(machine->time(), checkpoint->time);
    if (i % 3 == 0) check(*machine);
    const uint64_t to =
        std::min(end, machine->position().value() + random() % 3'000);
    RunTo(*machine, Position(to));
    if (i % 2 == 0) checkpoints.push_back(image->Capture());
    if (i % 5 == 0) check(*machine);
  }
  image.reset();
  checkpoints.clear();
  EXPECT_EQ(store.bytes(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Guests, MachineImageTest,
                         testing::Values("timer", "busytimer", "long64",
                                         "rdrand"),
                         [](const testing::TestParamInfo<const char*>& info) {
                           return std::string(info.param);
                         });

TEST(MachineImageTest, ACheckpointCostsWhatHasChanged) {
  PageStore store;
  std::unique_ptr<pc::PcMachine> machine = NewGuest(GuestConfig("busytimer"));
  MachineImage image(machine.get(), &store);
  const auto first = image.Capture();
  const uint64_t bytes = store.bytes();
  machine->Run({.until = Position(5'000)});
  const auto second = image.Capture();
  EXPECT_LT(image.copied_pages(), 10u);
  const auto third = image.Capture();
  EXPECT_EQ(image.copied_pages(), 0u);
  EXPECT_LT(store.bytes() - bytes, 64u << 10);
  ASSERT_TRUE(image.Restore(*first).ok());
  EXPECT_LT(image.copied_pages(), 10u);
}

TEST(MachineImageTest, AStateOfAnotherMachineIsRefused) {
  PageStore store;
  std::unique_ptr<pc::PcMachine> machine = NewGuest(GuestConfig("hello"));
  MachineImage image(machine.get(), &store);
  Checkpoint checkpoint = *image.Capture();
  checkpoint.state.pop_back();
  EXPECT_FALSE(image.Restore(checkpoint).ok());
  checkpoint.state += "12";
  EXPECT_FALSE(image.Restore(checkpoint).ok());
}

}  // namespace
}  // namespace librr
