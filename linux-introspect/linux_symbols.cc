// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/linux_symbols.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "librr-core/base/status_macros.h"
#include "linux-introspect/debug_frame.h"
#include "linux-introspect/kallsyms.h"
#include "linux-introspect/kernel_image.h"
#include "linux-introspect/orc.h"
#include "linux-introspect/symbol_file.h"

namespace librr {

absl::StatusOr<LinuxSymbols> ReadLinuxSymbols(const MemoryReader& memory) {
  using linux_guest::Kallsyms;
  using linux_guest::KernelImage;
  LIBRR_ASSIGN_OR_RETURN(const KernelImage image, KernelImage::Find(memory));
  LIBRR_ASSIGN_OR_RETURN(const Kallsyms kallsyms, Kallsyms::Find(image));
  LinuxSymbols symbols;
  symbols.banner = image.banner();
  const std::string rest =
      symbols.banner.substr(linux_guest::kBannerStart.size());
  symbols.release = rest.substr(0, rest.find(' '));
  symbols.text = GuestVirtual(image.text());
  symbols.physical = GuestPhysical(image.physical());
  symbols.symbol_count = kallsyms.symbols().size();
  std::string debug_frame;
  const absl::StatusOr<std::vector<linux_guest::OrcRow>> rows =
      linux_guest::ReadOrc(image, kallsyms);
  if (rows.ok()) {
    std::vector<uint64_t> functions;
    for (const Kallsyms::Symbol& symbol : kallsyms.symbols()) {
      if (linux_guest::IsCode(symbol.type)) functions.push_back(symbol.address);
    }
    symbols.unwind_rows = rows->size();
    debug_frame = linux_guest::BuildDebugFrame(*rows, functions);
  }
  symbols.elf =
      linux_guest::BuildSymbolFile(kallsyms, image.text(), debug_frame);
  return symbols;
}

}  // namespace librr
