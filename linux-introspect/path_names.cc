// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/path_names.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "librr-core/base/status_macros.h"

namespace librr::linux_guest {
namespace {

// PATH_MAX, and as many components as that can have.
constexpr size_t kMaxPath = 4096;
constexpr int kMaxComponents = 2048;
constexpr uint64_t kMaxName = 255;  // NAME_MAX

}  // namespace

absl::StatusOr<PathNames> PathNames::Make(const Kernel* kernel) {
  PathNames names(kernel);
  struct Wanted {
    Field* field;
    const char* aggregate;
    const char* path;
  };
  for (const Wanted& it : {Wanted{&names.path_mount_, "path", "mnt"},
                           {&names.path_dentry_, "path", "dentry"},
                           {&names.parent_, "dentry", "d_parent"},
                           {&names.name_, "dentry", "d_name.name"},
                           {&names.name_length_, "dentry", "d_name.len"},
                           {&names.hash_, "dentry", "d_hash.pprev"},
                           {&names.inode_, "dentry", "d_inode"},
                           {&names.mount_vfsmount_, "mount", "mnt"},
                           {&names.mount_parent_, "mount", "mnt_parent"},
                           {&names.mount_point_, "mount", "mnt_mountpoint"}}) {
    LIBRR_ASSIGN_OR_RETURN(*it.field, kernel->FindField(it.aggregate, it.path));
  }
  LIBRR_ASSIGN_OR_RETURN(names.dentry_size_, kernel->SizeOf("dentry"));
  LIBRR_ASSIGN_OR_RETURN(names.mount_size_, kernel->SizeOf("mount"));
  return names;
}

absl::StatusOr<std::string> PathNames::Of(uint64_t address) const {
  LIBRR_ASSIGN_OR_RETURN(uint64_t mount,
                         kernel_->ReadPointer(address + path_mount_.offset));
  LIBRR_ASSIGN_OR_RETURN(uint64_t dentry,
                         kernel_->ReadPointer(address + path_dentry_.offset));
  mount -= mount_vfsmount_.offset;
  std::string path, deleted;
  for (int i = 0; i < kMaxComponents && path.size() <= kMaxPath; ++i) {
    LIBRR_ASSIGN_OR_RETURN(const Object object,
                           kernel_->ReadObject(dentry, dentry_size_));
    // d_unlinked(): not in the hash of names, and not a root.
    const uint64_t parent = object.Number(parent_);
    if (i == 0 && parent != dentry && object.Number(hash_) == 0)
      deleted = " (deleted)";
    if (parent == dentry) {
      LIBRR_ASSIGN_OR_RETURN(const Object mounted,
                             kernel_->ReadObject(mount, mount_size_));
      const uint64_t above = mounted.Number(mount_parent_);
      if (above == mount)
        return absl::StrCat(path.empty() ? "/" : path, deleted);
      dentry = mounted.Number(mount_point_);
      mount = above;
      continue;
    }
    const uint64_t length = object.Number(name_length_);
    if (length > kMaxName) break;
    path = absl::StrCat("/", kernel_->ReadText(object.Number(name_), length),
                        path);
    dentry = parent;
  }
  return absl::DataLossError(
      absl::StrFormat("the path at 0x%x is corrupted", address));
}

}  // namespace librr::linux_guest
