// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/system_calls.h"

#include <string>
#include <string_view>

namespace librr::linux_guest {
namespace {

// More than any kernel has; the x32 calls are behind 512.
constexpr int64_t kMaxCalls = 1024;

// The table has functions named so since 4.17 (arch/x86/include/asm/
// syscall_wrapper.h), and "sys_write" before.
std::string CallName(std::string_view function) {
  for (const std::string_view prefix : {"__x64_sys_", "__se_sys_", "sys_"}) {
    if (function.starts_with(prefix))
      return std::string(function.substr(prefix.size()));
  }
  return "";
}

}  // namespace

LinuxSystemCall DescribeSystemCall(const Kernel& kernel,
                                   const LinuxRegisters& saved) {
  LinuxSystemCall call;
  if (saved.original_rax < 0 || saved.original_rax >= kMaxCalls) return call;
  call.number = saved.original_rax;
  // rdi rsi rdx r10 r8 r9: System V ABI for AMD64, A.2.1.
  constexpr int kArguments[6] = {7, 6, 2, 10, 8, 9};
  for (int i = 0; i < 6; ++i) {
    call.arguments[i] = saved.general[kArguments[i]];
  }
  const auto table = kernel.Symbol("sys_call_table");
  if (!table.ok()) return call;
  const auto function = kernel.ReadPointer(*table + 8 * call.number);
  if (!function.ok()) return call;
  for (const std::string_view name : kernel.NamesOf(*function)) {
    if (std::string found = CallName(name); !found.empty()) call.name = found;
  }
  return call;
}

}  // namespace librr::linux_guest
