// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The registers of a connection: their order, sizes and names, and the XML that
// tells gdb (GDB manual, "G Target Descriptions" and "G.5.15 i386 Features").
//
//   const TargetDescription description = DescribeTarget(
//       DebugArchitecture::kAmd64, target.Registers(0));
//   description.registers[16].name == "rip"
//
// Plain values.
#ifndef LIBRR_DEBUGSTUB_TARGET_DESCRIPTION_H_
#define LIBRR_DEBUGSTUB_TARGET_DESCRIPTION_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "librr/debug_stub.h"
#include "librr/machine.h"

namespace librr {

struct DescribedRegister {
  std::string name;    // as gdb knows it
  std::string source;  // as the target calls it; it may have none of this name
  size_t bytes = 0;
};

struct TargetDescription {
  std::vector<DescribedRegister> registers;  // index: gdb's number
  std::string xml;

  // Numbers of registers that stop replies carry.
  size_t pc = 0;
  size_t sp = 0;
  size_t fp = 0;
};

// `present` is what the target has: system registers beyond those that gdb
// asks for are described if they are among it.
TargetDescription DescribeTarget(DebugArchitecture architecture,
                                 absl::Span<const RegisterValue> present);

// The value of a described register as the protocol has it: hexadecimal, of the
// described size (wider values are cut, narrower ones extended); all 'x' if the
// target does not have it.
std::string RegisterText(const DescribedRegister& described,
                         absl::Span<const RegisterValue> values);

}  // namespace librr

#endif  // LIBRR_DEBUGSTUB_TARGET_DESCRIPTION_H_
