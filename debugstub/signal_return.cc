// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "debugstub/signal_return.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "librr-core/base/coding.h"
#include "librr/inspection.h"

namespace librr {
namespace {

// Linux, arch/x86/entry/syscalls/syscall_64.tbl.
constexpr uint64_t kRtSigreturn = 15;

// Linux, arch/x86/include/uapi/asm/{ucontext,sigcontext}.h: the handler has
// taken its return address off struct rt_sigframe, so that the stack pointer is
// at struct ucontext, whose uc_mcontext has 16 integer registers before rip.
constexpr uint64_t kMachineContext = 40;
constexpr uint64_t kRsp = kMachineContext + 15 * 8;
constexpr uint64_t kRip = kMachineContext + 16 * 8;

constexpr std::array<uint8_t, 2> kSyscall = {0x0f, 0x05};

std::optional<uint64_t> ReadWord(const Machine& machine, int vcpu,
                                 uint64_t address) {
  const std::vector<uint8_t> bytes =
      ReadVirtual(machine, vcpu, GuestVirtual(address), 8);
  // reinterpret_cast: the coding module takes characters.
  std::string_view in(reinterpret_cast<const char*>(bytes.data()),
                      bytes.size());
  return GetFixed(in, 8);
}

}  // namespace

std::optional<SignalReturn> FindSignalReturn(const Machine& machine, int vcpu) {
  const auto registers = machine.Registers(vcpu);
  const bool in_user_code =
      (RegisterNumber(registers, "cs").value_or(0) & 3) == 3;
  if (!in_user_code || CodeBits(registers) != 64 ||
      RegisterNumber(registers, "rax") != kRtSigreturn) {
    return std::nullopt;
  }
  const std::vector<uint8_t> code = ReadVirtual(
      machine, vcpu, GuestVirtual(CodeAddress(registers)), kSyscall.size());
  if (!std::equal(code.begin(), code.end(), kSyscall.begin(), kSyscall.end()))
    return std::nullopt;
  const uint64_t frame = RegisterNumber(registers, "rsp").value_or(0);
  const auto rip = ReadWord(machine, vcpu, frame + kRip);
  const auto rsp = ReadWord(machine, vcpu, frame + kRsp);
  if (!rip.has_value() || !rsp.has_value()) return std::nullopt;
  return SignalReturn{*rip, *rsp};
}

}  // namespace librr
