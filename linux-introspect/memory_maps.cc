// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/memory_maps.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "librr-core/base/status_macros.h"
#include "linux-introspect/maple_tree.h"
#include "linux-introspect/path_names.h"

namespace librr::linux_guest {
namespace {

constexpr size_t kMaxAreas = 1 << 24;
constexpr uint64_t kPageSize = 4096;
// vm_flags; Linux, include/linux/mm.h.
constexpr uint64_t kRead = 1, kWrite = 2, kExecute = 4, kMayShare = 0x80;

class MapsReader {
 public:
  explicit MapsReader(const Kernel* kernel) : kernel_(kernel) {}

  absl::StatusOr<std::vector<LinuxMapping>> Read(uint64_t mm_address) {
    LIBRR_RETURN_IF_ERROR(FindFields());
    LIBRR_ASSIGN_OR_RETURN(const uint64_t mm_size,
                           kernel_->SizeOf("mm_struct"));
    LIBRR_ASSIGN_OR_RETURN(const Object mm,
                           kernel_->ReadObject(mm_address, mm_size));
    LIBRR_ASSIGN_OR_RETURN(const PathNames names, PathNames::Make(kernel_));
    LIBRR_ASSIGN_OR_RETURN(const std::vector<uint64_t> areas, Areas(mm));
    std::vector<LinuxMapping> maps;
    for (const uint64_t area : areas) {
      LIBRR_ASSIGN_OR_RETURN(const Object object,
                             kernel_->ReadObject(area, area_size_));
      LIBRR_ASSIGN_OR_RETURN(maps.emplace_back(), Describe(mm, object, names));
    }
    return maps;
  }

 private:
  absl::Status FindFields() {
    LIBRR_ASSIGN_OR_RETURN(area_size_, kernel_->SizeOf("vm_area_struct"));
    return kernel_->FindFields({
        {&begin_, "vm_area_struct", {"vm_start"}},
        {&end_, "vm_area_struct", {"vm_end"}},
        {&flags_, "vm_area_struct", {"vm_flags"}},
        {&offset_, "vm_area_struct", {"vm_pgoff"}},
        {&file_, "vm_area_struct", {"vm_file"}},
        {&operations_, "vm_area_struct", {"vm_ops"}},
        {&private_data_, "vm_area_struct", {"vm_private_data"}},
        {&area_mm_, "vm_area_struct", {"vm_mm"}},
        {&file_path_, "file", {"f_path"}},
        {&file_inode_, "file", {"f_inode"}},
        {&inode_number_, "inode", {"i_ino"}},
        {&inode_super_, "inode", {"i_sb"}},
        {&super_device_, "super_block", {"s_dev"}},
        {&brk_start_, "mm_struct", {"start_brk"}},
        {&brk_, "mm_struct", {"brk"}},
        {&stack_, "mm_struct", {"start_stack"}},
        {&vdso_, "mm_struct", {"context.vdso"}},
        {&mapping_name_, "vm_special_mapping", {"name"}},
    });
  }

  absl::StatusOr<std::vector<uint64_t>> Areas(const Object& mm) const {
    if (const auto tree = kernel_->FindField("mm_struct", "mm_mt"); tree.ok())
      return ReadMapleTree(*kernel_, mm.address(*tree));
    // Until 6.0 a list.
    LIBRR_ASSIGN_OR_RETURN(const Field first,
                           kernel_->FindField("mm_struct", "mmap"));
    LIBRR_ASSIGN_OR_RETURN(const Field next,
                           kernel_->FindField("vm_area_struct", "vm_next"));
    std::vector<uint64_t> areas;
    uint64_t area = mm.Number(first);
    while (area != 0) {
      if (!IsKernelAddress(area) || areas.size() == kMaxAreas) {
        return absl::DataLossError(absl::StrFormat(
            "a list of memory areas is corrupted: at 0x%x is none", area));
      }
      areas.push_back(area);
      LIBRR_ASSIGN_OR_RETURN(area, kernel_->ReadPointer(area + next.offset));
    }
    return areas;
  }

  absl::StatusOr<LinuxMapping> Describe(const Object& mm, const Object& area,
                                        const PathNames& names) const {
    if (area.Number(area_mm_) != mm.address() ||
        area.Number(begin_) >= area.Number(end_)) {
      return absl::DataLossError(absl::StrFormat(
          "the memory area at 0x%x is corrupted", area.address()));
    }
    const uint64_t flags = area.Number(flags_);
    LinuxMapping mapping{.begin = GuestVirtual(area.Number(begin_)),
                         .end = GuestVirtual(area.Number(end_)),
                         .readable = (flags & kRead) != 0,
                         .writable = (flags & kWrite) != 0,
                         .executable = (flags & kExecute) != 0,
                         .shared = (flags & kMayShare) != 0};
    const uint64_t file = area.Number(file_);
    if (file == 0) {
      mapping.name = NameWithoutFile(mm, area);
      return mapping;
    }
    mapping.offset = area.Number(offset_) * kPageSize;
    LIBRR_ASSIGN_OR_RETURN(const uint64_t inode,
                           kernel_->ReadPointer(file + file_inode_.offset));
    LIBRR_ASSIGN_OR_RETURN(
        mapping.inode,
        kernel_->ReadNumber(inode + inode_number_.offset, inode_number_.size));
    LIBRR_ASSIGN_OR_RETURN(const uint64_t super,
                           kernel_->ReadPointer(inode + inode_super_.offset));
    LIBRR_ASSIGN_OR_RETURN(
        const uint64_t device,
        kernel_->ReadNumber(super + super_device_.offset, super_device_.size));
    // MINORBITS is 20 in the kernel.
    mapping.device_major = static_cast<uint32_t>(device >> 20);
    mapping.device_minor = static_cast<uint32_t>(device & 0xfffff);
    LIBRR_ASSIGN_OR_RETURN(const Path path, names.At(file + file_path_.offset));
    LIBRR_ASSIGN_OR_RETURN(mapping.name, names.Of(path));
    return mapping;
  }

  // Linux, fs/proc/task_mmu.c, show_map_vma().
  std::string NameWithoutFile(const Object& mm, const Object& area) const {
    const uint64_t begin = area.Number(begin_), end = area.Number(end_);
    if (const auto special = kernel_->Symbol("special_mapping_vmops");
        special.ok() && area.Number(operations_) == *special) {
      const auto name = kernel_->ReadPointer(area.Number(private_data_) +
                                             mapping_name_.offset);
      return name.ok() ? kernel_->ReadText(*name, 64) : "";
    }
    if (const auto gate = kernel_->Symbol("gate_vma_ops");
        gate.ok() && area.Number(operations_) == *gate) {
      return "[vsyscall]";
    }
    if (begin == mm.Number(vdso_)) return "[vdso]";
    if (begin <= mm.Number(brk_) && end >= mm.Number(brk_start_))
      return "[heap]";
    if (begin <= mm.Number(stack_) && end >= mm.Number(stack_))
      return "[stack]";
    return "";
  }

  const Kernel* kernel_;
  Field begin_, end_, flags_, offset_, file_, operations_, private_data_,
      area_mm_;                   // of vm_area_struct
  Field file_path_, file_inode_;  // of file
  Field inode_number_, inode_super_, super_device_;
  Field brk_start_, brk_, stack_, vdso_;  // of mm_struct
  Field mapping_name_;                    // of vm_special_mapping
  uint64_t area_size_ = 0;
};

}  // namespace

absl::StatusOr<std::vector<LinuxMapping>> ReadMemoryMaps(const Kernel& kernel,
                                                         uint64_t mm) {
  return MapsReader(&kernel).Read(mm);
}

}  // namespace librr::linux_guest
