// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Saved states come from files: whatever is in them, the machine neither
// crashes nor hangs.
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>

#include "tests/machine/guest_runs.h"

namespace librr {
namespace {

constexpr int kCases = 3'000;

void Mutate(std::string& state, std::mt19937_64& random) {
  for (uint64_t i = 1 + random() % 4; i > 0; --i) {
    const size_t at = random() % state.size();
    switch (random() % 4) {
      case 0:
        state[at] = static_cast<char>(state[at] ^ (1 << random() % 8));
        break;
      case 1:
        state[at] = static_cast<char>(random());
        break;
      default:
        for (size_t j = at; j < std::min(at + 8, state.size()); ++j)
          state[j] = random() % 2 == 0 ? '\xff' : '\x7f';
    }
  }
}

class HostileStateTest : public testing::TestWithParam<const char*> {};

TEST_P(HostileStateTest, IsRefusedOrExecuted) {
  std::unique_ptr<Machine> machine = *CreatePcMachine(GuestConfig(GetParam()));
  machine->Run({.until = Position(5'000)});
  const std::string state = machine->SaveState();
  std::mt19937_64 random(17);
  int executed = 0;
  for (int i = 0; i < kCases; ++i) {
    std::string hostile = state;
    Mutate(hostile, random);
    if (i % 50 == 0) hostile.resize(random() % state.size());
    if (!machine->RestoreState(hostile).ok()) continue;
    machine->ComputeDigest();
    machine->Registers(0);
    machine->NextTimer();
    const Position here = machine->position();
    if (here > Position(uint64_t{1} << 62)) continue;
    machine->Run({.until = here + 200, .idle_until = machine->time()});
    ++executed;
  }
  EXPECT_GT(executed, kCases / 4);
}

INSTANTIATE_TEST_SUITE_P(Guests, HostileStateTest,
                         testing::Values("echo", "busytimer", "long64"),
                         [](const testing::TestParamInfo<const char*>& info) {
                           return std::string(info.param);
                         });

}  // namespace
}  // namespace librr
