// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The interpreter's hot paths, each as a small loop on a bare vCPU. Items are
// steps.
#include <cstdint>
#include <vector>

#include "benchmark/benchmark.h"
#include "tests/cpu/cpu_fixture.h"

namespace librr::pc {
namespace {

constexpr uint64_t kSteps = 100'000;

// Runs code that loops for ever.
void RunLoop(benchmark::State& state, const std::vector<uint8_t>& code) {
  BareCpu bare;
  bare.WriteRam(kCode, code);
  bare.cpu.rip() = kCode;
  bare.cpu.gpr(kRsi) = kData;
  for (auto _ : state) bare.Run(kSteps);
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kSteps));
}

void BM_RegisterLoop(benchmark::State& state) {
  RunLoop(state, {
                     0x48, 0x01, 0xc8,  // add rax, rcx
                     0xc1, 0xc2, 0x05,  // rol edx, 5
                     0x31, 0xd0,        // xor eax, edx
                     0x48, 0xff, 0xc1,  // inc rcx
                     0xeb, 0xf3,        // jmp to the beginning
                 });
}
BENCHMARK(BM_RegisterLoop);

// Each access hits the TLB.
void BM_LoadStoreLoop(benchmark::State& state) {
  RunLoop(state, {
                     0x48, 0x8b, 0x06,        // mov rax, [rsi]
                     0x48, 0x01, 0xc8,        // add rax, rcx
                     0x48, 0x89, 0x46, 0x08,  // mov [rsi + 8], rax
                     0x48, 0xff, 0xc1,        // inc rcx
                     0xeb, 0xf1,              // jmp to the beginning
                 });
}
BENCHMARK(BM_LoadStoreLoop);

// Each load is from another page, of more pages than the TLB holds.
void BM_TlbMissLoop(benchmark::State& state) {
  RunLoop(state, {
                     0x48, 0x8b, 0x06,                    // mov rax, [rsi]
                     0x48, 0x81, 0xc6, 0x00, 0x10, 0, 0,  // add rsi, 4096
                     0x81, 0xe6, 0xff, 0xff, 0xff, 0x00,  // and esi, 16 MiB - 1
                     0xeb, 0xee,  // jmp to the beginning
                 });
}
BENCHMARK(BM_TlbMissLoop);

void BM_CallReturnLoop(benchmark::State& state) {
  RunLoop(state, {
                     0xe8, 0x02, 0, 0, 0,  // call the ret below
                     0xeb, 0xf9,           // jmp to the beginning
                     0xc3,                 // ret
                 });
}
BENCHMARK(BM_CallReturnLoop);

// REP MOVSQ of a page: each iteration is a step.
void BM_RepMoveLoop(benchmark::State& state) {
  RunLoop(state, {
                     0xbe, 0x00, 0x00, 0x40, 0x00,  // mov esi, kData
                     0xbf, 0x00, 0x00, 0x41, 0x00,  // mov edi, kData + 64 KiB
                     0xb9, 0x00, 0x02, 0x00, 0x00,  // mov ecx, 512
                     0xf3, 0x48, 0xa5,              // rep movsq
                     0xeb, 0xec,                    // jmp to the beginning
                 });
}
BENCHMARK(BM_RepMoveLoop);

}  // namespace
}  // namespace librr::pc
