// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/attack/trace_attack.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "librr-core/base/check.h"
#include "librr/replayer.h"
#include "librr/timeline.h"

namespace librr {
namespace {

// A lie may call for a bigger machine or a longer run than this; the libraries'
// own limits are tested elsewhere.
constexpr uint64_t kMaxMachine = uint64_t{64} << 20;
constexpr uint64_t kMaxExtraSteps = 2'000'000;

bool SameEvent(const Event& a, const Event& b) {
  if (a.digest != nullptr && b.digest != nullptr && *a.digest != *b.digest) {
    return false;
  }
  return (a.digest == nullptr) == (b.digest == nullptr) && a.kind == b.kind &&
         a.subkind == b.subkind && a.position == b.position &&
         a.time == b.time && a.payload == b.payload && a.index == b.index;
}

bool SameMachine(const PcConfig& a, const PcConfig& b) {
  return a.kernel == b.kernel && a.initrd == b.initrd &&
         a.command_line == b.command_line && a.memory_bytes == b.memory_bytes &&
         a.vcpus == b.vcpus;
}

// Sets a flag if it is not destroyed in time.
class Patience {
 public:
  Patience(std::atomic<bool>* stop, int seconds)
      : thread_([this, stop, seconds] {
          std::unique_lock<std::mutex> lock(mutex_);
          if (!done_.wait_for(lock, std::chrono::seconds(seconds),
                              [this] { return is_done_; })) {
            stop->store(true);
          }
        }) {}
  ~Patience() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      is_done_ = true;
    }
    done_.notify_all();
    thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  bool is_done_ = false;
  std::thread thread_;
};

// Errors say something, in one line.
std::string CheckMessage(const absl::Status& status) {
  const std::string message(status.message());
  if (message.empty()) return "an error without a message";
  if (message.find('\n') != std::string::npos) {
    return absl::StrCat("a message of several lines: ", message);
  }
  return "";
}

AttackResult Refused(const absl::Status& status) {
  return {AttackOutcome::kRefused, std::string(status.message()),
          CheckMessage(status)};
}

}  // namespace

std::string_view AttackOutcomeName(AttackOutcome outcome) {
  constexpr std::string_view kNames[kAttackOutcomes] = {
      "refused", "exact", "damaged", "diverged", "unnoticed", "stopped"};
  return kNames[static_cast<int>(outcome)];
}

TraceAttack::TraceAttack(const std::string& bytes) {
  auto trace = TraceReader::OpenBytes(bytes);
  LIBRR_CHECK(trace.ok() && (*trace)->info().complete);
  original_ = *std::move(trace);
  auto config = PcConfigFromTrace(*original_);
  LIBRR_CHECK(config.ok());
  config_ = *std::move(config);
  EventCursor cursor = original_->Events();
  while (true) {
    const absl::StatusOr<const Event*> event = cursor.Next();
    LIBRR_CHECK(event.ok());
    if (*event == nullptr) break;
    events_.push_back(**event);
  }
}

TraceAttack::~TraceAttack() = default;

// Empty if the events are those of the recording, from the first one on.
// `status` is how reading them ended.
std::string TraceAttack::ComparePrefix(const TraceReader& trace,
                                       absl::Status& status) const {
  EventCursor cursor = trace.Events();
  size_t count = 0;
  while (true) {
    const absl::StatusOr<const Event*> event = cursor.Next();
    status = event.status();
    if (!status.ok()) return CheckMessage(status);
    if (*event == nullptr) break;
    if (count == events_.size() || !SameEvent(**event, events_[count])) {
      return absl::StrCat("event ", count, " is not the recorded one");
    }
    ++count;
  }
  if (trace.info().event_count != count) {
    return absl::StrCat("info has ", trace.info().event_count, " events of ",
                        count);
  }
  if (trace.info().complete && count != events_.size()) {
    return absl::StrCat("complete with ", count, " events of ", events_.size());
  }
  return "";
}

const Digest& TraceAttack::RecordedStateAt(const Point& point) {
  const auto [found, is_new] = states_.try_emplace(point);
  if (!is_new) return found->second;
  const auto [position, time, inputs] = point;
  auto machine = CreatePcMachine(config_);
  LIBRR_CHECK(machine.ok());
  const auto run_to = [&machine](uint64_t until, uint64_t idle_until) {
    StopState stop;
    do {
      stop = (*machine)->Run(
          {.until = Position(until), .idle_until = VirtualTime(idle_until)});
    } while (stop.kind == StopKind::kInterrupted);
  };
  uint64_t applied = 0;
  for (const Event& event : events_) {
    if (event.kind != EventKind::kInput || applied == inputs) continue;
    run_to(event.position.value(), event.time.value());
    LIBRR_CHECK(
        (*machine)
            ->ApplyInput({static_cast<InputKind>(event.subkind), event.payload})
            .ok());
    ++applied;
  }
  run_to(position, time);
  // The machine's end is not a step: ask for it where the recording has it.
  if (Position(position) == original_->info().end.position) {
    run_to(position + 1, time);
  }
  found->second = (*machine)->ComputeDigest();
  return found->second;
}

std::string TraceAttack::CheckTimeline(const TraceReader& trace,
                                       const PcConfig& config,
                                       bool must_be_right) {
  const Position end = trace.info().end.position;
  if (end > original_->info().end.position + kMaxExtraSteps) return "";
  TimelineOptions options;
  options.jobs = 1;
  // The digests of events would find what those of checkpoints let pass.
  options.check = false;
  const auto timeline = Timeline::Open(
      &trace, [&config](const std::string&) { return CreatePcMachine(config); },
      options);
  if (!timeline.ok()) return CheckMessage(timeline.status());
  std::vector<Position> positions = {end};
  for (const StoredCheckpoint& checkpoint : trace.checkpoints())
    positions.push_back(checkpoint.position);
  for (const Position position : positions) {
    const absl::Status status = (*timeline)->Seek(position);
    if (!status.ok()) {
      const std::string fault = CheckMessage(status);
      if (!fault.empty()) return fault;
      continue;
    }
    if (!must_be_right) continue;
    const auto [right, is_new] = replayed_.try_emplace(position.value());
    if (is_new) {
      const auto replayer = Replayer::Create(
          original_.get(),
          [this](const std::string&) { return CreatePcMachine(config_); }, {});
      LIBRR_CHECK(replayer.ok() && (*replayer)->SeekTo(position).ok());
      right->second = (*replayer)->machine().ComputeDigest();
    }
    if ((*timeline)->machine().ComputeDigest() != right->second) {
      return absl::StrCat("with checkpoints, the state at position ",
                          position.value(), " is not the recorded one");
    }
  }
  return "";
}

AttackResult TraceAttack::Check(std::string bytes, MutationKind kind) {
  auto trace = TraceReader::OpenBytes(std::move(bytes));
  if (!trace.ok()) return Refused(trace.status());
  const TraceInfo& info = (*trace)->info();
  const bool repaired = IsRepaired(kind);

  absl::Status read;
  std::string fault = ComparePrefix(**trace, read);
  // What lies may say anything, but for crashes.
  const bool is_prefix = fault.empty();
  if (repaired) fault.clear();
  if (!fault.empty()) return {AttackOutcome::kExact, "", fault};

  const auto config = PcConfigFromTrace(**trace);
  if (!config.ok()) return Refused(config.status());
  if (config->memory_bytes > kMaxMachine) {
    return {AttackOutcome::kRefused, "another machine", ""};
  }
  // Time is bounded only where the inputs are right.
  if (is_prefix) {
    // A cut off position may have inputs that are lost.
    const bool must_be_right =
        info.complete && SameMachine(*config, config_) &&
        info.end.position == original_->info().end.position;
    fault = CheckTimeline(**trace, *config, must_be_right);
    if (!fault.empty()) return {AttackOutcome::kExact, "", fault};
  }
  std::atomic<bool> stop = false;
  ReplayOptions options;
  options.stop = &stop;
  auto replayer = Replayer::Create(
      trace->get(),
      [&config](const std::string& engine) {
        PcConfig made = *config;
        if (!engine.empty()) made.engine = engine;
        return CreatePcMachine(made);
      },
      options);
  if (!replayer.ok()) return Refused(replayer.status());

  absl::Status status;
  {
    Patience patience(&stop, kPatienceSeconds);
    const Position far = original_->info().end.position + kMaxExtraSteps;
    status = info.end.position > far ? (*replayer)->SeekTo(far)
                                     : (*replayer)->RunToEnd();
  }
  AttackResult result;
  result.message = std::string(status.message());
  if (!status.ok()) result.fault = CheckMessage(status);
  if (absl::IsAborted(status)) {
    result.outcome = AttackOutcome::kDiverged;
    if (!repaired && !MovesBlocks(kind)) {
      result.fault = "a damaged trace diverges";
    }
    return result;
  }
  if (absl::IsCancelled(status)) {
    result.outcome = AttackOutcome::kStopped;
    if (!repaired) result.fault = "a damaged trace never ends";
    return result;
  }
  result.outcome =
      status.ok() ? AttackOutcome::kExact : AttackOutcome::kDamaged;
  Machine& machine = (*replayer)->machine();
  const Point point = {machine.position().value(), machine.time().value(),
                       (*replayer)->counts().inputs};
  if (repaired) {
    // Nothing vouches for what was read, so the state may be any.
    if (status.ok() && !is_prefix) result.outcome = AttackOutcome::kUnnoticed;
    return result;
  }
  // A block that is missing with nothing to show it was an image; the error
  // says that something is wrong.
  if (MovesBlocks(kind) && !status.ok() && config->initrd != config_.initrd) {
    return result;
  }
  if (std::get<0>(point) > original_->info().end.position.value() ||
      machine.ComputeDigest() != RecordedStateAt(point)) {
    result.fault = absl::StrCat("the state at position ", std::get<0>(point),
                                " is not the recorded one");
  }
  return result;
}

}  // namespace librr
