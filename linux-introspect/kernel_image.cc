// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/kernel_image.h"

#include <algorithm>
#include <utility>

#include "librr-core/base/status_macros.h"
#include "linux-introspect/guest_bytes.h"
#include "linux-introspect/kernel_place.h"

namespace librr::linux_guest {
namespace {

// The largest distribution kernels have 100 MiB, debug data included.
constexpr uint64_t kMaxImage = 192 << 20;
constexpr uint64_t kPage = 4096;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsBanner(std::string_view line) {
  const size_t version = kBannerStart.size();
  if (line.size() <= version || !IsDigit(line[version]) ||
      !std::all_of(line.begin(), line.end(),
                   [](char c) { return c >= ' ' && c <= '~'; })) {
    return false;
  }
  // Some kernels have a second one, without the build's number.
  const size_t build = line.rfind('#');
  return build != std::string_view::npos && build + 1 < line.size() &&
         IsDigit(line[build + 1]);
}

std::string FindBanner(const std::vector<KernelImage::Part>& parts) {
  constexpr size_t kMaxBanner = 1024;
  for (const KernelImage::Part& part : parts) {
    const std::string_view bytes = part.bytes;
    for (size_t at = FindBytes(bytes, kBannerStart, 0);
         at != std::string_view::npos;
         at = FindBytes(bytes, kBannerStart, at + 1)) {
      const std::string_view rest = bytes.substr(at, kMaxBanner);
      const std::string_view line = rest.substr(0, rest.find('\n'));
      if (line.size() < rest.size() && IsBanner(line)) return std::string(line);
    }
  }
  return "";
}

// Reads what is mapped; what is beyond RAM is left out.
std::vector<KernelImage::Part> ReadParts(const MemoryReader& memory,
                                         const std::vector<Mapping>& mappings) {
  std::vector<KernelImage::Part> parts;
  uint64_t room = kMaxImage;
  for (const Mapping& mapping : mappings) {
    const uint64_t size = std::min(mapping.size, room);
    const bool goes_on =
        !parts.empty() &&
        parts.back().address + parts.back().bytes.size() == mapping.address;
    KernelImage::Part* part =
        goes_on ? &parts.back()
                : &parts.emplace_back(KernelImage::Part{mapping.address, ""});
    const size_t had = part->bytes.size();
    part->bytes.resize(had + size);
    // Bytes are chars to std::string.
    auto* const out = reinterpret_cast<uint8_t*>(part->bytes.data() + had);
    if (!memory
             .ReadPhysical(GuestPhysical(mapping.physical),
                           absl::MakeSpan(out, size))
             .ok()) {
      part->bytes.resize(had);
      if (!goes_on) parts.pop_back();
      continue;
    }
    room -= size;
    if (room < kPage) break;
  }
  return parts;
}

}  // namespace

KernelImage::KernelImage(std::vector<Part> parts, uint64_t physical)
    : parts_(std::move(parts)),
      text_(parts_.empty() ? 0 : parts_.front().address),
      physical_(physical),
      banner_(FindBanner(parts_)) {}

absl::StatusOr<KernelImage> KernelImage::Find(const MemoryReader& memory) {
  LIBRR_ASSIGN_OR_RETURN(const std::vector<KernelPlace> places,
                         FindKernelPlaces(memory));
  for (const KernelPlace& place : places) {
    KernelImage image(ReadParts(memory, place.mappings), place.physical());
    if (image.text() != place.text() || image.banner().empty()) continue;
    image.root_ = place.root;
    return image;
  }
  return absl::NotFoundError(
      "what is mapped where Linux kernels are has no banner");
}

std::string_view KernelImage::BytesFrom(uint64_t address) const {
  for (const Part& part : parts_) {
    if (address >= part.address && address - part.address < part.bytes.size()) {
      return std::string_view(part.bytes).substr(address - part.address);
    }
  }
  return {};
}

std::string_view KernelImage::Bytes(uint64_t address, uint64_t size) const {
  const std::string_view bytes = BytesFrom(address);
  return bytes.size() >= size ? bytes.substr(0, size) : std::string_view();
}

}  // namespace librr::linux_guest
