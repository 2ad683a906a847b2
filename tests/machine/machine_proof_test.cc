// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Proof of exactness: verification finds faults that are put in on purpose, and
// names what is wrong. Two kinds: an engine with a wrong instruction, which
// goes wrong in every replay, and a bit of RAM that flips once.
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "librr/inspection.h"
#include "machines/pc/cpu/instruction_table.h"
#include "tests/machine/recorded_guests.h"

namespace librr {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using Diagnosis = VerifyReport::Diagnosis;

// --- a wrong instruction -----------------------------------------------------

using IsFaulty = bool (*)(const pc::Cpu& cpu);

// The right handler, and then the lowest bit of the first operand flips, which
// is a register.
template <IsFaulty is_faulty>
bool WrongHandler(pc::Cpu& cpu, const pc::Insn& in) {
  const bool wrong = is_faulty(cpu);
  const pc::InstructionRow& row = pc::InstructionTable()[in.row];
  if (!row.selector(in)(cpu, in)) return false;
  if (wrong) cpu.SetReg<uint64_t>(in.dst, cpu.Reg<uint64_t>(in.dst) ^ 1);
  return true;
}

// Makes machines that execute `handler` for every three-operand IMUL; the
// engine "good" executes it right.
MachineFactory WrongImulFactory(const TraceReader& trace, pc::Handler handler) {
  absl::StatusOr<PcConfig> config = PcConfigFromTrace(trace);
  EXPECT_TRUE(config.ok()) << config.status();
  return [config = *config, handler](const std::string& engine)
             -> absl::StatusOr<std::unique_ptr<Machine>> {
    absl::StatusOr<std::unique_ptr<pc::PcMachine>> machine =
        pc::PcMachine::Create(config);
    if (!machine.ok()) return machine.status();
    const absl::Span<const pc::InstructionRow> table = pc::InstructionTable();
    for (size_t row = 0; engine != "good" && row < table.size(); ++row) {
      // 69 /r: IMUL r, r/m, imm.
      if (table[row].map == pc::OpcodeMap::k1B && table[row].opcode == 0x69) {
        (*machine)->cpu(0).shared().injected_fault =
            pc::InjectedFault{static_cast<uint16_t>(row), handler};
      }
    }
    return *std::move(machine);
  };
}

// Which of long64's multiplications is wrong: in the middle, one of 262144.
bool IsRareMultiplication(const pc::Cpu& cpu) {
  return cpu.regs.gpr[pc::kR15] == 40 && cpu.regs.gpr[pc::kRcx] == 1234;
}

std::unique_ptr<TraceReader> RecordLong64(uint64_t digest_every) {
  RecorderOptions options;
  options.digest_every = digest_every;
  return OpenRecording(
      RecordGuest("proof.vmrr", GuestConfig("long64"), options));
}

TEST(MachineProofTest, WrongInstructionOfOneEngineIsNamed) {
  const std::unique_ptr<TraceReader> trace = RecordLong64(100'000);
  ASSERT_NE(trace, nullptr);
  VerifyOptions options;
  options.second_engine = "good";
  const VerifyReport report = VerifyWith(
      *trace, WrongImulFactory(*trace, &WrongHandler<&IsRareMultiplication>),
      options);
  SCOPED_TRACE(report.Explain());

  // The interval, the component, the last input.
  ASSERT_TRUE(report.divergence.has_value());
  EXPECT_EQ(report.divergence->kind, Divergence::Kind::kDigest);
  EXPECT_EQ(report.divergence->position - report.divergence->last_good,
            100'000u);
  EXPECT_EQ(report.divergence->component, "cpu0");
  EXPECT_GE(report.divergence->ram_bucket, 0);  // it went into memory, too
  EXPECT_THAT(report.divergence->differing,
              Contains(StartsWith("RAM 0x100000-")));
  ASSERT_TRUE(report.divergence->last_input.has_value());
  EXPECT_EQ(report.divergence->last_input->kind, InputKind::kSeed);

  // The step: its instruction, the register that it spoils.
  EXPECT_EQ(report.diagnosis, Diagnosis::kDependsOnExecution);
  ASSERT_TRUE(report.step.has_value());
  EXPECT_GT(report.step->position, report.divergence->last_good);
  EXPECT_LT(report.step->position, report.divergence->position);
  ASSERT_EQ(report.step->instructions.size(), 1u);
  EXPECT_THAT(report.step->instructions[0],
              HasSubstr("imul rax, rax, 0x5851f42d"));
  EXPECT_THAT(report.step->after.parts, ElementsAre("cpu0"));
  EXPECT_THAT(report.step->after.registers,
              ElementsAre(StartsWith("cpu0 rax: 0x")));
  EXPECT_EQ(report.step->after.page_count, 0u);
  EXPECT_THAT(report.Explain(), HasSubstr("imul rax"));

  // It is the step that was chosen.
  auto replay = Replayer::Create(trace.get(), RecordedFactory(*trace), {});
  ASSERT_TRUE(replay.ok()) << replay.status();
  ASSERT_TRUE((*replay)->SeekTo(report.step->position).ok());
  const std::vector<RegisterValue> registers =
      (*replay)->machine().Registers(0);
  EXPECT_EQ(RegisterNumber(registers, "r15"), 40u);
  EXPECT_EQ(RegisterNumber(registers, "rcx"), 1234u);
}

TEST(MachineProofTest, FaultOfEveryReplayRepeatsAndAsksForDenserDigests) {
  const std::unique_ptr<TraceReader> trace = RecordLong64(100'000);
  ASSERT_NE(trace, nullptr);
  const VerifyReport report = VerifyWith(
      *trace, WrongImulFactory(*trace, &WrongHandler<&IsRareMultiplication>),
      {});
  SCOPED_TRACE(report.Explain());
  EXPECT_EQ(report.diagnosis, Diagnosis::kRepeats);
  EXPECT_EQ(report.divergence->component, "cpu0");
  EXPECT_THAT(report.Explain(), HasSubstr("agrees with the first"));
  EXPECT_THAT(report.Explain(), HasSubstr("--digest-every 100 "));
}

// The recording itself, made denser as the report asks, gives the interval.
TEST(MachineProofTest, DenserDigestsNarrowItDown) {
  const std::unique_ptr<TraceReader> trace = RecordLong64(1'000);
  ASSERT_NE(trace, nullptr);
  const VerifyReport report = VerifyWith(
      *trace, WrongImulFactory(*trace, &WrongHandler<&IsRareMultiplication>),
      {});
  EXPECT_EQ(report.divergence->position - report.divergence->last_good, 1'000u);
}

// --- a bit that flips
// ----------------------------------------------------------

// A machine in which a bit of RAM flips when it comes to a position.
class FlippingMachine final : public Machine {
 public:
  FlippingMachine(std::unique_ptr<Machine> machine, Position position,
                  GuestPhysical byte)
      : machine_(std::move(machine)), flip_at_(position), byte_(byte) {}

  StopState Run(const RunLimits& limits) override {
    if (flipped_ || limits.until < flip_at_) return machine_->Run(limits);
    if (machine_->position() < flip_at_) {
      RunLimits before = limits;
      before.until = flip_at_;
      const StopState stop = machine_->Run(before);
      if (machine_->position() < flip_at_) return stop;
    }
    flipped_ = true;
    std::array<uint8_t, 1> value;
    EXPECT_TRUE(machine_->ReadPhysical(byte_, absl::MakeSpan(value)).ok());
    value[0] ^= 0x10;
    EXPECT_TRUE(machine_->WritePhysical(byte_, value).ok());
    return machine_->Run(limits);
  }

  int vcpu_count() const override { return machine_->vcpu_count(); }
  uint64_t memory_bytes() const override { return machine_->memory_bytes(); }
  Position position() const override { return machine_->position(); }
  VirtualTime time() const override { return machine_->time(); }
  void RequestStop() override { machine_->RequestStop(); }
  std::optional<VirtualTime> NextTimer() const override {
    return machine_->NextTimer();
  }
  size_t InputRoom(InputKind kind) const override {
    return machine_->InputRoom(kind);
  }
  absl::Status ApplyInput(const Input& input) override {
    return machine_->ApplyInput(input);
  }
  void SetOutputSink(OutputSink* sink) override {
    machine_->SetOutputSink(sink);
  }
  Digest ComputeDigest() override { return machine_->ComputeDigest(); }
  std::vector<RegisterValue> Registers(int vcpu) const override {
    return machine_->Registers(vcpu);
  }
  absl::Status ReadPhysical(GuestPhysical address,
                            absl::Span<uint8_t> out) const override {
    return machine_->ReadPhysical(address, out);
  }
  absl::StatusOr<GuestPhysical> Translate(int vcpu,
                                          GuestVirtual address) const override {
    return machine_->Translate(vcpu, address);
  }
  uint64_t DirtiedPages() const override { return machine_->DirtiedPages(); }
  MachineStatistics Statistics() const override {
    return machine_->Statistics();
  }
  absl::Status WritePhysical(GuestPhysical address,
                             absl::Span<const uint8_t> bytes) override {
    return machine_->WritePhysical(address, bytes);
  }
  std::string SaveState() const override { return machine_->SaveState(); }
  absl::Status RestoreState(std::string_view state) override {
    return machine_->RestoreState(state);
  }

 private:
  const std::unique_ptr<Machine> machine_;
  const Position flip_at_;
  const GuestPhysical byte_;
  bool flipped_ = false;
};

// The first `flips` machines that it makes flip a bit.
MachineFactory FlippingFactory(const TraceReader& trace, int flips,
                               Position position, GuestPhysical byte) {
  auto left = std::make_shared<int>(flips);
  return [good = RecordedFactory(trace), left, position,
          byte](const std::string& engine)
             -> absl::StatusOr<std::unique_ptr<Machine>> {
    absl::StatusOr<std::unique_ptr<Machine>> machine = good(engine);
    if (!machine.ok() || (*left)-- <= 0) return machine;
    return std::make_unique<FlippingMachine>(*std::move(machine), position,
                                             byte);
  };
}

// Somewhere in the middle of echo's greeting.
constexpr Position kFlipAt = Position(445);

std::unique_ptr<TraceReader> RecordEcho() {
  RecorderOptions options;
  options.digest_every = 200;
  return OpenRecording(RecordGuest(
      "flip.vmrr", GuestConfig("echo"), options,
      {{5'000'000, "abcdef"}, {6'000'000, "ghi"}, {7'000'000, "jklmnopq"}}));
}

TEST(MachineProofTest, BitThatFlipsOnceIsReportedAsSuch) {
  const std::unique_ptr<TraceReader> trace = RecordEcho();
  ASSERT_NE(trace, nullptr);
  // Nobody reads this byte.
  const VerifyReport report = VerifyWith(
      *trace, FlippingFactory(*trace, 1, kFlipAt, GuestPhysical(0x345678)), {});
  SCOPED_TRACE(report.Explain());
  EXPECT_EQ(report.diagnosis, Diagnosis::kDidNotRepeat);
  ASSERT_TRUE(report.divergence.has_value());
  EXPECT_EQ(report.divergence->kind, Divergence::Kind::kDigest);
  // 16 MiB in 64 buckets: 256 KiB each.
  EXPECT_EQ(report.divergence->component, "RAM 0x340000-0x37ffff");
  EXPECT_EQ(report.divergence->ram_bucket, 0x345678 / 0x40000);
  EXPECT_LE(report.divergence->last_good, kFlipAt);
  EXPECT_GE(report.divergence->position, kFlipAt);
  EXPECT_TRUE(report.divergence->last_input.has_value());
  ASSERT_TRUE(report.difference.has_value());
  EXPECT_THAT(report.difference->pages,
              ElementsAre("0x345000: 1 byte, first at 0x345678: 0x10, 0x00 "
                          "(1 bit)"));
  EXPECT_TRUE(report.difference->registers.empty());
  EXPECT_THAT(report.Explain(), HasSubstr("did not repeat"));
  EXPECT_THAT(report.Explain(), HasSubstr("memory"));
}

// The flip is in code, or in what the guest prints: the first thing that is
// noticed may be an output, the clock or the end, and never a hang.
TEST(MachineProofTest, BitThatFlipsAnywhereInTheGuestIsFound) {
  const std::unique_ptr<TraceReader> trace = RecordEcho();
  ASSERT_NE(trace, nullptr);
  int found = 0;
  for (uint64_t byte = 0x100010; byte < 0x100300; byte += 13) {
    const VerifyReport report = VerifyWith(
        *trace, FlippingFactory(*trace, 1, kFlipAt, GuestPhysical(byte)), {});
    ASSERT_FALSE(report.exact()) << std::hex << byte;
    EXPECT_EQ(report.diagnosis, Diagnosis::kDidNotRepeat) << report.Explain();
    ++found;
  }
  EXPECT_GT(found, 50);
}

TEST(MachineProofTest, BitThatFlipsInEveryReplayRepeats) {
  const std::unique_ptr<TraceReader> trace = RecordEcho();
  ASSERT_NE(trace, nullptr);
  const VerifyReport report = VerifyWith(
      *trace, FlippingFactory(*trace, 1'000, kFlipAt, GuestPhysical(0x345678)),
      {});
  EXPECT_EQ(report.diagnosis, Diagnosis::kRepeats) << report.Explain();
  EXPECT_THAT(report.Explain(), HasSubstr("--digest-every"));
}

}  // namespace
}  // namespace librr
