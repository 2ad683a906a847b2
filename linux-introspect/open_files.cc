// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/open_files.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "librr-core/base/status_macros.h"
#include "linux-introspect/guest_bytes.h"

namespace librr::linux_guest {
namespace {

// fs.nr_open, unless an administrator raises it.
constexpr uint64_t kMaxDescriptors = 1 << 20;

// file.f_mode; Linux, include/linux/fs.h.
constexpr uint64_t kModeRead = 1, kModeWrite = 2;

// S_IFMT of inode.i_mode.
char TypeLetter(uint64_t mode) {
  switch (mode >> 12) {
    case 1:
      return 'p';
    case 2:
      return 'c';
    case 4:
      return 'd';
    case 6:
      return 'b';
    case 8:
      return '-';
    case 10:
      return 'l';
    case 12:
      return 's';
    default:
      return '?';
  }
}

absl::Status Broken(const LinuxTask& task, uint64_t address, const char* what) {
  return absl::DataLossError(
      absl::StrFormat("the open files of pid %d are corrupted: at 0x%x %s",
                      task.pid, address, what));
}

}  // namespace

absl::StatusOr<OpenFiles> OpenFiles::Make(const Kernel* kernel) {
  LIBRR_ASSIGN_OR_RETURN(PathNames names, PathNames::Make(kernel));
  OpenFiles files(kernel, std::move(names));
  LIBRR_RETURN_IF_ERROR(kernel->FindFields({
      {&files.files_, "task_struct", {"files"}},
      {&files.table_, "files_struct", {"fdt"}},
      {&files.count_, "fdtable", {"max_fds"}},
      {&files.pointers_, "fdtable", {"fd"}},
      {&files.close_on_exec_, "fdtable", {"close_on_exec"}},
      {&files.path_, "file", {"f_path", "__f_path"}},
      {&files.file_inode_, "file", {"f_inode"}},
      {&files.flags_, "file", {"f_flags"}},
      {&files.mode_, "file", {"f_mode"}},
      {&files.position_, "file", {"f_pos"}},
      {&files.inode_mode_, "inode", {"i_mode"}},
      {&files.inode_number_, "inode", {"i_ino"}},
      {&files.super_, "inode", {"i_sb"}},
      {&files.super_device_, "super_block", {"s_dev"}},
  }));
  LIBRR_ASSIGN_OR_RETURN(files.file_size_, kernel->SizeOf("file"));
  LIBRR_ASSIGN_OR_RETURN(files.inode_size_, kernel->SizeOf("inode"));
  LIBRR_ASSIGN_OR_RETURN(files.fdtable_size_, kernel->SizeOf("fdtable"));
  return files;
}

absl::StatusOr<std::vector<LinuxOpenFile>> OpenFiles::Read(
    const LinuxTask& task) const {
  std::vector<LinuxOpenFile> found;
  LIBRR_ASSIGN_OR_RETURN(
      const uint64_t files,
      kernel_->ReadPointer(task.address.value() + files_.offset));
  // It has given them back.
  if (files == 0) return found;
  LIBRR_ASSIGN_OR_RETURN(const uint64_t at,
                         kernel_->ReadPointer(files + table_.offset));
  LIBRR_ASSIGN_OR_RETURN(const Object table,
                         kernel_->ReadObject(at, fdtable_size_));
  const uint64_t count = table.Number(count_);
  if (count > kMaxDescriptors) {
    return Broken(task, at, "there are too many");
  }
  LIBRR_ASSIGN_OR_RETURN(
      const Object pointers,
      kernel_->ReadObject(table.Number(pointers_), count * 8));
  LIBRR_ASSIGN_OR_RETURN(
      const Object closing,
      kernel_->ReadObject(table.Number(close_on_exec_), (count + 63) / 64 * 8));
  for (uint64_t fd = 0; fd < count; ++fd) {
    const uint64_t file = LoadInteger<uint64_t>(pointers.bytes(), fd * 8);
    if (file == 0) continue;
    if (!IsKernelAddress(file)) {
      return Broken(task, pointers.address() + fd * 8, "is a wild pointer");
    }
    LIBRR_ASSIGN_OR_RETURN(LinuxOpenFile open, Describe(file));
    open.pid = task.pid;
    open.fd = static_cast<uint32_t>(fd);
    open.closes_on_exec =
        (LoadInteger<uint64_t>(closing.bytes(), fd / 64 * 8) >> fd % 64 & 1) !=
        0;
    found.push_back(std::move(open));
  }
  return found;
}

absl::StatusOr<LinuxOpenFile> OpenFiles::Describe(uint64_t address) const {
  LIBRR_ASSIGN_OR_RETURN(const Object file,
                         kernel_->ReadObject(address, file_size_));
  LIBRR_ASSIGN_OR_RETURN(
      const Object inode,
      kernel_->ReadObject(file.Number(file_inode_), inode_size_));
  LIBRR_ASSIGN_OR_RETURN(
      const uint64_t device,
      kernel_->ReadNumber(inode.Number(super_) + super_device_.offset,
                          super_device_.size));
  LinuxOpenFile open;
  open.file = GuestVirtual(address);
  open.type = TypeLetter(inode.Number(inode_mode_));
  open.readable = (file.Number(mode_) & kModeRead) != 0;
  open.writable = (file.Number(mode_) & kModeWrite) != 0;
  open.flags = file.Number(flags_);
  open.position = file.Number(position_);
  // MINORBITS is 20 in the kernel.
  open.device_major = static_cast<uint32_t>(device >> 20);
  open.device_minor = static_cast<uint32_t>(device & 0xfffff);
  open.inode = inode.Number(inode_number_);
  LIBRR_ASSIGN_OR_RETURN(const Path path, names_.At(file.address(path_)));
  LIBRR_ASSIGN_OR_RETURN(open.name, names_.Of(path));
  return open;
}

}  // namespace librr::linux_guest
