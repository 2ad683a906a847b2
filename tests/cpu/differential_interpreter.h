// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The interpreter behind the same interface as NativeRunner: user mode, the
// same windows at the same linear addresses, nothing else mapped for the user.
//
//   InterpretedRunner ours;
//   ours.WriteCode(kCodeWindow, bytes);
//   Outcome outcome = ours.Run(input, /*code32=*/false, /*split=*/false);
#ifndef LIBRR_TESTS_CPU_DIFFERENTIAL_INTERPRETER_H_
#define LIBRR_TESTS_CPU_DIFFERENTIAL_INTERPRETER_H_

#include <cstdint>

#include "absl/types/span.h"
#include "tests/cpu/cpu_fixture.h"
#include "tests/cpu/native_runner.h"

namespace librr::pc {

class InterpretedRunner {
 public:
  InterpretedRunner();

  // Makes a row execute another handler. Before any code runs: what has been
  // decoded stays.
  void Inject(const InjectedFault& fault) {
    bare_.cpu.shared().injected_fault = fault;
  }
  void WriteCode(uint64_t address, absl::Span<const uint8_t> bytes);
  // The byte at `address` of the data window.
  uint8_t* data(uint64_t address);
  // Runs to the first exception. `vector` is -2 if there was none within
  // reasonable time, -3 if the machine ended (see `detail`). The result is the
  // same if the run is split after every step.
  Outcome Run(const MachineState& input, bool code32, bool split);

 private:
  BareCpu bare_;
  Registers initial_;
};

}  // namespace librr::pc

#endif  // LIBRR_TESTS_CPU_DIFFERENTIAL_INTERPRETER_H_
