// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A guest's memory for those who look into it: its kernel, its processes. What
// is behind it may be a machine at rest, a replay, a core file or another
// hypervisor.
//
//   MachineMemory memory(&timeline.machine());   // librr/machine_memory.h
//   absl::StatusOr<LinuxSymbols> symbols = ReadLinuxSymbols(memory);
//
// Reads are physical: which virtual address means what depends on the process,
// and whoever looks from outside walks the page tables of the one it means.
// Reading changes nothing. As thread-safe as what is behind it.
#ifndef LIBRR_MEMORY_READER_H_
#define LIBRR_MEMORY_READER_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "librr/units.h"

namespace librr {

// Where the page tables of an address space begin.
struct PagingRoot {
  GuestPhysical table;
  int levels = 4;  // or 5; 32-bit kernels: 2, or 3 with PAE
  bool operator==(const PagingRoot&) const = default;
};

// What a vCPU executes with, as far as a view of its operating system asks.
struct VcpuContext {
  PagingRoot root;
  uint64_t stack_pointer = 0;
  uint64_t fs_base = 0;
  bool in_user_code = false;  // privilege level 3
};

class MemoryReader {
 public:
  virtual ~MemoryReader() = default;
  // Fills all of `out`, or fails: OutOfRange beyond RAM.
  virtual absl::Status ReadPhysical(GuestPhysical address,
                                    absl::Span<uint8_t> out) const = 0;
  // The address spaces that the vCPUs are in, each once; empty if none has
  // paging on.
  virtual std::vector<PagingRoot> PagingRoots() const = 0;
  // By number, those that have paging on or not; empty if it is not known. Only
  // offsets that were typed need it: kernels with types say themselves which
  // task a CPU executes.
  virtual std::vector<VcpuContext> Vcpus() const { return {}; }
};

}  // namespace librr

#endif  // LIBRR_MEMORY_READER_H_
