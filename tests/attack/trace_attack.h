// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What may come of a damaged trace: a clear error, or an exact replay of a
// prefix of what was recorded. `Check` opens and replays it, and says which, or
// what went wrong.
//
//   TraceAttack attack(bytes);
//   AttackResult result = attack.Check(mutation.bytes, mutation.kind);
//   if (!result.fault.empty()) std::cerr << result.fault;
//
// "Exact" is decided by a second way to the same state, which uses neither
// replayer nor damaged trace: a machine that is given the inputs of the
// undamaged recording. Belongs to one thread.
#ifndef LIBRR_TESTS_ATTACK_TRACE_ATTACK_H_
#define LIBRR_TESTS_ATTACK_TRACE_ATTACK_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "librr/pc_machine.h"
#include "librr/trace.h"
#include "tests/attack/trace_mutation.h"

namespace librr {

enum class AttackOutcome {
  kRefused,   // not opened, or no machine can be made of it
  kExact,     // replayed to the end of its good prefix, in the recorded state
  kDamaged,   // replayed to the damage, in the recorded state; an error says so
  kDiverged,  // a lie, which the replay found
  kUnnoticed,  // a lie that nothing contradicts, such as a removed digest
  kStopped,    // a lie about time that only a person's patience ends
};
inline constexpr int kAttackOutcomes =
    static_cast<int>(AttackOutcome::kStopped) + 1;

std::string_view AttackOutcomeName(AttackOutcome outcome);

struct AttackResult {
  AttackOutcome outcome{};
  std::string message;  // the error that a person would see
  std::string fault;    // what must not be; empty if nothing
};

class TraceAttack {
 public:
  // `bytes` must be a whole trace of a small guest.
  explicit TraceAttack(const std::string& bytes);
  ~TraceAttack();

  AttackResult Check(std::string bytes, MutationKind kind);

  // How long a replay may take before it is stopped.
  static constexpr int kPatienceSeconds = 20;

 private:
  // Position, time, and how many inputs were applied.
  using Point = std::tuple<uint64_t, uint64_t, uint64_t>;

  const Digest& RecordedStateAt(const Point& point);
  // What goes wrong when checkpoints are used; empty if nothing.
  std::string CheckTimeline(const TraceReader& trace, const PcConfig& config,
                            bool must_be_right);
  std::string ComparePrefix(const TraceReader& trace,
                            absl::Status& status) const;

  std::unique_ptr<TraceReader> original_;
  PcConfig config_;
  std::vector<Event> events_;
  std::map<Point, Digest> states_;
  std::map<uint64_t, Digest> replayed_;  // by position
};

}  // namespace librr

#endif  // LIBRR_TESTS_ATTACK_TRACE_ATTACK_H_
