// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// How a component describes its state: once, for digest, save and restore.
//
//   void Uart16550::DescribeState(StateVisitor& v) {
//     v.Field("ier", ier_);
//     v.Bytes("fifo", fifo_);
//   }
//
// Everything that can influence the guest's future must be described; pure
// caches must not be. The order of fields is the order in the saved state.
// After a restoring visit the component rebuilds its caches in `AfterRestore`
// (see `Device`).
#ifndef LIBRR_CORE_MACHINE_STATE_VISITOR_H_
#define LIBRR_CORE_MACHINE_STATE_VISITOR_H_

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace librr {

class StateVisitor {
 public:
  virtual ~StateVisitor() = default;

  // An integer, enum or bool; handed over as 64 bits.
  template <typename T>
  requires(std::integral<T> ||
           std::is_enum_v<T>) void Field(std::string_view name, T& value) {
    uint64_t wide = static_cast<uint64_t>(value);
    VisitInteger(name, sizeof(T), wide);
    value = static_cast<T>(wide);
  }

  // An array of integers.
  template <typename Array>
  void Fields(std::string_view name, Array& values) {
    for (auto& value : values) Field(name, value);
  }

  // A fixed number of bytes.
  void Bytes(std::string_view name, absl::Span<uint8_t> bytes) {
    VisitBytes(name, bytes);
  }

  // A queue of bytes whose length is state too, at most `max_size`.
  void Queue(std::string_view name, std::deque<uint8_t>& queue,
             size_t max_size);

 protected:
  // `size` is the field's size in bytes; a restoring visitor overwrites
  // `value` with one that fits in it.
  virtual void VisitInteger(std::string_view name, size_t size,
                            uint64_t& value) = 0;
  virtual void VisitBytes(std::string_view name, absl::Span<uint8_t> bytes) = 0;
  // A restored value is impossible. Only a restoring visitor can see one.
  virtual void ReportMalformed(std::string_view /*name*/,
                               std::string_view /*what*/) {}
};

// Hashes what is described: equal hashes, equal state.
class DigestVisitor final : public StateVisitor {
 public:
  uint64_t hash() const { return hash_; }

 protected:
  void VisitInteger(std::string_view name, size_t size,
                    uint64_t& value) override;
  void VisitBytes(std::string_view name, absl::Span<uint8_t> bytes) override;

 private:
  uint64_t hash_ = 0;
};

// Appends what is described to a string, little-endian, without names.
class SaveVisitor final : public StateVisitor {
 public:
  std::string Take() { return std::move(out_); }

 protected:
  void VisitInteger(std::string_view name, size_t size,
                    uint64_t& value) override;
  void VisitBytes(std::string_view name, absl::Span<uint8_t> bytes) override;

 private:
  std::string out_;
};

// Reads back what `SaveVisitor` wrote. Input is untrusted: after a short or
// malformed input fields are zero and `status` says where it went wrong.
class RestoreVisitor final : public StateVisitor {
 public:
  explicit RestoreVisitor(std::string_view in) : in_(in) {}
  // OK only if everything was well-formed so far.
  const absl::Status& status() const { return status_; }
  size_t remaining() const { return in_.size(); }

 protected:
  void VisitInteger(std::string_view name, size_t size,
                    uint64_t& value) override;
  void VisitBytes(std::string_view name, absl::Span<uint8_t> bytes) override;
  void ReportMalformed(std::string_view name, std::string_view what) override;

 private:
  std::string_view in_;
  absl::Status status_;
};

}  // namespace librr

#endif  // LIBRR_CORE_MACHINE_STATE_VISITOR_H_
