// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Path names as the kernel prints them (fs/d_path.c): from a dentry up to the
// root of its mount, and on from where that is mounted.
//
//   LIBRR_ASSIGN_OR_RETURN(PathNames names, PathNames::Make(&kernel));
//   names.Of(file + f_path.offset);  // "/usr/bin/gzip"
#ifndef LIBRR_LINUX_INTROSPECT_PATH_NAMES_H_
#define LIBRR_LINUX_INTROSPECT_PATH_NAMES_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "linux-introspect/kernel.h"

namespace librr::linux_guest {

class PathNames {
 public:
  static absl::StatusOr<PathNames> Make(const Kernel* kernel);

  // Of the struct path at `address`. Files that have been removed end with
  // " (deleted)".
  absl::StatusOr<std::string> Of(uint64_t address) const;

 private:
  explicit PathNames(const Kernel* kernel) : kernel_(kernel) {}

  const Kernel* kernel_;
  Field path_mount_, path_dentry_;                     // of path
  Field parent_, name_, name_length_, hash_, inode_;   // of dentry
  Field mount_vfsmount_, mount_parent_, mount_point_;  // of mount
  uint64_t dentry_size_ = 0, mount_size_ = 0;
};

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_PATH_NAMES_H_
