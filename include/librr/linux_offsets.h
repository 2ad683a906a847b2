// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Where a Linux kernel has the fields that a view of its tasks needs: read from
// a kernel's own type information, or typed by a person.
//
//   LIBRR_ASSIGN_OR_RETURN(LinuxOffsets offsets, FindLinuxOffsets(memory));
//   offsets.Line();   // "0x601c0,0x8e0,0,0x890,0xba0,0x970,..."
//   offsets.Named();  // "version=0x601c0,mm=0x8e0,tasks=0x890,..."
//   LIBRR_ASSIGN_OR_RETURN(offsets, LinuxOffsets::Parse("0x20614,0x80,..."));
//   ReadLinuxTasks(memory, offsets);
//
// `Line` is what VMware Workstation's `monitor linuxoffsets` took: fourteen
// hexadecimal numbers, 0 for a field that the kernel has not. `Named` is the
// same, and more, without such zeros. Offsets are not believed:
// ReadLinuxTasks proves them against the memory before it answers.
#ifndef LIBRR_LINUX_OFFSETS_H_
#define LIBRR_LINUX_OFFSETS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "librr/linux_guest.h"
#include "librr/memory_reader.h"

namespace librr {

class LinuxOffsets {
 public:
  // The first fourteen are the line's, in its order.
  enum class Field : uint8_t {
    kVersion,      // LINUX_VERSION_CODE: 6.1.192 is 0x601c0
    kMm,           // task_struct
    kNextTask,     // task_struct, until 2.4: a pointer to the next task
    kTasks,        // task_struct, since then: a list_head
    kComm,         // task_struct
    kPid,          // task_struct
    kThread,       // task_struct
    kPgd,          // mm_struct
    kStackTop,     // thread_struct: rsp0, esp0 or sp0
    kFs,           // thread_struct: fs or fsbase
    kThreadSize,   // THREAD_SIZE
    kGroupLead,    // task_struct: group_leader
    kThreadGroup,  // task_struct, 2.6.17 to 6.6: a list_head
    kCommSize,     // of task_struct.comm, in bytes
    // Only named.
    kTgid,        // task_struct
    kState,       // task_struct: state or __state
    kRealParent,  // task_struct
    kStack,       // task_struct
    kSavedSp,     // thread_struct: rsp, esp or sp
    kSignal,      // task_struct
    kThreadNode,  // task_struct, since 3.14: a list_head
    kThreadHead,  // signal_struct
    kInitTask,    // the symbol init_task
    kText,        // the symbol _text, as the source of kInitTask has it
  };
  static constexpr size_t kLineFields = 14;
  static constexpr size_t kFields = 24;

  enum class Source : uint8_t {
    kAbsent,    // the kernel has no such field, or nobody has said
    kTyped,     // by a person
    kGuestBtf,  // the kernel's types (BTF) in the guest's memory
    kFileBtf,   // the same in a vmlinux
    kDwarf,     // debug information of a vmlinux
    kHeaders,   // a program compiled against the kernel's headers
    kSymbols,   // the kernel's symbols: kallsyms, vmlinux, System.map
    kSearched,  // found in the guest's memory by what it must lead to
    kAssumed,   // nobody has said, and all kernels have the same
  };

  // What can be known of a field before there is a value.
  struct Description {
    Field field;
    const char* name;  // in the named form
    bool is_required;  // no task can be shown without it
    const char* meaning;
  };
  static absl::Span<const Description> Descriptions();
  static const Description& Describe(Field field);
  static const char* NameOf(Source source);

  // The line, "-l" before it if wanted, or name=value pairs; numbers are
  // hexadecimal, with or without 0x; blanks, commas and backslashes separate.
  // InvalidArgument says what is wrong.
  static absl::StatusOr<LinuxOffsets> Parse(std::string_view typed);

  bool Has(Field field) const { return source(field) != Source::kAbsent; }
  // 0 if absent.
  uint64_t value(Field field) const { return At(field).value; }
  Source source(Field field) const { return At(field).source; }
  void Set(Field field, uint64_t value, Source source);
  void Clear(Field field) { Set(field, 0, Source::kAbsent); }

  // "-l" was typed: the kernel is a 64-bit one, whatever the guest runs now.
  bool is_long() const { return is_long_; }

  // InvalidArgument if a required field is absent, naming it and what would
  // help.
  absl::Status CheckRequired() const;

  std::string Line() const;
  std::string Named() const;

 private:
  struct Value {
    uint64_t value = 0;
    Source source = Source::kAbsent;
  };
  const Value& At(Field field) const {
    return values_[static_cast<size_t>(field)];
  }

  std::array<Value, kFields> values_;
  bool is_long_ = false;
};

// From the kernel in the guest's memory (BTF, kallsyms). NotFound says what was
// tried and what would help.
absl::StatusOr<LinuxOffsets> FindLinuxOffsets(const MemoryReader& memory);

// From an uncompressed kernel image (vmlinux), or from an object file that has
// the kernel's structures in its debug information.
enum class LinuxTypes : uint8_t { kAny, kBtf, kDwarf };
absl::StatusOr<LinuxOffsets> ReadLinuxOffsets(
    const std::string& path, LinuxTypes types = LinuxTypes::kAny);

// Adds the addresses of a System.map (or of a copy of /proc/kallsyms).
// InvalidArgument if it has none of them.
absl::Status AddSystemMap(std::string_view text, LinuxOffsets* offsets);

// The tasks, as LinuxGuest::Tasks has them, as far as the offsets go: what
// needs other fields is empty, `state` '?'. Before that, the offsets are
// proved: there is a task "swapper" with pid 0, every list comes back to where
// it began, and the page tables in use are those of a task. FailedPrecondition:
// there is no Linux here (yet). NotFound and DataLoss name the offset that is
// not right; required ones only, an optional
// one that is wrong is left out and said in `left_out`, if there is one.
absl::StatusOr<std::vector<LinuxTask>> ReadLinuxTasks(
    const MemoryReader& memory, const LinuxOffsets& offsets,
    std::vector<std::string>* left_out = nullptr);

}  // namespace librr

#endif  // LIBRR_LINUX_OFFSETS_H_
