// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// attack_traces COUNT [FIRST [TRACE]]
//
// Damages a small trace of a guest of ours COUNT times, opens and replays each,
// and counts what came of it; exits with 1 at the first thing that must not be.
// A case is told by its number, from FIRST (0) on. With TRACE, damages that one
// instead and only reads it: every event and image, no replay. Memory is
// limited, so that an allocation past the limits ends the program.
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "librr-core/base/posix_file.h"
#include "tests/attack/attacked_trace.h"
#include "tests/attack/trace_attack.h"

// GCC has a macro for it, Clang a feature.
#if defined(__SANITIZE_ADDRESS__)
#define LIBRR_HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LIBRR_HAS_ASAN 1
#endif
#endif

#if defined(LIBRR_HAS_ASAN)
// No block of a trace is larger than 4 MiB, and no image of ours than 64 MiB.
extern "C" const char* __asan_default_options() {
  return "max_allocation_size_mb=256:hard_rss_limit_mb=2048";
}
#endif

namespace librr {
namespace {

constexpr uint64_t kMaxTrace = 256 << 20;
// A case that takes longer hangs: SIGALRM ends the program.
constexpr unsigned kMaxSeconds = 300;
#if !defined(LIBRR_HAS_ASAN)
constexpr rlim_t kMaxAddressSpace = rlim_t{2} << 30;
#endif

// Every byte of the trace that a reader can come to.
AttackResult ReadAll(const std::string& bytes) {
  auto trace = TraceReader::OpenBytes(bytes);
  if (!trace.ok()) {
    return {AttackOutcome::kRefused, std::string(trace.status().message()), ""};
  }
  absl::Status status;
  uint64_t count = 0;
  EventCursor cursor = (*trace)->Events();
  Position last;
  std::string fault;
  while (status.ok()) {
    const absl::StatusOr<const Event*> event = cursor.Next();
    status = event.status();
    if (!status.ok() || *event == nullptr) break;
    if ((*event)->position < last) fault = "positions go back";
    last = (*event)->position;
    ++count;
  }
  for (const auto& [name, size] : (*trace)->info().images) {
    const absl::StatusOr<std::string> image = (*trace)->ReadImage(name);
    if (image.ok() && image->size() != size) fault = "an image has two sizes";
    if (status.ok()) status = image.status();
  }
  if (status.ok() && count != (*trace)->info().event_count) {
    fault = "events are missing";
  }
  return {status.ok() ? AttackOutcome::kExact : AttackOutcome::kDamaged,
          std::string(status.message()), fault};
}

int Run(uint64_t count, uint64_t first, const char* path) {
  const absl::StatusOr<std::string> bytes =
      path != nullptr ? ReadFileToString(path, kMaxTrace)
                      : RecordAttackedGuest(P_tmpdir);
  if (!bytes.ok()) {
    std::fprintf(stderr, "attack_traces: %s\n",
                 std::string(bytes.status().message()).c_str());
    return 3;
  }
  const TraceMutator mutator(*bytes);
  const auto attack =
      path == nullptr ? std::make_unique<TraceAttack>(*bytes) : nullptr;
  std::map<std::string, uint64_t> counts;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    alarm(kMaxSeconds);
    Mutation mutation = mutator.Mutate(seed);
    const AttackResult result =
        attack != nullptr ? attack->Check(mutation.bytes, mutation.kind)
                          : ReadAll(mutation.bytes);
    std::string what(MutationName(mutation.kind));
    if (mutation.block_type >= 0) {
      what += " block type " + std::to_string(mutation.block_type);
    }
    ++counts[what + ": " + std::string(AttackOutcomeName(result.outcome))];
    if (!result.fault.empty()) {
      const std::string kept = absl::StrCat("attack_traces-", seed, ".vmrr");
      std::ofstream(kept, std::ios::binary) << mutation.bytes;
      std::fprintf(stderr, "attack_traces: case %llu (%s): %s (%s); see %s\n",
                   static_cast<unsigned long long>(seed), what.c_str(),
                   result.fault.c_str(), result.message.c_str(), kept.c_str());
      return 1;
    }
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("%llu copies of a trace of %zu bytes, peak memory %ld MiB\n",
              static_cast<unsigned long long>(count), bytes->size(),
              usage.ru_maxrss / 1024);
  for (const auto& [what, number] : counts) {
    std::printf("%s: %llu\n", what.c_str(),
                static_cast<unsigned long long>(number));
  }
  return 0;
}

}  // namespace
}  // namespace librr

int main(int argc, char** argv) {
  uint64_t count = 0;
  uint64_t first = 0;
  if (argc < 2 || argc > 4 || !absl::SimpleAtoi(argv[1], &count) ||
      (argc > 2 && !absl::SimpleAtoi(argv[2], &first))) {
    std::fprintf(stderr, "usage: attack_traces COUNT [FIRST [TRACE]]\n");
    return 2;
  }
#if !defined(LIBRR_HAS_ASAN)
  const rlimit limit{librr::kMaxAddressSpace, librr::kMaxAddressSpace};
  setrlimit(RLIMIT_AS, &limit);
#endif
  return librr::Run(count, first, argc > 3 ? argv[3] : nullptr);
}
