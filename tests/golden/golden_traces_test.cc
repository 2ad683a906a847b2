// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Recordings of every machine model so far replay exactly. A failure means that
// a guest sees something else than before: if that is meant, the model's number
// has to be raised, and scripts/golden records traces of the new one.
#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/machine/recorded_guests.h"

namespace librr {
namespace {

// In the order of their names.
std::vector<std::string> GoldenTraces() {
  std::vector<std::string> paths;
  for (const auto& entry :
       std::filesystem::directory_iterator(LIBRR_GOLDEN_DIR)) {
    if (entry.path().extension() == ".vmrr") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

TEST(GoldenTracesTest, EveryModelHasSome) {
  std::set<uint32_t> models;
  for (const std::string& path : GoldenTraces()) {
    const std::unique_ptr<TraceReader> trace = OpenRecording(path);
    ASSERT_NE(trace, nullptr) << path;
    const uint32_t model = trace->info().header.machine_model;
    EXPECT_NE(path.find("model" + std::to_string(model) + "_"),
              std::string::npos)
        << path << " is of model " << model;
    models.insert(model);
  }
  for (uint32_t model = 1; model <= kPcMachineModel; ++model) {
    EXPECT_TRUE(models.contains(model)) << "model " << model;
  }
}

TEST(GoldenTracesTest, EachReplaysExactlyHoweverItIsCut) {
  for (const std::string& path : GoldenTraces()) {
    SCOPED_TRACE(path);
    const std::unique_ptr<TraceReader> trace = OpenRecording(path);
    ASSERT_NE(trace, nullptr);
    EXPECT_TRUE(trace->info().complete);
    EXPECT_GE(trace->info().digest_count, 2u);
    ExpectExactHoweverCut(*trace);
  }
}

}  // namespace
}  // namespace librr
