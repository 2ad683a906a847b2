// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Path names as the kernel prints them (Linux, fs/d_path.c): from a dentry up
// to the root of its mount, and on from where that is mounted.
//
//   LIBRR_ASSIGN_OR_RETURN(PathNames names, PathNames::Make(&kernel));
//   LIBRR_ASSIGN_OR_RETURN(Path path, names.At(file + f_path.offset));
//   names.Of(path);  // "/usr/bin/gzip", "socket:[1234]"
#ifndef LIBRR_LINUX_INTROSPECT_PATH_NAMES_H_
#define LIBRR_LINUX_INTROSPECT_PATH_NAMES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "linux-introspect/kernel.h"

namespace librr::linux_guest {

// A struct path: addresses of a struct vfsmount and of a struct dentry.
struct Path {
  uint64_t mount = 0, dentry = 0;
  bool operator==(const Path&) const = default;
};

class PathNames {
 public:
  static absl::StatusOr<PathNames> Make(const Kernel* kernel);

  // The struct path at `address`.
  absl::StatusOr<Path> At(uint64_t address) const;
  // From the root of the mount namespace, whatever a process has as its root.
  // Files that have been removed end with " (deleted)"; what is in no folder
  // (sockets, pipes, ...) has the name that the kernel gives it.
  absl::StatusOr<std::string> Of(const Path& path) const;
  // As a process with this root sees it; nullopt if it cannot.
  absl::StatusOr<std::optional<std::string>> Below(const Path& root,
                                                   const Path& path) const;
  // In its file system, wherever that is mounted.
  absl::StatusOr<std::string> InFileSystem(const Path& path) const;

 private:
  // Where a walk upwards ends, and the names on the way.
  struct Walk {
    Path end;
    std::string names;  // "/usr/bin"; empty at the end itself
    bool is_deleted = false;
  };
  enum class Until { kRootOfNamespace, kRootOfFileSystem };

  explicit PathNames(const Kernel* kernel) : kernel_(kernel) {}
  absl::StatusOr<Walk> Up(const Path& path, Until until,
                          const Path* root) const;
  // The name that the dentry makes for itself.
  std::optional<std::string> OwnName(const Path& path) const;

  const Kernel* kernel_;
  Field path_mount_, path_dentry_;                    // of path
  Field parent_, name_, name_length_, hash_, inode_;  // of dentry
  Field operations_, private_data_;
  Field make_name_;     // of dentry_operations
  Field inode_number_;  // of inode
  Field mount_vfsmount_, mount_parent_, mount_point_, mount_root_;  // of mount
  uint64_t dentry_size_ = 0, mount_size_ = 0;
};

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_PATH_NAMES_H_
