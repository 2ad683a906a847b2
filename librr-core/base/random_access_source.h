// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Bytes that can be read at any offset: a file, or memory in tests and fuzzers.
// Readers of file formats take one of these and never a path.
#ifndef LIBRR_CORE_BASE_RANDOM_ACCESS_SOURCE_H_
#define LIBRR_CORE_BASE_RANDOM_ACCESS_SOURCE_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace librr {

class RandomAccessSource {
 public:
  virtual ~RandomAccessSource() = default;
  // The size when the source was opened.
  virtual uint64_t size() const = 0;
  // Fills `out`, or fails: OutOfRange where the data ends. Callable from
  // several threads at once.
  virtual absl::Status ReadAt(uint64_t offset, absl::Span<char> out) const = 0;
};

class MemorySource final : public RandomAccessSource {
 public:
  explicit MemorySource(std::string bytes) : bytes_(std::move(bytes)) {}

  uint64_t size() const override { return bytes_.size(); }
  absl::Status ReadAt(uint64_t offset, absl::Span<char> out) const override {
    if (offset > bytes_.size() || out.size() > bytes_.size() - offset) {
      return absl::OutOfRangeError("the data ends here");
    }
    if (!out.empty()) {
      std::memcpy(out.data(), bytes_.data() + offset, out.size());
    }
    return absl::OkStatus();
  }

 private:
  std::string bytes_;
};

}  // namespace librr

#endif  // LIBRR_CORE_BASE_RANDOM_ACCESS_SOURCE_H_
