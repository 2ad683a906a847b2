// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/linux_guest.h"

#include <utility>

#include "librr-core/base/status_macros.h"
#include "linux-introspect/kernel.h"
#include "linux-introspect/kernel_modules.h"
#include "linux-introspect/memory_maps.h"
#include "linux-introspect/printk_log.h"
#include "linux-introspect/tasks.h"

namespace librr {
namespace {

class KernelGuest final : public LinuxGuest {
 public:
  explicit KernelGuest(linux_guest::Kernel kernel)
      : kernel_(std::move(kernel)) {}

  const std::string& release() const override { return kernel_.release(); }
  const std::string& banner() const override { return kernel_.banner(); }

  absl::StatusOr<std::vector<LinuxTask>> Tasks() override {
    LIBRR_ASSIGN_OR_RETURN(const linux_guest::TaskList list,
                           linux_guest::TaskList::Make(&kernel_));
    return list.Read();
  }

  absl::StatusOr<std::vector<LinuxLogRecord>> Log() override {
    return linux_guest::ReadPrintkLog(kernel_);
  }

  absl::StatusOr<std::vector<LinuxModule>> Modules() override {
    return linux_guest::ReadModules(kernel_);
  }

  absl::StatusOr<std::vector<LinuxMapping>> Maps(uint32_t pid) override {
    LIBRR_ASSIGN_OR_RETURN(const linux_guest::TaskList list,
                           linux_guest::TaskList::Make(&kernel_));
    LIBRR_ASSIGN_OR_RETURN(const LinuxTask task, list.Find(pid));
    if (task.mm.value() == 0) return std::vector<LinuxMapping>();
    return linux_guest::ReadMemoryMaps(kernel_, task.mm.value());
  }

 private:
  const linux_guest::Kernel kernel_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<LinuxGuest>> LinuxGuest::Find(
    const MemoryReader* memory) {
  LIBRR_ASSIGN_OR_RETURN(linux_guest::Kernel kernel,
                         linux_guest::Kernel::Find(memory));
  return std::make_unique<KernelGuest>(std::move(kernel));
}

}  // namespace librr
