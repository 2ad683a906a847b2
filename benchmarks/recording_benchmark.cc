// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What recording does beside executing: hashing dirtied pages and writing
// events.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "librr-core/machine/ram_digest.h"
#include "librr-core/trace/trace_writer.h"

namespace librr {
namespace {

// One page of RAM, of which every byte counts.
void BM_HashPage(benchmark::State& state) {
  constexpr uint64_t kPages = 1024;
  RamDigest digest(kPages * RamDigest::kPageSize);
  std::vector<uint8_t> ram(kPages * RamDigest::kPageSize);
  for (size_t i = 0; i < ram.size(); ++i) {
    ram[i] = static_cast<uint8_t>(i * 31 + i / 4096);
  }
  uint64_t page = 0;
  for (auto _ : state) {
    digest.PageChanged(page, ram.data() + page * RamDigest::kPageSize);
    page = (page + 1) % kPages;
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() *
                          static_cast<int64_t>(RamDigest::kPageSize));
}
BENCHMARK(BM_HashPage);

// A disk that is never full and costs nothing.
class NullSink final : public trace::AppendSink {
 public:
  absl::Status Append(std::string_view) override { return absl::OkStatus(); }
  absl::Status TruncateTo(uint64_t) override { return absl::OkStatus(); }
  absl::Status Sync() override { return absl::OkStatus(); }
};

std::unique_ptr<trace::TraceWriter> NewWriter(benchmark::State& state) {
  TraceHeader header;
  header.machine_kind = "pc";
  header.memory_bytes = uint64_t{512} << 20;
  absl::StatusOr<std::unique_ptr<trace::TraceWriter>> writer =
      trace::TraceWriter::CreateOn(std::make_unique<NullSink>(), header, {});
  if (!writer.ok()) {
    state.SkipWithError(std::string(writer.status().message()).c_str());
    return nullptr;
  }
  return *std::move(writer);
}

// Appends copies of `event`, `spacing` steps apart.
void AppendEvents(benchmark::State& state, Event event, uint64_t spacing) {
  const std::unique_ptr<trace::TraceWriter> writer = NewWriter(state);
  if (writer == nullptr) return;
  for (auto _ : state) {
    event.position += spacing;
    event.time += spacing;
    if (!writer->Append(event).ok()) {
      state.SkipWithError("an event was refused");
      return;
    }
  }
  state.SetItemsProcessed(state.iterations());
}

// A character on the guest's console.
void BM_AppendOutput(benchmark::State& state) {
  Event event;
  event.kind = EventKind::kOutput;
  event.subkind = static_cast<uint8_t>(OutputKind::kConsole);
  event.payload = "x";
  AppendEvents(state, event, 1'234);
}
BENCHMARK(BM_AppendOutput);

void BM_AppendDigest(benchmark::State& state) {
  auto digest = std::make_shared<Digest>();
  for (int i = 0; i < 12; ++i) {
    digest->components.push_back({"device" + std::to_string(i), 1u + i});
  }
  Event event;
  event.kind = EventKind::kDigest;
  event.digest = digest;
  AppendEvents(state, event, uint64_t{1} << 20);
}
BENCHMARK(BM_AppendDigest);

}  // namespace
}  // namespace librr
