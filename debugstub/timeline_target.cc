// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/timeline_target.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "debugstub/context_stepper.h"
#include "debugstub/trace_search.h"
#include "librr-core/base/abseil_view.h"
#include "librr-core/base/status_macros.h"

namespace librr {
namespace {

std::string DescribeEndOf(const TraceInfo& info) {
  std::string text = absl::StrCat("the recording ends here (",
                                  AbseilView(EndReasonName(info.end.reason)));
  if (!info.end.detail.empty()) absl::StrAppend(&text, ": ", info.end.detail);
  return text + ")";
}

}  // namespace

int TimelineTarget::vcpu_count() const {
  return timeline_->machine().vcpu_count();
}
uint64_t TimelineTarget::memory_bytes() const {
  return timeline_->machine().memory_bytes();
}
Position TimelineTarget::position() const { return timeline_->position(); }
VirtualTime TimelineTarget::time() const { return timeline_->time(); }
Position TimelineTarget::begin() const { return timeline_->begin(); }
Position TimelineTarget::end() const { return timeline_->end(); }

std::vector<RegisterValue> TimelineTarget::Registers(int vcpu) const {
  return timeline_->machine().Registers(vcpu);
}

absl::Status TimelineTarget::ReadPhysical(GuestPhysical address,
                                          absl::Span<uint8_t> out) const {
  return timeline_->machine().ReadPhysical(address, out);
}

absl::StatusOr<GuestPhysical> TimelineTarget::Translate(
    int vcpu, GuestVirtual address) const {
  return timeline_->machine().Translate(vcpu, address);
}

AddressSpace TimelineTarget::CurrentAddressSpace(int vcpu) const {
  return PageTableRoot(timeline_->machine(), vcpu);
}

std::string TimelineTarget::read_only_reason() const {
  return "this is the past of a recording, which cannot be changed; record "
         "again with what should be different";
}

void TimelineTarget::Interrupt() { timeline_->RequestStop(); }

std::string TimelineTarget::TakeNotes() {
  const uint64_t discarded = timeline_->statistics().discarded;
  const uint64_t news = discarded - std::exchange(told_discarded_, discarded);
  if (news == 0) return "";
  return absl::StrCat(
      news == 1 ? "a checkpoint" : absl::StrCat(news, " checkpoints"), " in ",
      timeline_->trace().info().path, " ", news == 1 ? "was" : "were",
      " passed over: the file is damaged there; nothing is lost, but going "
      "there takes longer\n");
}

void TimelineTarget::BeginOperation() { timeline_->ForgetStop(); }

absl::StatusOr<TargetStop> TimelineTarget::RunOn(const ResumeRequest& request) {
  LIBRR_ASSIGN_OR_RETURN(
      TimelineStop run,
      timeline_->Run(request.direction, request.conditions, request.bound));
  TargetStop stop;
  stop.vcpu = -1;
  stop.hits = std::move(run.hits);
  switch (run.reason) {
    case TimelineStop::Reason::kCondition:
      stop.reason = TargetStop::Reason::kCondition;
      if (!stop.hits.empty()) stop.vcpu = stop.hits.front().vcpu;
      break;
    case TimelineStop::Reason::kPosition:
      stop.reason = TargetStop::Reason::kPosition;
      break;
    case TimelineStop::Reason::kBegin:
      stop.reason = TargetStop::Reason::kBegin;
      break;
    case TimelineStop::Reason::kEnd:
      stop.reason = TargetStop::Reason::kEnd;
      break;
    case TimelineStop::Reason::kInterrupted:
      stop.reason = TargetStop::Reason::kInterrupted;
      break;
  }
  return stop;
}

absl::StatusOr<TargetStop> TimelineTarget::Resume(
    const ResumeRequest& request) {
  BeginOperation();
  absl::StatusOr<TargetStop> stop =
      request.step_vcpu >= 0 ? ContextStepper(timeline_, request).Step()
                             : RunOn(request);
  LIBRR_RETURN_IF_ERROR(stop.status());
  if (stop->reason == TargetStop::Reason::kEnd && stop->note.empty()) {
    stop->note = DescribeEndOf(timeline_->trace().info());
  }
  return stop;
}

absl::Status TimelineTarget::Seek(Position position) {
  BeginOperation();
  return timeline_->Seek(position);
}

absl::StatusOr<std::optional<StopHit>> TimelineTarget::LastWrite(
    const Watchpoint& range, Position before) {
  BeginOperation();
  return timeline_->LastWrite(range, before);
}

// ---- what the history holds ----

absl::Status TimelineTarget::AddMark(std::string_view name) {
  std::erase_if(marks_,
                [&](const TargetMark& mark) { return mark.name == name; });
  marks_.push_back({std::string(name), position()});
  return absl::OkStatus();
}

absl::StatusOr<std::vector<TargetMark>> TimelineTarget::Marks() const {
  LIBRR_ASSIGN_OR_RETURN(std::vector<TargetMark> marks,
                         RecordedMarks(timeline_->trace()));
  // A mark of this session hides a recorded one of its name.
  std::erase_if(marks, [&](const TargetMark& recorded) {
    return std::any_of(
        marks_.begin(), marks_.end(),
        [&](const TargetMark& mark) { return mark.name == recorded.name; });
  });
  marks.insert(marks.end(), marks_.begin(), marks_.end());
  std::stable_sort(marks.begin(), marks.end(),
                   [](const TargetMark& a, const TargetMark& b) {
                     return a.position < b.position;
                   });
  return marks;
}

absl::StatusOr<Position> TimelineTarget::FindTime(VirtualTime time) const {
  LIBRR_ASSIGN_OR_RETURN(auto range, EventsAround(timeline_->trace(), time));
  // Between two events the clock tells: halve the stretch until it is found.
  const Position here = timeline_->position();
  timeline_->ForgetStop();
  absl::Status status;
  while (range.first < range.second && status.ok()) {
    const Position middle = range.first + (range.second - range.first) / 2;
    status = timeline_->Seek(middle);
    if (timeline_->time() < time) {
      range.first = middle + 1;
    } else {
      range.second = middle;
    }
  }
  absl::Status back;
  do {
    // One who interrupts the search wants to be where it began.
    timeline_->ForgetStop();
    back = timeline_->Seek(here);
  } while (absl::IsCancelled(back));
  LIBRR_RETURN_IF_ERROR(status);
  LIBRR_RETURN_IF_ERROR(back);
  return range.second;
}

absl::StatusOr<Position> TimelineTarget::FindConsole(
    std::string_view text) const {
  return FindConsoleOutput(timeline_->trace(), text);
}

absl::StatusOr<std::vector<std::string>> TimelineTarget::Events(
    Position from, Position to, size_t max) const {
  return EventLines(timeline_->trace(), from, to, max);
}

std::vector<std::string> TimelineTarget::Information() const {
  const TraceInfo& info = timeline_->trace().info();
  const double seconds = static_cast<double>(info.end.time.value()) / 1e9;
  std::vector<std::string> lines = {
      absl::StrFormat("%s: %.3f s of guest time, %d events, %d bytes",
                      info.path, seconds, info.event_count, info.bytes.total),
      absl::StrCat("ended by: ", AbseilView(EndReasonName(info.end.reason)))};
  if (!info.complete) {
    lines.push_back(
        info.damage.empty()
            ? "the recording is not complete"
            : absl::StrCat("the recording is not complete: ", info.damage));
  }
  return lines;
}

std::vector<std::string> TimelineTarget::Checkpoints() const {
  const CheckpointStatistics statistics = timeline_->statistics();
  return {absl::StrFormat("%d checkpoints, %.1f MiB of memory; %d in the trace",
                          statistics.count,
                          static_cast<double>(statistics.bytes) / (1 << 20),
                          timeline_->trace().info().checkpoint_count),
          absl::StrFormat("%d restored, %d steps replayed so far",
                          statistics.restores, statistics.replayed_steps),
          absl::StrFormat("%d of those in the trace are damaged",
                          statistics.discarded)};
}

}  // namespace librr
