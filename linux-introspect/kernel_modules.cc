// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/kernel_modules.h"

#include <cstdint>

#include "librr-core/base/status_macros.h"
#include "linux-introspect/kernel_lists.h"

namespace librr::linux_guest {
namespace {

constexpr size_t kMaxModules = 65536;

// enum module_state.
std::string StateName(uint64_t state) {
  switch (state) {
    case 0:
      return "Live";
    case 1:
      return "Loading";
    case 2:
      return "Unloading";
    default:
      return "Unformed";
  }
}

}  // namespace

absl::StatusOr<std::vector<LinuxModule>> ReadModules(const Kernel& kernel) {
  LIBRR_ASSIGN_OR_RETURN(const uint64_t head, kernel.Symbol("modules"));
  LIBRR_ASSIGN_OR_RETURN(const uint64_t size, kernel.SizeOf("module"));
  LIBRR_ASSIGN_OR_RETURN(const Field list, kernel.FindField("module", "list"));
  LIBRR_ASSIGN_OR_RETURN(const Field name, kernel.FindField("module", "name"));
  LIBRR_ASSIGN_OR_RETURN(const Field state,
                         kernel.FindField("module", "state"));
  // Until 6.3 all but what is freed after the start is one piece.
  LIBRR_ASSIGN_OR_RETURN(
      const Field base,
      kernel.FindField("module", {"core_layout.base", "module_core", "mem"}));
  LIBRR_ASSIGN_OR_RETURN(
      const Field bytes,
      kernel.FindField("module", {"core_layout.size", "core_size", "mem"}));
  LIBRR_ASSIGN_OR_RETURN(const std::vector<uint64_t> nodes,
                         ReadList(kernel, head, kMaxModules, "modules"));
  std::vector<LinuxModule> modules;
  for (const uint64_t node : nodes) {
    LIBRR_ASSIGN_OR_RETURN(const Object object,
                           kernel.ReadObject(node - list.offset, size));
    LinuxModule module;
    module.name = object.Text(name);
    module.state = StateName(object.Number(state));
    if (bytes.offset != base.offset) {
      module.base = GuestVirtual(object.Number(base));
      module.size = object.Number(bytes);
    } else {
      // mem[]: struct module_memory for each kind; the first four (MOD_TEXT,
      // MOD_DATA, MOD_RODATA, MOD_RO_AFTER_INIT) stay.
      LIBRR_ASSIGN_OR_RETURN(const uint64_t step,
                             kernel.SizeOf("module_memory"));
      LIBRR_ASSIGN_OR_RETURN(Field part_base,
                             kernel.FindField("module_memory", "base"));
      LIBRR_ASSIGN_OR_RETURN(Field part_size,
                             kernel.FindField("module_memory", "size"));
      part_base.offset += base.offset;
      part_size.offset += base.offset;
      module.base = GuestVirtual(object.Number(part_base));
      for (int kind = 0; kind < 4; ++kind) {
        module.size += object.Number(part_size);
        part_size.offset += static_cast<uint32_t>(step);
      }
    }
    modules.push_back(std::move(module));
  }
  return modules;
}

}  // namespace librr::linux_guest
