// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The numbers of slab caches at the very moments at which a Debian kernel
// counts them itself for /proc/slabinfo: they have to be equal, each of them.
#include <gtest/gtest.h>

#include <iostream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "librr/inspection.h"
#include "librr/linux_guest.h"
#include "librr/machine_memory.h"
#include "librr/timeline.h"
#include "librr/trace.h"
#include "tests/tools/linux_recording.h"
#include "tools/trace_argument.h"

namespace librr {
namespace {

using tools::LinuxRecording;

// Every other file is removed: their caches have slabs that are partly free.
constexpr const char* kTyping = R"(expect guest>
type workload fork 20; workload exec 10; for i in $(seq 600); do : > /tmp/f$i; done; rm /tmp/f*[02468]; cat /proc/slabinfo; poweroff -f\n
)";

// "name active objects size per-slab pages slabs", of lines that have them.
std::vector<std::string> PrintedCaches(const std::string& console) {
  std::vector<std::string> caches;
  std::istringstream lines(console);
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> words =
        absl::StrSplit(line, ' ', absl::SkipWhitespace());
    if (words.size() != 16 || words[6] != ":" || words[11] != ":") continue;
    caches.push_back(absl::StrCat(words[0], " ", words[1], " ", words[2], " ",
                                  words[3], " ", words[4], " ", words[5], " ",
                                  words[14]));
  }
  return caches;
}

TEST(SlabCaches, AreWhatTheKernelCountsAtThatMoment) {
  if (!LinuxRecording::IsPossible()) GTEST_SKIP() << LinuxRecording::kMissing;
  const LinuxRecording recording("slabs", kTyping);
  ASSERT_TRUE(recording.ok());
  const std::vector<std::string> printed = PrintedCaches(recording.console());
  ASSERT_GT(printed.size(), 80u) << recording.console();

  const auto reader = tools::OpenTraceArgument(recording.trace());
  ASSERT_TRUE(reader.ok()) << reader.status();
  const auto timeline =
      Timeline::Open(reader->get(), tools::FactoryFor(**reader), {});
  ASSERT_TRUE(timeline.ok()) << timeline.status();
  ASSERT_TRUE((*timeline)->Seek((*timeline)->end()).ok());
  const MachineMemory memory(&(*timeline)->machine());
  const auto guest = LinuxGuest::Find(&memory);
  ASSERT_TRUE(guest.ok()) << guest.status();
  // get_slabinfo(struct kmem_cache *s, struct slabinfo *sinfo)
  const auto counting = (*guest)->Symbol("get_slabinfo");
  ASSERT_TRUE(counting.ok()) << counting.status();
  StopConditions conditions;
  conditions.breakpoints.push_back({.id = 1, .address = counting->value()});
  const auto moments = (*timeline)->FindHits(conditions, Position(0),
                                             (*timeline)->end(), 10'000);
  ASSERT_TRUE(moments.ok()) << moments.status();
  // What did not fit into a reader's buffer is counted again: the later time
  // is the one that was printed.
  size_t cache_number = 0;
  uint64_t free = 0;
  std::optional<uint64_t> shown;
  std::string ours;
  const auto compare = [&] {
    ASSERT_LT(cache_number, printed.size());
    EXPECT_EQ(ours, printed[cache_number]);
    ++cache_number;
  };
  for (const StopHit& moment : *moments) {
    ASSERT_TRUE((*timeline)->Seek(moment.position).ok());
    const std::optional<uint64_t> counted =
        RegisterNumber((*timeline)->machine().Registers(0), "rdi");
    if (shown.has_value() && shown != counted) compare();
    shown = counted;
    const auto caches = (*guest)->SlabCaches();
    ASSERT_TRUE(caches.ok()) << caches.status();
    ASSERT_EQ(caches->size(), printed.size());
    // The one being counted is the first that has not been compared.
    const LinuxSlabCache& cache = (*caches)[cache_number];
    ours =
        absl::StrCat(cache.name, " ", cache.active_objects, " ", cache.objects,
                     " ", cache.size, " ", cache.objects_per_slab, " ",
                     cache.pages_per_slab, " ", cache.slabs);
    free += cache.objects - cache.active_objects;
  }
  compare();
  EXPECT_EQ(cache_number, printed.size());
  std::cout << cache_number << " caches compared, with " << free
            << " free objects\n";
  // Else there was nothing to count.
  EXPECT_GT(free, 100u);
}

}  // namespace
}  // namespace librr
