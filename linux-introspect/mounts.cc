// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/mounts.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "librr-core/base/status_macros.h"
#include "linux-introspect/kernel_lists.h"
#include "linux-introspect/path_names.h"

namespace librr::linux_guest {
namespace {

// fs.mount-max is 100 000 unless an administrator raises it.
constexpr size_t kMaxMounts = 1 << 17;
constexpr uint64_t kMaxText = 4096;

struct Flag {
  uint64_t bit;
  std::string_view text;
};
// vfsmount.mnt_flags; Linux, include/linux/mount.h.
constexpr uint64_t kReadOnly = 0x40;
constexpr uint64_t kCursor = 0x10000000;  // of a reader of /proc
constexpr Flag kMountFlags[] = {{0x01, ",nosuid"},     {0x02, ",nodev"},
                                {0x04, ",noexec"},     {0x08, ",noatime"},
                                {0x10, ",nodiratime"}, {0x20, ",relatime"},
                                {0x80, ",nosymfollow"}};
// super_block.s_flags; Linux, include/linux/fs.h.
constexpr uint64_t kSuperReadOnly = 1;
constexpr Flag kSuperFlags[] = {{1 << 4, ",sync"},
                                {1 << 7, ",dirsync"},
                                {1 << 6, ",mand"},
                                {1 << 25, ",lazytime"}};

class MountsReader {
 public:
  MountsReader(const Kernel* kernel, PathNames names)
      : kernel_(kernel), names_(std::move(names)) {}

  absl::StatusOr<std::vector<LinuxMount>> Read(const LinuxTask& task) {
    LIBRR_RETURN_IF_ERROR(FindFields());
    const uint64_t address = task.address.value();
    LIBRR_ASSIGN_OR_RETURN(const uint64_t proxy,
                           kernel_->ReadPointer(address + proxy_.offset));
    LIBRR_ASSIGN_OR_RETURN(const uint64_t fs,
                           kernel_->ReadPointer(address + fs_.offset));
    std::vector<LinuxMount> mounts;
    // It has given them back.
    if (proxy == 0 || fs == 0) return mounts;
    LIBRR_ASSIGN_OR_RETURN(const uint64_t space,
                           kernel_->ReadPointer(proxy + namespace_.offset));
    LIBRR_ASSIGN_OR_RETURN(const Path root, names_.At(fs + root_.offset));
    LIBRR_ASSIGN_OR_RETURN(const std::vector<uint64_t> all, All(space));
    for (const uint64_t mount : all) {
      LIBRR_ASSIGN_OR_RETURN(const Object object,
                             kernel_->ReadObject(mount, mount_size_));
      if ((object.Number(flags_) & kCursor) != 0) continue;
      LIBRR_ASSIGN_OR_RETURN(std::optional<LinuxMount> found,
                             Describe(object, root));
      if (found.has_value()) mounts.push_back(*std::move(found));
    }
    return mounts;
  }

 private:
  absl::Status FindFields() {
    LIBRR_ASSIGN_OR_RETURN(mount_size_, kernel_->SizeOf("mount"));
    return kernel_->FindFields({
        {&proxy_, "task_struct", {"nsproxy"}},
        {&fs_, "task_struct", {"fs"}},
        {&namespace_, "nsproxy", {"mnt_ns"}},
        {&root_, "fs_struct", {"root"}},
        {&id_, "mount", {"mnt_id"}},
        {&parent_, "mount", {"mnt_parent"}},
        {&source_, "mount", {"mnt_devname"}},
        {&vfsmount_, "mount", {"mnt"}},
        {&flags_, "mount", {"mnt.mnt_flags"}},
        {&mount_root_, "mount", {"mnt.mnt_root"}},
        {&super_, "mount", {"mnt.mnt_sb"}},
        {&device_, "super_block", {"s_dev"}},
        {&super_flags_, "super_block", {"s_flags"}},
        {&type_, "super_block", {"s_type"}},
        {&subtype_, "super_block", {"s_subtype"}},
        {&type_name_, "file_system_type", {"name"}},
    });
  }

  // Addresses of struct mount.
  absl::StatusOr<std::vector<uint64_t>> All(uint64_t space) const {
    std::vector<uint64_t> found;
    Field link;
    if (const auto list = kernel_->FindField("mnt_namespace", "list");
        list.ok()) {
      LIBRR_ASSIGN_OR_RETURN(link, kernel_->FindField("mount", "mnt_list"));
      LIBRR_ASSIGN_OR_RETURN(found, ReadList(*kernel_, space + list->offset,
                                             kMaxMounts, "mounts"));
    } else {
      // Since 6.8.
      LIBRR_ASSIGN_OR_RETURN(const Field tree,
                             kernel_->FindField("mnt_namespace", "mounts"));
      LIBRR_ASSIGN_OR_RETURN(link, kernel_->FindField("mount", "mnt_node"));
      LIBRR_ASSIGN_OR_RETURN(
          found, ReadTree(*kernel_, space + tree.offset, kMaxMounts, "mounts"));
    }
    for (uint64_t& node : found) node -= link.offset;
    return found;
  }

  // nullopt if the process does not see it.
  absl::StatusOr<std::optional<LinuxMount>> Describe(const Object& object,
                                                     const Path& root) const {
    const Path top = {.mount = object.address(vfsmount_),
                      .dentry = object.Number(mount_root_)};
    LIBRR_ASSIGN_OR_RETURN(std::optional<std::string> path,
                           names_.Below(root, top));
    if (!path.has_value()) return std::optional<LinuxMount>();
    LinuxMount mount;
    mount.path = *std::move(path);
    mount.id = static_cast<uint32_t>(object.Number(id_));
    LIBRR_ASSIGN_OR_RETURN(
        const uint64_t parent,
        kernel_->ReadNumber(object.Number(parent_) + id_.offset, id_.size));
    mount.parent_id = static_cast<uint32_t>(parent);
    mount.source = object.Number(source_) == 0
                       ? "none"
                       : kernel_->ReadText(object.Number(source_), kMaxText);
    LIBRR_ASSIGN_OR_RETURN(mount.root, names_.InFileSystem(top));
    const uint64_t super = object.Number(super_);
    const auto read = [&](Field field) {
      return kernel_->ReadNumber(super + field.offset, field.size);
    };
    LIBRR_ASSIGN_OR_RETURN(const uint64_t device, read(device_));
    // MINORBITS is 20 in the kernel.
    mount.device_major = static_cast<uint32_t>(device >> 20);
    mount.device_minor = static_cast<uint32_t>(device & 0xfffff);
    LIBRR_ASSIGN_OR_RETURN(const uint64_t type, read(type_));
    LIBRR_ASSIGN_OR_RETURN(const uint64_t type_name,
                           kernel_->ReadPointer(type + type_name_.offset));
    mount.type = kernel_->ReadText(type_name, kMaxText);
    LIBRR_ASSIGN_OR_RETURN(const uint64_t subtype, read(subtype_));
    if (subtype != 0) {
      absl::StrAppend(&mount.type, ".", kernel_->ReadText(subtype, kMaxText));
    }
    LIBRR_ASSIGN_OR_RETURN(const uint64_t super_flags, read(super_flags_));
    mount.options = Options(object.Number(flags_), super_flags);
    return std::optional<LinuxMount>(std::move(mount));
  }

  // In the order of show_vfsmnt().
  static std::string Options(uint64_t flags, uint64_t super_flags) {
    std::string text =
        (flags & kReadOnly) != 0 || (super_flags & kSuperReadOnly) != 0 ? "ro"
                                                                        : "rw";
    for (const Flag& flag : kSuperFlags) {
      if ((super_flags & flag.bit) != 0) text += flag.text;
    }
    for (const Flag& flag : kMountFlags) {
      if ((flags & flag.bit) != 0) text += flag.text;
    }
    return text;
  }

  const Kernel* kernel_;
  PathNames names_;
  Field proxy_, fs_;  // of task_struct
  Field namespace_;   // of nsproxy
  Field root_;        // of fs_struct
  Field id_, parent_, source_, vfsmount_, flags_, mount_root_,
      super_;                                    // of mount
  Field device_, super_flags_, type_, subtype_;  // of super_block
  Field type_name_;                              // of file_system_type
  uint64_t mount_size_ = 0;
};

}  // namespace

absl::StatusOr<std::vector<LinuxMount>> ReadMounts(const Kernel& kernel,
                                                   const LinuxTask& task) {
  LIBRR_ASSIGN_OR_RETURN(PathNames names, PathNames::Make(&kernel));
  return MountsReader(&kernel, std::move(names)).Read(task);
}

}  // namespace librr::linux_guest
