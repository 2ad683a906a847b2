// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// From what a kernel says about itself to the offsets that a view of its tasks
// needs. Members are probed for, versions are not asked.
//
//   OffsetsFromTypes({.types = &btf, .types_source = Source::kGuestBtf,
//                     .symbol = find, .banner = "Linux version 6.1.0 ..."});
#ifndef LIBRR_LINUX_INTROSPECT_TYPE_OFFSETS_H_
#define LIBRR_LINUX_INTROSPECT_TYPE_OFFSETS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "librr/linux_offsets.h"
#include "linux-introspect/type_source.h"

namespace librr::linux_guest {

struct KernelFacts {
  const TypeSource* types = nullptr;
  LinuxOffsets::Source types_source = LinuxOffsets::Source::kAbsent;
  // The address of a symbol.
  std::function<std::optional<uint64_t>(std::string_view)> symbol;
  std::string banner;  // may be empty
};

// Required ones may be absent: LinuxOffsets::CheckRequired.
LinuxOffsets OffsetsFromTypes(const KernelFacts& facts);

// Of a kernel that was found; symbols are where they are in this boot.
class Kernel;
LinuxOffsets OffsetsOf(const Kernel& kernel);

// LINUX_VERSION_CODE of a kernel with that banner. Distributions that keep one
// release for many versions ("6.1.0-56-amd64") say the version behind the
// build's number. nullopt if there is none.
std::optional<uint64_t> VersionCodeOf(std::string_view banner);

// Symbols that a program compiled against headers has for a kernel's
// constants: what macros say is in no type.
inline constexpr std::string_view kProbedVersion = "librr_probed_version";
inline constexpr std::string_view kProbedThreadSize =
    "librr_probed_thread_size";

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_TYPE_OFFSETS_H_
