// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Digests as bytes. A digest base holds names and hashes of a whole digest;
// digests in a batch of events hold only the hashes that changed.
//
// The hashes of a digest are numbered: first the components in their order,
// then the 64 buckets of RAM.
#ifndef LIBRR_CORE_TRACE_DIGEST_CODEC_H_
#define LIBRR_CORE_TRACE_DIGEST_CODEC_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "librr/digest.h"

namespace librr::trace {

// Whether the digest keeps the format's limits.
bool IsEncodable(const Digest& digest);

// Whether `to` can be written relative to `from`: the same components.
bool HasSameNames(const Digest& from, const Digest& to);

uint64_t HashCount(const Digest& digest);
uint64_t CountChanges(const Digest& from, const Digest& to);

std::string EncodeDigestBase(const Digest& digest);
std::optional<Digest> DecodeDigestBase(std::string_view bytes);

// Appends how many hashes changed and, for each, the distance of its number
// from that of the one before it to `changes`, and its new value to `hashes`.
void PutDigestChanges(const Digest& from, const Digest& to,
                      std::string& changes, std::string& hashes);
// Applies the next changes to `digest`; false if they are malformed.
bool GetDigestChanges(Digest& digest, std::string_view& changes,
                      std::string_view& hashes);

}  // namespace librr::trace

#endif  // LIBRR_CORE_TRACE_DIGEST_CODEC_H_
