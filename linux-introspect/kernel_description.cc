// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/kernel_description.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "librr-core/base/abseil_view.h"
#include "librr-core/base/status_macros.h"
#include "linux-introspect/btf_types.h"
#include "linux-introspect/guest_bytes.h"
#include "linux-introspect/memo_types.h"

namespace librr::linux_guest {
namespace {

using Parts = KernelDescription::Parts;

// The kernel is moved by multiples of this (CONFIG_PHYSICAL_ALIGN).
constexpr uint64_t kAlignment = 2 << 20;
constexpr size_t kMaxBanner = 1024;

constexpr char kSymbolsHelp[] =
    "its System.map or its vmlinux (--symbols) would help";
constexpr char kTypesHelp[] =
    "its vmlinux with BTF or debug information (--symbols) or offsets that are "
    "typed (--offsets) would help";

absl::Status DoesNotFit(const std::string& name, const std::string& why) {
  return absl::NotFoundError(
      absl::StrCat(name, " does not fit the guest's kernel: ", why,
                   "; the file of exactly this build is needed"));
}

// Moves the symbols to where this boot has the kernel, and proves that they are
// of this kernel.
absl::Status FitSymbols(const KernelImage& image, const GivenSymbols& given,
                        Parts* parts) {
  std::optional<uint64_t> text = given.table.Find("_text");
  if (!text.has_value()) text = given.table.Find("_stext");
  if (!text.has_value()) {
    return DoesNotFit(given.name, "it has no symbol _text");
  }
  const uint64_t begin = *text & ~(kAlignment - 1);
  if (const auto banner = given.table.Find("linux_banner")) {
    const uint64_t address = *banner + (image.text() - begin);
    const std::string_view there =
        image.BytesFrom(address).substr(0, kMaxBanner);
    if (!there.starts_with(image.banner())) {
      return DoesNotFit(
          given.name,
          absl::StrFormat("no banner is where it has linux_banner, at 0x%x "
                          "with this boot's offset",
                          address));
    }
  }
  parts->symbols = given.table;
  parts->symbols_name = given.name;
  parts->text = begin;
  return absl::OkStatus();
}

void UseKallsyms(const KernelImage& image, Kallsyms own, Parts* parts) {
  parts->kallsyms = own.source();
  parts->symbols = std::move(own);
  parts->symbols_name = "the guest's own table (kallsyms)";
  parts->text = image.text();
}

absl::Status FindSymbols(const KernelImage& image, const KernelSources& sources,
                         Parts* parts) {
  if (sources.symbols.has_value()) {
    return FitSymbols(image, *sources.symbols, parts);
  }
  absl::StatusOr<Kallsyms> own = Kallsyms::Find(image);
  if (!own.ok()) {
    return absl::NotFoundError(
        absl::StrCat(std::string(own.status().message()), "; ", kSymbolsHelp));
  }
  UseKallsyms(image, *std::move(own), parts);
  return absl::OkStatus();
}

// BTF that no symbol leads to: by its magic number, version, flags and the
// length of its header (Linux, Documentation/bpf/btf.rst, 2.). The kernel's own
// is the one that knows tasks.
absl::StatusOr<std::pair<uint64_t, Btf>> SearchBtf(const KernelImage& image) {
  constexpr std::string_view kStart("\x9f\xeb\x01\x00\x18\x00\x00\x00", 8);
  constexpr size_t kHeader = 24;
  constexpr uint64_t kMaxBtf = 64 << 20;
  constexpr int kMaxTries = 16;
  int tries = 0;
  for (const KernelImage::Part& part : image.parts()) {
    const std::string_view bytes = part.bytes;
    for (size_t at = FindBytes(bytes, kStart, 0);
         at != std::string_view::npos && tries < kMaxTries;
         at = FindBytes(bytes, kStart, at + 1)) {
      if (bytes.size() - at < kHeader) break;
      const uint64_t types_end =
          uint64_t{LoadInteger<uint32_t>(bytes, at + 8)} +
          LoadInteger<uint32_t>(bytes, at + 12);
      const uint64_t strings_end =
          uint64_t{LoadInteger<uint32_t>(bytes, at + 16)} +
          LoadInteger<uint32_t>(bytes, at + 20);
      const uint64_t size = kHeader + std::max(types_end, strings_end);
      if (size > kMaxBtf || size > bytes.size() - at) continue;
      ++tries;
      absl::StatusOr<Btf> btf = Btf::Parse(std::string(bytes.substr(at, size)));
      if (btf.ok() && btf->FindMember("task_struct", "comm").ok()) {
        return std::pair(part.address + at, *std::move(btf));
      }
    }
  }
  return absl::NotFoundError(
      "it carries no type information (CONFIG_DEBUG_INFO_BTF)");
}

absl::Status FindTypes(const KernelImage& image, const KernelSources& sources,
                       Parts* parts) {
  if (sources.types.has_value()) {
    parts->types = *sources.types;
    return absl::OkStatus();
  }
  Btf btf;
  const auto begin = parts->symbols.Find("__start_BTF");
  const auto end = parts->symbols.Find("__stop_BTF");
  bool is_found = false;
  if (begin.has_value() && end.has_value() && *begin < *end) {
    parts->btf_address = *begin + (image.text() - parts->text);
    auto own =
        Btf::Parse(std::string(image.Bytes(parts->btf_address, *end - *begin)));
    is_found = own.ok();
    if (is_found) btf = *std::move(own);
  }
  if (!is_found) {
    auto searched = SearchBtf(image);
    if (!searched.ok()) {
      return absl::NotFoundError(absl::StrCat(
          std::string(searched.status().message()), "; ", kTypesHelp));
    }
    parts->btf_address = searched->first;
    btf = std::move(searched->second);
  }
  struct Owned {
    explicit Owned(Btf own) : btf(std::move(own)), types(&btf) {}
    const Btf btf;
    const BtfTypes types;
  };
  const auto owned = std::make_shared<const Owned>(std::move(btf));
  parts->btf = std::shared_ptr<const Btf>(owned, &owned->btf);
  parts->types = {.name = "the guest's own (BTF)",
                  .source = LinuxOffsets::Source::kGuestBtf,
                  .types = std::make_shared<MemoTypes>(&owned->types, owned),
                  .btf = parts->btf};
  return absl::OkStatus();
}

}  // namespace

KernelDescription::KernelDescription(Parts parts) : parts_(std::move(parts)) {
  index_.reserve(parts_.symbols.symbols().size());
  for (const SymbolTable::Symbol& symbol : parts_.symbols.symbols()) {
    // The first of a name counts.
    index_.emplace(parts_.symbols.name(symbol), symbol.address);
  }
}

std::optional<uint64_t> KernelDescription::Find(std::string_view name) const {
  const auto it = index_.find(name);
  if (it == index_.end()) return std::nullopt;
  return it->second;
}

absl::StatusOr<std::shared_ptr<const KernelDescription>> DescribeKernel(
    const KernelImage& image, const KernelSources& sources) {
  if (!sources.banner.empty() && sources.banner != image.banner()) {
    return DoesNotFit(
        sources.types.has_value() ? sources.types->name : sources.symbols->name,
        absl::StrCat("it says '", sources.banner, "', and the guest '",
                     image.banner(), "'"));
  }
  Parts parts;
  parts.banner = image.banner();
  LIBRR_RETURN_IF_ERROR(FindSymbols(image, sources, &parts));
  LIBRR_RETURN_IF_ERROR(FindTypes(image, sources, &parts));
  return std::make_shared<const KernelDescription>(std::move(parts));
}

absl::StatusOr<std::shared_ptr<const KernelDescription>> DescribeKernel(
    const KernelImage& image, Kallsyms kallsyms) {
  Parts parts;
  parts.banner = image.banner();
  UseKallsyms(image, std::move(kallsyms), &parts);
  LIBRR_RETURN_IF_ERROR(FindTypes(image, {}, &parts));
  return std::make_shared<const KernelDescription>(std::move(parts));
}

}  // namespace librr::linux_guest
