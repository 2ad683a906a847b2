// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The open files of a process (Linux, fs/file.c): its table of descriptors.
//
//   LIBRR_ASSIGN_OR_RETURN(OpenFiles files, OpenFiles::Make(&kernel));
//   LIBRR_ASSIGN_OR_RETURN(std::vector<LinuxOpenFile> of_init,
//                          files.Read(init));
//
// Made once for a kernel; each Read looks at the memory anew.
#ifndef LIBRR_LINUX_INTROSPECT_OPEN_FILES_H_
#define LIBRR_LINUX_INTROSPECT_OPEN_FILES_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "librr/linux_guest.h"
#include "linux-introspect/kernel.h"
#include "linux-introspect/path_names.h"

namespace librr::linux_guest {

class OpenFiles {
 public:
  // NotFound if the kernel lacks a member that is needed, naming it.
  static absl::StatusOr<OpenFiles> Make(const Kernel* kernel);

  // By descriptor.
  absl::StatusOr<std::vector<LinuxOpenFile>> Read(const LinuxTask& task) const;

 private:
  OpenFiles(const Kernel* kernel, PathNames names)
      : kernel_(kernel), names_(std::move(names)) {}
  absl::StatusOr<LinuxOpenFile> Describe(uint64_t file) const;

  const Kernel* kernel_;
  PathNames names_;
  Field files_;                                        // of task_struct
  Field table_;                                        // of files_struct
  Field count_, pointers_, close_on_exec_;             // of fdtable
  Field path_, file_inode_, flags_, mode_, position_;  // of file
  Field inode_mode_, inode_number_, super_;            // of inode
  Field super_device_;                                 // of super_block
  uint64_t file_size_ = 0, inode_size_ = 0, fdtable_size_ = 0;
};

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_OPEN_FILES_H_
