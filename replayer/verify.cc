// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/verify.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "librr-core/base/status_macros.h"
#include "replayer/state_difference.h"
#include "replayer/step_search.h"

namespace librr {
namespace {

// A prime, so that its multiples fall on no recorded boundary.
constexpr uint64_t kSecondBudget = 997;
constexpr uint64_t kOtherSecondBudget = 1009;

class Verifier {
 public:
  Verifier(const TraceReader& trace, const MachineFactory& factory,
           const VerifyOptions& options)
      : trace_(trace), factory_(factory), options_(options) {
    first_.engine = options.engine;
    first_.budget = options.budget;
    second_.engine =
        options.second_engine.empty() ? options.engine : options.second_engine;
    second_.budget = options.second_budget;
    if (second_.budget == 0) {
      second_.budget =
          options.budget == kSecondBudget ? kOtherSecondBudget : kSecondBudget;
    }
    for (ReplayOptions* replay : {&first_, &second_}) {
      replay->observer = options.observer;
      replay->stop = options.stop;
    }
  }

  absl::StatusOr<VerifyReport> Run() {
    SetPhase("replaying");
    LIBRR_ASSIGN_OR_RETURN(std::unique_ptr<Replayer> first,
                           Replayer::Create(&trace_, factory_, first_));
    LIBRR_RETURN_IF_ERROR(ReplayToEnd(*first));
    report_.counts = first->counts();
    report_.end = first->machine().position();
    if (!first->divergence().has_value()) return report_;
    report_.divergence = first->divergence();
    LIBRR_RETURN_IF_ERROR(Diagnose(std::move(first)));
    return std::move(report_);
  }

 private:
  void SetPhase(const std::string& phase) {
    if (options_.observer != nullptr) options_.observer->OnPhase(phase);
  }

  // A divergence is no error here.
  static absl::Status ReplayToEnd(Replayer& replayer) {
    absl::Status status = replayer.RunToEnd();
    return absl::IsAborted(status) ? absl::OkStatus() : status;
  }

  // As far as the first replay came.
  absl::Status ReplayAsFar(Replayer& replayer, Position position) const {
    if (report_.divergence->kind == Divergence::Kind::kEnd) {
      return ReplayToEnd(replayer);
    }
    absl::Status status =
        replayer.SeekTo(std::min(position, trace_.info().end.position));
    return absl::IsAborted(status) ? absl::OkStatus() : status;
  }

  static bool IsSame(const Divergence& a, const Divergence& b) {
    return a.kind == b.kind && a.position == b.position && a.time == b.time &&
           a.actual == b.actual;
  }

  absl::Status Diagnose(std::unique_ptr<Replayer> first) {
    SetPhase("diverged; replaying again in another way");
    const Position bad = first->machine().position();
    LIBRR_ASSIGN_OR_RETURN(std::unique_ptr<Replayer> second,
                           Replayer::Create(&trace_, factory_, second_));
    LIBRR_RETURN_IF_ERROR(ReplayAsFar(*second, bad));
    if (second->divergence().has_value()) {
      if (IsSame(*report_.divergence, *second->divergence())) {
        report_.diagnosis = VerifyReport::Diagnosis::kRepeats;
        return absl::OkStatus();
      }
    } else {
      StateDifference difference =
          CompareMachines(first->machine(), second->machine());
      first.reset();
      second.reset();
      SetPhase("the other way agrees; replaying again in the first way");
      LIBRR_ASSIGN_OR_RETURN(std::unique_ptr<Replayer> again,
                             Replayer::Create(&trace_, factory_, first_));
      LIBRR_RETURN_IF_ERROR(ReplayAsFar(*again, bad));
      if (!again->divergence().has_value()) {
        report_.diagnosis = VerifyReport::Diagnosis::kDidNotRepeat;
        report_.difference = std::move(difference);
        return absl::OkStatus();
      }
    }
    first.reset();
    second.reset();
    report_.diagnosis = VerifyReport::Diagnosis::kDependsOnExecution;
    SetPhase("the replays differ; searching the first step that does");
    StepSearch search(&trace_, factory_, first_, second_);
    LIBRR_RETURN_IF_ERROR(
        search.Search(report_.divergence->last_good,
                      std::min(bad, trace_.info().end.position)));
    report_.step = search.step();
    report_.narrowed = {search.good(), search.bad()};
    return absl::OkStatus();
  }

  const TraceReader& trace_;
  const MachineFactory& factory_;
  const VerifyOptions& options_;
  ReplayOptions first_;
  ReplayOptions second_;
  VerifyReport report_;
};

void AppendDifference(const StateDifference& difference, std::string& out) {
  for (const std::string& part : difference.parts) {
    absl::StrAppend(&out, "  differs: ", part, "\n");
  }
  for (const std::string& value : difference.registers) {
    absl::StrAppend(&out, "  register ", value, "\n");
  }
  for (const std::string& page : difference.pages) {
    absl::StrAppend(&out, "  page ", page, "\n");
  }
  if (difference.page_count > difference.pages.size()) {
    absl::StrAppend(&out, "  and ",
                    difference.page_count - difference.pages.size(),
                    " more pages\n");
  }
}

}  // namespace

std::string VerifyReport::Explain() const {
  if (!divergence.has_value()) return "";
  std::string text = divergence->Message() + "\n";
  for (size_t i = 1; i < divergence->differing.size(); ++i) {
    absl::StrAppend(&text, "  differs too: ", divergence->differing[i], "\n");
  }
  switch (diagnosis) {
    case Diagnosis::kExact:
      break;
    case Diagnosis::kRepeats:
      absl::StrAppend(
          &text,
          "It repeats: a second replay, cut differently, agrees with the first "
          "one and not with the recording. Either all replays here do "
          "something "
          "alike that the recording did not, or the recording went wrong. "
          "Record again with --digest-every ",
          std::max<uint64_t>(
              1, (divergence->position - divergence->last_good) / 1000),
          " (or less) to narrow it down.\n");
      break;
    case Diagnosis::kDidNotRepeat:
      absl::StrAppend(
          &text,
          "It did not repeat: two more replays agree with the recording. "
          "Suspect this host's memory. Between the replay that went wrong and "
          "a good one, at the position above:\n");
      if (difference.has_value()) AppendDifference(*difference, text);
      break;
    case Diagnosis::kDependsOnExecution:
      absl::StrAppend(&text,
                      "It depends on how the replay is executed (engine or "
                      "budget), which is a fault of librr.\n");
      if (step.has_value()) {
        absl::StrAppend(&text,
                        "The first step that differs is the one after "
                        "position ",
                        step->position.value(), ":\n");
        for (size_t vcpu = 0; vcpu < step->instructions.size(); ++vcpu) {
          absl::StrAppend(&text, "  cpu", vcpu, " at ",
                          step->instructions[vcpu], "\n");
        }
        absl::StrAppend(&text,
                        "After it, in the first replay and the second:\n");
        AppendDifference(step->after, text);
      } else if (narrowed.has_value()) {
        absl::StrAppend(&text,
                        "Stopped in between, the replays do not differ: it is "
                        "between positions ",
                        narrowed->first.value(), " and ",
                        narrowed->second.value(), ".\n");
      }
      break;
  }
  return text;
}

absl::StatusOr<VerifyReport> Verify(const TraceReader& trace,
                                    const MachineFactory& factory,
                                    const VerifyOptions& options) {
  return Verifier(trace, factory, options).Run();
}

}  // namespace librr
