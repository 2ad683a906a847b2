// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What decoding one instruction costs.
#include <cstdint>
#include <vector>

#include "benchmark/benchmark.h"
#include "machines/pc/cpu/decoder.h"

namespace librr::pc {
namespace {

// A mix as compilers make it.
const std::vector<std::vector<uint8_t>>& CompiledCode() {
  static const std::vector<std::vector<uint8_t>> code = {
      {0x48, 0x89, 0xe5},                 // mov rbp, rsp
      {0x41, 0x57},                       // push r15
      {0x48, 0x8b, 0x47, 0x18},           // mov rax, [rdi + 24]
      {0x48, 0x85, 0xc0},                 // test rax, rax
      {0x74, 0x10},                       // je +16
      {0x8b, 0x14, 0x88},                 // mov edx, [rax + rcx * 4]
      {0x0f, 0xb6, 0x02},                 // movzx eax, byte [rdx]
      {0x48, 0x8d, 0x74, 0x24, 0x08},     // lea rsi, [rsp + 8]
      {0x83, 0xe2, 0x3f},                 // and edx, 63
      {0xc1, 0xc8, 0x0d},                 // ror eax, 13
      {0xe8, 0x10, 0x20, 0x00, 0x00},     // call
      {0x66, 0x0f, 0x6f, 0x06},           // movdqa xmm0, [rsi]
      {0x48, 0xc7, 0x07, 0x01, 0, 0, 0},  // mov qword [rdi], 1
      {0x65, 0x48, 0x8b, 0x04, 0x25, 0x28, 0, 0, 0},  // mov rax, gs:[40]
      {0x0f, 0x1f, 0x44, 0x00, 0x00},                 // nop
      {0xc3},                                         // ret
  };
  return code;
}

void BM_Decode(benchmark::State& state) {
  uint64_t count = 0;
  for (auto _ : state) {
    for (const std::vector<uint8_t>& bytes : CompiledCode()) {
      Insn insn;
      benchmark::DoNotOptimize(Decode(
          bytes.data(), static_cast<unsigned>(bytes.size()), kDecode64, &insn));
      benchmark::DoNotOptimize(insn);
      ++count;
    }
  }
  state.SetItemsProcessed(static_cast<int64_t>(count));
}
BENCHMARK(BM_Decode);

}  // namespace
}  // namespace librr::pc
