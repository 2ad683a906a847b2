// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/linux_sources.h"

#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "librr-core/base/status_macros.h"
#include "linux-introspect/kernel_cache.h"
#include "linux-introspect/kernel_sources.h"

namespace librr {
namespace {

constexpr uintmax_t kMaxSystemMap = 256 << 20;

absl::StatusOr<std::string> ReadText(const std::string& path) {
  std::error_code error;
  const uintmax_t size = std::filesystem::file_size(path, error);
  if (error) {
    return absl::NotFoundError(
        absl::StrCat("cannot read ", path, ": ", error.message()));
  }
  if (size > kMaxSystemMap) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is too large for a System.map"));
  }
  std::string text(size, '\0');
  std::ifstream in(path, std::ios::binary);
  in.read(text.data(), static_cast<std::streamsize>(size));
  if (!in) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  return text;
}

std::shared_ptr<linux_guest::KernelSources> NewSources() {
  auto sources = std::make_shared<linux_guest::KernelSources>();
  sources->cache = std::make_shared<linux_guest::KernelCache>();
  return sources;
}

}  // namespace

LinuxSources::LinuxSources() : LinuxSources(NewSources()) {}

LinuxSources::LinuxSources(std::shared_ptr<const linux_guest::KernelSources> it)
    : sources_(std::move(it)) {}

LinuxSources::LinuxSources(const LinuxOffsets& offsets) {
  const std::shared_ptr<linux_guest::KernelSources> sources = NewSources();
  sources->offsets = offsets;
  sources_ = sources;
}

bool LinuxSources::has_files() const { return sources_->has_files(); }

absl::StatusOr<LinuxSources> LinuxSources::Open(const Files& files) {
  std::shared_ptr<linux_guest::KernelSources> sources = NewSources();
  if (!files.vmlinux.empty()) {
    LIBRR_RETURN_IF_ERROR(
        linux_guest::AddKernelFile(files.vmlinux, sources.get()));
  }
  if (!files.system_map.empty()) {
    LIBRR_ASSIGN_OR_RETURN(const std::string text, ReadText(files.system_map));
    LIBRR_RETURN_IF_ERROR(
        linux_guest::AddSystemMap(files.system_map, text, sources.get()));
  }
  return LinuxSources(std::move(sources));
}

}  // namespace librr
