// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/cpu/native_runner.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cstring>
#include <vector>

#include "librr-core/base/check.h"

namespace librr::pc {
namespace {

constexpr int kSignals[] = {SIGTRAP, SIGSEGV, SIGILL, SIGFPE, SIGBUS};
constexpr uint64_t kAlignmentCheckFlag = 1u << 18;
constexpr uint64_t kNestedTaskAndIdFlags = 1u << 14 | 1u << 21;
constexpr uint16_t kCompatibilityCode = 0x23;
constexpr int kBreakpointTrap = 3;

// The registers of a signal frame in the order of GprIndex.
constexpr int kFrameRegisters[16] = {
    REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
    REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

// Where the kernel keeps the extended state behind the FXSAVE image, and the
// bits that say that x87 and SSE state is to be loaded. SDM vol. 1, 13.4.2.
constexpr size_t kSoftwareBytesAt = 464;
constexpr size_t kXstateBvAt = 512;
constexpr uint64_t kXstateX87AndSse = 3;
constexpr uint32_t kExtendedStateMagic = 0x46505853;

enum class Phase { kIdle, kEntering, kRunning };

// What the signal handler works on: it has no other way to be told.
struct Exchange {
  Phase phase = Phase::kIdle;
  bool code32 = false;
  MachineState input;
  Outcome outcome;
  greg_t caller[NGREG];
  uint8_t caller_fx[512];
};
Exchange g_exchange;

void LoadExtendedState(const void* image, ucontext_t* context) {
  auto* frame = reinterpret_cast<uint8_t*>(context->uc_mcontext.fpregs);
  std::memcpy(frame, image, kSoftwareBytesAt);
  uint32_t magic;
  std::memcpy(&magic, frame + kSoftwareBytesAt, sizeof(magic));
  if (magic != kExtendedStateMagic) return;
  uint64_t xstate_bv;
  std::memcpy(&xstate_bv, frame + kXstateBvAt, sizeof(xstate_bv));
  xstate_bv |= kXstateX87AndSse;
  std::memcpy(frame + kXstateBvAt, &xstate_bv, sizeof(xstate_bv));
}

void Enter(ucontext_t* context) {
  greg_t* registers = context->uc_mcontext.gregs;
  std::memcpy(g_exchange.caller, registers, sizeof(g_exchange.caller));
  std::memcpy(g_exchange.caller_fx, context->uc_mcontext.fpregs,
              sizeof(g_exchange.caller_fx));
  const MachineState& input = g_exchange.input;
  for (int i = 0; i < 16; ++i)
    registers[kFrameRegisters[i]] = static_cast<greg_t>(input.gpr[i]);
  registers[REG_RIP] = static_cast<greg_t>(input.rip);
  registers[REG_EFL] = static_cast<greg_t>(input.rflags);
  if (g_exchange.code32) {
    registers[REG_CSGSFS] =
        (registers[REG_CSGSFS] & ~0xffffll) | kCompatibilityCode;
  }
  LoadExtendedState(&input.fx, context);
  g_exchange.phase = Phase::kRunning;
}

void Leave(ucontext_t* context) {
  greg_t* registers = context->uc_mcontext.gregs;
  Outcome& outcome = g_exchange.outcome;
  for (int i = 0; i < 16; ++i)
    outcome.state.gpr[i] = static_cast<uint64_t>(registers[kFrameRegisters[i]]);
  outcome.state.rip = static_cast<uint64_t>(registers[REG_RIP]);
  outcome.state.rflags = static_cast<uint64_t>(registers[REG_EFL]);
  outcome.vector = static_cast<int>(registers[REG_TRAPNO]);
  outcome.error = static_cast<uint64_t>(registers[REG_ERR]);
  outcome.cr2 = static_cast<uint64_t>(registers[REG_CR2]);
  std::memcpy(static_cast<void*>(&outcome.state.fx),
              context->uc_mcontext.fpregs, sizeof(FxImage));
  std::memcpy(registers, g_exchange.caller, sizeof(g_exchange.caller));
  LoadExtendedState(g_exchange.caller_fx, context);
  g_exchange.phase = Phase::kIdle;
}

void HandleSignal(int signal_number, siginfo_t*, void* context) {
  // POPF may have set AC, with which compiled code cannot run.
  __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() &
                                 ~kAlignmentCheckFlag);
  switch (g_exchange.phase) {
    case Phase::kEntering:
      Enter(static_cast<ucontext_t*>(context));
      return;
    case Phase::kRunning:
      Leave(static_cast<ucontext_t*>(context));
      return;
    case Phase::kIdle:
      signal(signal_number, SIG_DFL);
      return;
  }
}

bool Map(uint64_t address, uint64_t bytes, int protection) {
  return mmap(reinterpret_cast<void*>(address), bytes, protection,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
              0) == reinterpret_cast<void*>(address);
}

}  // namespace

struct NativeRunner::Handlers {
  std::vector<uint8_t> stack = std::vector<uint8_t>(64 << 10);
  stack_t old_stack = {};
  struct sigaction old_actions[std::size(kSignals)] = {};
};

NativeRunner::NativeRunner() : handlers_(std::make_unique<Handlers>()) {
  // A page of code that is writable and executable at once: tests only.
  if (!Map(kCodeWindow, kCodeWindowBytes, PROT_READ | PROT_WRITE | PROT_EXEC))
    return;
  if (!Map(kDataWindow, kDataWindowBytes, PROT_READ | PROT_WRITE)) {
    munmap(reinterpret_cast<void*>(kCodeWindow), kCodeWindowBytes);
    return;
  }
  std::memset(reinterpret_cast<void*>(kCodeWindow), kPadding, kCodeWindowBytes);
  std::memset(data(kDataWindow), kDataFill, kDataWindowBytes);
  mprotect(data(kDataWindow + kDataWritableBytes),
           kDataWindowBytes - kDataWritableBytes, PROT_READ);
  stack_t stack = {};
  stack.ss_sp = handlers_->stack.data();
  stack.ss_size = handlers_->stack.size();
  sigaltstack(&stack, &handlers_->old_stack);
  struct sigaction action = {};
  action.sa_sigaction = &HandleSignal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  for (size_t i = 0; i < std::size(kSignals); ++i)
    sigaction(kSignals[i], &action, &handlers_->old_actions[i]);
  // 64-bit code ignores DS and ES; 32-bit code needs flat ones.
  asm volatile("mov %0, %%ds; mov %0, %%es" : : "r"(0x2b));
  ok_ = true;
}

NativeRunner::~NativeRunner() {
  if (!ok_) return;
  for (size_t i = 0; i < std::size(kSignals); ++i)
    sigaction(kSignals[i], &handlers_->old_actions[i], nullptr);
  sigaltstack(&handlers_->old_stack, nullptr);
  munmap(reinterpret_cast<void*>(kCodeWindow), kCodeWindowBytes);
  munmap(reinterpret_cast<void*>(kDataWindow), kDataWindowBytes);
}

uint8_t* NativeRunner::data(uint64_t address) const {
  return reinterpret_cast<uint8_t*>(address);
}

void NativeRunner::WriteCode(uint64_t address,
                             absl::Span<const uint8_t> bytes) {
  LIBRR_CHECK(address >= kCodeWindow &&
              address + bytes.size() <= kCodeWindow + kCodeWindowBytes);
  std::memcpy(reinterpret_cast<void*>(address), bytes.data(), bytes.size());
}

Outcome NativeRunner::Run(const MachineState& input, bool code32) {
  g_exchange.input = input;
  g_exchange.outcome = Outcome();
  g_exchange.code32 = code32;
  g_exchange.phase = Phase::kEntering;
  asm volatile("int3" : : : "memory");
  // The return from a signal handler leaves what POPF did to these.
  __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() &
                                 ~kNestedTaskAndIdFlags);
  Outcome outcome = g_exchange.outcome;
  // A trap of the padding means that the instruction went there.
  if (outcome.vector == kBreakpointTrap) {
    outcome.vector = -1;
    outcome.error = 0;
    --outcome.state.rip;
  }
  return outcome;
}

}  // namespace librr::pc
