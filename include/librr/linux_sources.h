// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What a guest's Linux is looked at with, where the guest's own symbols
// (kallsyms) and types (BTF) are missing or not to be used: its vmlinux, its
// System.map, or offsets that a person has typed.
//
//   LIBRR_ASSIGN_OR_RETURN(
//       LinuxSources sources,
//       LinuxSources::Open({.vmlinux = "vmlinux", .system_map =
//       "System.map"}));
//   LIBRR_ASSIGN_OR_RETURN(auto guest, FindLinuxGuest(&memory, sources));
//
// Symbols come from the first of these that there is: System.map, the vmlinux,
// the guest. Types: the vmlinux (BTF, else debug information), the guest. The
// offset of this boot (KASLR) is found, and what files say is proved against
// the memory before it is used; LinuxGuest::Sources tells how.
//
// Files are read when they are opened, debug information when it is needed.
//
// Sources also remember what has been read of the last few guests' kernels, so
// that the same kernel is found again in milliseconds: at another position,
// after a reboot, in another machine that uses the same sources, wherever KASLR
// has put it. A guest cannot lie about another one: what is known is used again
// only where all bytes that it was read from are the same, and not because of a
// name or a build-id.
//
// Copies share what was read. Thread-safe.
#ifndef LIBRR_LINUX_SOURCES_H_
#define LIBRR_LINUX_SOURCES_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "librr/linux_guest.h"
#include "librr/linux_offsets.h"
#include "librr/memory_reader.h"

namespace librr {

namespace linux_guest {
struct KernelSources;
}  // namespace linux_guest

class LinuxSources {
 public:
  struct Files {
    std::string vmlinux;     // a path; empty: none
    std::string system_map;  // a path; empty: none
  };

  // The guest alone; nothing is known yet.
  LinuxSources();
  // NotFound and InvalidArgument name the file.
  static absl::StatusOr<LinuxSources> Open(const Files& files);
  // Typed by a person, instead of all else. What needs more than tasks,
  // registers and page tables answers NotFound then.
  explicit LinuxSources(const LinuxOffsets& offsets);

  // Whether symbols or types are from a file.
  bool has_files() const;
  // For the library itself.
  const linux_guest::KernelSources& internals() const { return *sources_; }

 private:
  explicit LinuxSources(std::shared_ptr<const linux_guest::KernelSources> it);

  std::shared_ptr<const linux_guest::KernelSources> sources_;
};

// As LinuxGuest::Find. NotFound also if a file does not fit the guest's kernel.
absl::StatusOr<std::unique_ptr<LinuxGuest>> FindLinuxGuest(
    const MemoryReader* memory, const LinuxSources& sources);

}  // namespace librr

#endif  // LIBRR_LINUX_SOURCES_H_
