// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tools/kernel_symbols.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "librr/inspection.h"
#include "librr/machine_memory.h"
#include "tools/elf_symbol.h"
#include "tools/exit_code.h"

namespace librr::tools {
namespace {

// Linux, Documentation/arch/x86/x86_64/mm.rst: the kernel text mapping. The
// kernel is mapped in pages of 2 MiB from _text on, and nothing before it
// (arch/x86/kernel/head64.c, __startup_64).
constexpr uint64_t kTextRegion = 0xffffffff80000000;
constexpr uint64_t kTextRegionEnd = 0xffffffffc0000000;
constexpr uint64_t kTextStep = 2 << 20;

constexpr std::string_view kBanner = "Linux version ";

bool HasBanner(const Machine& machine, uint64_t address) {
  const std::vector<uint8_t> bytes =
      ReadVirtual(machine, 0, GuestVirtual(address), kBanner.size());
  return std::string(bytes.begin(), bytes.end()) == kBanner;
}

}  // namespace

absl::StatusOr<std::string> FindKernelFile(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name == "vmlinux" || name.rfind("vmlinux-", 0) == 0) {
      found.push_back(entry.path().string());
    }
  }
  std::sort(found.begin(), found.end());
  if (found.empty()) return "";
  if (found.size() == 1) return found[0];
  return absl::InvalidArgumentError(absl::StrCat(
      folder, ": there are several kernels; name one, as ", found[0]));
}

absl::StatusOr<std::string> ResolveKernelFile(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return path;
  absl::StatusOr<std::string> file = FindKernelFile(path);
  if (!file.ok() || !file->empty()) return file;
  return absl::NotFoundError(
      absl::StrCat(path, ": there is no vmlinux in this folder"));
}

std::optional<uint64_t> FindKernelText(const Machine& machine) {
  for (uint64_t address = kTextRegion; address < kTextRegionEnd;
       address += kTextStep) {
    if (machine.Translate(0, GuestVirtual(address)).ok()) return address;
  }
  return std::nullopt;
}

absl::StatusOr<KernelSymbols> LocateKernelSymbols(const std::string& file,
                                                  Timeline* timeline) {
  KernelSymbols symbols;
  symbols.path = file;
  const auto text = FindElfSymbol(symbols.path, "_text");
  if (!text.ok()) {
    return absl::IsNotFound(text.status()) ? text.status()
                                           : FromInput(text.status());
  }
  const auto banner = FindElfSymbol(symbols.path, "linux_banner");
  if (!banner.ok()) return FromInput(banner.status());
  // Anything else than a 64-bit Linux kernel is where it says.
  if (!text->has_value() || **text < kTextRegion) return symbols;
  const Position here = timeline->position();
  std::optional<uint64_t> base = FindKernelText(timeline->machine());
  const bool looked_elsewhere = !base.has_value();
  if (looked_elsewhere) {
    if (absl::Status status = timeline->Seek(timeline->end()); !status.ok()) {
      return status;
    }
    base = FindKernelText(timeline->machine());
  }
  if (base.has_value()) {
    symbols.offset = *base - (**text & ~(kTextStep - 1));
    if (banner->has_value() &&
        !HasBanner(timeline->machine(), **banner + symbols.offset)) {
      symbols.warning = absl::StrCat(
          symbols.path,
          " does not fit the guest's kernel; are they of the same build?");
    }
  } else {
    symbols.warning =
        "no kernel was found in the guest; the symbols' addresses are those "
        "of the file";
  }
  if (looked_elsewhere) {
    if (absl::Status status = timeline->Seek(here); !status.ok()) {
      return status;
    }
  }
  return symbols;
}

absl::StatusOr<LinuxSymbols> ReadKernelSymbols(Timeline* timeline) {
  const MachineMemory memory(&timeline->machine());
  absl::StatusOr<LinuxSymbols> symbols = ReadLinuxSymbols(memory);
  const Position here = timeline->position();
  if (symbols.ok() || here == timeline->end()) return symbols;
  absl::Status status = timeline->Seek(timeline->end());
  if (!status.ok()) return status;
  symbols = ReadLinuxSymbols(memory);
  status = timeline->Seek(here);
  if (!status.ok()) return status;
  return symbols;
}

}  // namespace librr::tools
