// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Verification finds faults of the embedded machine: an instruction that is
// wrong in the replaying engine, and a bit of RAM that flips once.
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "librr/recorder.h"
#include "librr/verify.h"
#include "machines/pc/cpu/instruction_table.h"
#include "machines/pc/embedded_pc.h"

namespace librr {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::StartsWith;
using Diagnosis = VerifyReport::Diagnosis;

constexpr uint64_t kDigestEvery = 50'000;
constexpr uint64_t kMemory = 16 << 20;

PcConfig GuestConfig() {
  std::ifstream in(std::string(GUESTS_FOLDER) + "/long64.elf",
                   std::ios::binary);
  PcConfig config;
  config.kernel.assign(std::istreambuf_iterator<char>(in), {});
  config.memory_bytes = kMemory;
  return config;
}

std::unique_ptr<TraceReader> RecordGuest(const std::string& name) {
  const std::string path = testing::TempDir() + "/" + name + ".vmrr";
  const PcConfig config = GuestConfig();
  auto machine = CreatePcMachine(config);
  EXPECT_TRUE(machine.ok()) << machine.status();
  RecorderOptions options;
  options.run.seed = 1;
  options.digest_every = kDigestEvery;
  auto recorder =
      Recorder::Create(path, DescribePc(config), machine->get(), options);
  EXPECT_TRUE(recorder.ok()) << recorder.status();
  NoInput nobody;
  EXPECT_TRUE((*recorder)->Record(&nobody, nullptr).ok());
  auto trace = TraceReader::Open(path);
  EXPECT_TRUE(trace.ok()) << trace.status();
  return *std::move(trace);
}

// imul r64, r/m64, imm32: does what it should in the guest's first rounds, and
// then flips the lowest bit of its result.
bool WrongImul(pc::Cpu& cpu, const pc::Insn& in) {
  const pc::Handler right = pc::InstructionTable()[in.row].selector(in);
  const bool done = right(cpu, in);
  if (cpu.regs.gpr[pc::kR15] <= 60) cpu.regs.gpr[pc::kRax] ^= 1;
  return done;
}

void InjectWrongImul(pc::PcMachine& machine) {
  const auto table = pc::InstructionTable();
  for (size_t row = 0; row < table.size(); ++row) {
    if (table[row].map == pc::OpcodeMap::k1B && table[row].opcode == 0x69) {
      machine.cpu(0).shared().injected_fault = {static_cast<uint16_t>(row),
                                                &WrongImul};
    }
  }
}

// Engine "reference" is without the fault.
MachineFactory FactoryWith(const TraceReader& trace,
                           std::function<void(pc::PcMachine&)> fault) {
  return [&trace, fault](const std::string& engine)
             -> absl::StatusOr<std::unique_ptr<Machine>> {
    auto config = PcConfigFromTrace(trace);
    if (!config.ok()) return config.status();
    auto machine = pc::PcMachine::Create(*config);
    if (!machine.ok()) return machine.status();
    if (engine != "reference") fault(**machine);
    return *std::move(machine);
  };
}

VerifyReport VerifyOk(const TraceReader& trace, const MachineFactory& factory,
                      const VerifyOptions& options = {}) {
  auto report = Verify(trace, factory, options);
  EXPECT_TRUE(report.ok()) << report.status();
  return report.ok() ? *std::move(report) : VerifyReport{};
}

TEST(PcFaultTest, GuestWithoutFaultIsExact) {
  auto trace = RecordGuest("pc_exact");
  EXPECT_TRUE(VerifyOk(*trace, FactoryWith(*trace, [](auto&) {})).exact());
}

TEST(PcFaultTest, WrongInstructionInAllReplaysRepeats) {
  auto trace = RecordGuest("pc_repeats");
  const VerifyReport report =
      VerifyOk(*trace, FactoryWith(*trace, InjectWrongImul));
  EXPECT_EQ(report.diagnosis, Diagnosis::kRepeats);
  const Divergence& divergence = *report.divergence;
  EXPECT_EQ(divergence.component, "cpu0");
  EXPECT_THAT(divergence.differing, Contains(StartsWith("RAM 0x")));
  EXPECT_GE(divergence.ram_bucket, 0);
  EXPECT_GT(divergence.last_good, Position(0));
  EXPECT_EQ(divergence.position - divergence.last_good, kDigestEvery);
  EXPECT_EQ(divergence.last_input->kind, InputKind::kSeed);
  EXPECT_THAT(report.Explain(), HasSubstr("It repeats"));
  EXPECT_THAT(report.Explain(), HasSubstr("--digest-every"));
}

TEST(PcFaultTest, WrongInstructionInOneEngineIsNamed) {
  auto trace = RecordGuest("pc_named");
  VerifyOptions options;
  options.second_engine = "reference";
  const VerifyReport report =
      VerifyOk(*trace, FactoryWith(*trace, InjectWrongImul), options);
  EXPECT_EQ(report.diagnosis, Diagnosis::kDependsOnExecution);
  ASSERT_TRUE(report.step.has_value());
  EXPECT_GE(report.step->position, report.divergence->last_good);
  EXPECT_LT(report.step->position, report.divergence->position);
  ASSERT_EQ(report.step->instructions.size(), 1u);
  EXPECT_THAT(report.step->instructions[0],
              HasSubstr("imul rax, rax, 0x5851f42d"));
  EXPECT_THAT(report.step->after.registers,
              testing::ElementsAre(StartsWith("cpu0 rax: 0x")));
  EXPECT_EQ(report.step->after.page_count, 0u);
}

TEST(PcFaultTest, BitThatFlippedOnceIsTheHosts) {
  auto trace = RecordGuest("pc_flip");
  constexpr uint64_t kFlipped = 0xa00123;  // nothing else is there
  bool flipped = false;
  const VerifyReport report =
      VerifyOk(*trace, FactoryWith(*trace, [&](pc::PcMachine& machine) {
        if (std::exchange(flipped, true)) return;
        const uint8_t bit = 0x08;
        ASSERT_TRUE(
            machine.WritePhysical(GuestPhysical(kFlipped), {&bit, 1}).ok());
      }));
  EXPECT_EQ(report.diagnosis, Diagnosis::kDidNotRepeat);
  EXPECT_EQ(report.divergence->component, "RAM 0xa00000-0xa3ffff");
  EXPECT_EQ(report.divergence->ram_bucket, 40);
  ASSERT_TRUE(report.difference.has_value());
  EXPECT_THAT(report.difference->pages,
              testing::ElementsAre("0xa00000: 1 byte, first at 0xa00123: 0x08, "
                                   "0x00 (1 bit)"));
  EXPECT_THAT(report.Explain(), HasSubstr("It did not repeat"));
  EXPECT_THAT(report.Explain(), HasSubstr("host's memory"));
}

}  // namespace
}  // namespace librr
