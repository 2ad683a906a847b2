// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/path_names.h"

#include <algorithm>
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
  LIBRR_RETURN_IF_ERROR(kernel->FindFields({
      {&names.path_mount_, "path", {"mnt"}},
      {&names.path_dentry_, "path", {"dentry"}},
      {&names.parent_, "dentry", {"d_parent"}},
      {&names.name_, "dentry", {"d_name.name"}},
      {&names.name_length_, "dentry", {"d_name.len"}},
      {&names.hash_, "dentry", {"d_hash.pprev"}},
      {&names.inode_, "dentry", {"d_inode"}},
      {&names.operations_, "dentry", {"d_op"}},
      {&names.private_data_, "dentry", {"d_fsdata"}},
      {&names.make_name_, "dentry_operations", {"d_dname"}},
      {&names.inode_number_, "inode", {"i_ino"}},
      {&names.mount_vfsmount_, "mount", {"mnt"}},
      {&names.mount_parent_, "mount", {"mnt_parent"}},
      {&names.mount_point_, "mount", {"mnt_mountpoint"}},
      {&names.mount_root_, "mount", {"mnt.mnt_root"}},
  }));
  LIBRR_ASSIGN_OR_RETURN(names.dentry_size_, kernel->SizeOf("dentry"));
  LIBRR_ASSIGN_OR_RETURN(names.mount_size_, kernel->SizeOf("mount"));
  return names;
}

absl::StatusOr<Path> PathNames::At(uint64_t address) const {
  Path path;
  LIBRR_ASSIGN_OR_RETURN(path.mount,
                         kernel_->ReadPointer(address + path_mount_.offset));
  LIBRR_ASSIGN_OR_RETURN(path.dentry,
                         kernel_->ReadPointer(address + path_dentry_.offset));
  return path;
}

absl::StatusOr<PathNames::Walk> PathNames::Up(const Path& path, Until until,
                                              const Path* root) const {
  Walk walk;
  walk.end = path;
  for (int i = 0; i < kMaxComponents && walk.names.size() <= kMaxPath; ++i) {
    if (root != nullptr && walk.end == *root) return walk;
    LIBRR_ASSIGN_OR_RETURN(const Object dentry,
                           kernel_->ReadObject(walk.end.dentry, dentry_size_));
    const uint64_t parent = dentry.Number(parent_);
    const bool is_root = parent == walk.end.dentry;
    // d_unlinked(): not in the hash of names, and not a root.
    if (i == 0) walk.is_deleted = !is_root && dentry.Number(hash_) == 0;
    if (until == Until::kRootOfNamespace) {
      LIBRR_ASSIGN_OR_RETURN(
          const Object mount,
          kernel_->ReadObject(walk.end.mount - mount_vfsmount_.offset,
                              mount_size_));
      if (is_root || mount.Number(mount_root_) == walk.end.dentry) {
        const uint64_t above = mount.Number(mount_parent_);
        if (above == mount.address()) return walk;
        walk.end = {above + mount_vfsmount_.offset, mount.Number(mount_point_)};
        continue;
      }
    } else if (is_root) {
      return walk;
    }
    const uint64_t length = dentry.Number(name_length_);
    if (length > kMaxName) break;
    walk.names = absl::StrCat(
        "/", kernel_->ReadText(dentry.Number(name_), length), walk.names);
    walk.end.dentry = parent;
  }
  return absl::DataLossError(absl::StrFormat(
      "the path of the dentry at 0x%x is corrupted", path.dentry));
}

// Linux 6.1: net/socket.c, fs/pipe.c, fs/anon_inodes.c, fs/nsfs.c,
// fs/libfs.c.
std::optional<std::string> PathNames::OwnName(const Path& path) const {
  const auto dentry = kernel_->ReadObject(path.dentry, dentry_size_);
  if (!dentry.ok() || dentry->Number(operations_) == 0) return std::nullopt;
  const auto maker =
      kernel_->ReadPointer(dentry->Number(operations_) + make_name_.offset);
  if (!maker.ok() || *maker == 0) return std::nullopt;
  const auto is = [&](std::string_view function) {
    const auto address = kernel_->Symbol(function);
    return address.ok() && *address == *maker;
  };
  const std::string name = kernel_->ReadText(
      dentry->Number(name_), std::min(dentry->Number(name_length_), kMaxName));
  const auto with_number = [&](std::string_view kind) {
    const auto number = kernel_->ReadNumber(
        dentry->Number(inode_) + inode_number_.offset, inode_number_.size);
    return absl::StrFormat("%s:[%d]", kind, number.value_or(0));
  };
  if (is("sockfs_dname")) return with_number("socket");
  if (is("pipefs_dname")) return with_number("pipe");
  if (is("anon_inodefs_dname")) return absl::StrCat("anon_inode:", name);
  if (is("simple_dname")) return absl::StrCat("/", name, " (deleted)");
  if (is("ns_dname")) {
    // struct proc_ns_operations begins with the kind's name.
    const auto kind = kernel_->ReadPointer(dentry->Number(private_data_));
    if (kind.ok()) return with_number(kernel_->ReadText(*kind, kMaxName));
  }
  return std::nullopt;
}

absl::StatusOr<std::string> PathNames::Of(const Path& path) const {
  if (std::optional<std::string> own = OwnName(path); own.has_value()) {
    return *std::move(own);
  }
  LIBRR_ASSIGN_OR_RETURN(const Walk walk,
                         Up(path, Until::kRootOfNamespace, nullptr));
  return absl::StrCat(walk.names.empty() ? "/" : walk.names,
                      walk.is_deleted ? " (deleted)" : "");
}

absl::StatusOr<std::optional<std::string>> PathNames::Below(
    const Path& root, const Path& path) const {
  LIBRR_ASSIGN_OR_RETURN(const Walk walk,
                         Up(path, Until::kRootOfNamespace, &root));
  if (!(walk.end == root)) return std::optional<std::string>();
  return std::optional<std::string>(
      absl::StrCat(walk.names.empty() ? "/" : walk.names,
                   walk.is_deleted ? " (deleted)" : ""));
}

absl::StatusOr<std::string> PathNames::InFileSystem(const Path& path) const {
  LIBRR_ASSIGN_OR_RETURN(const Walk walk,
                         Up(path, Until::kRootOfFileSystem, nullptr));
  return walk.names.empty() ? "/" : walk.names;
}

}  // namespace librr::linux_guest
