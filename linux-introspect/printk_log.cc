// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/printk_log.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "librr-core/base/status_macros.h"

namespace librr::linux_guest {
namespace {

using Log = std::vector<LinuxLogRecord>;

// CONFIG_LOG_BUF_SHIFT is at most 25.
constexpr uint64_t kMaxLogBits = 28;

absl::Status Broken(const char* what, uint64_t value) {
  return absl::DataLossError(absl::StrFormat(
      "the guest's kernel log is corrupted: %s is 0x%x", what, value));
}

// A ring of descriptors, one for each record, and a ring of their texts.
// Linux 6.1, kernel/printk/printk_ringbuffer.h.
class RingBuffer {
 public:
  explicit RingBuffer(const Kernel* kernel) : kernel_(kernel) {}

  absl::StatusOr<Log> Read() {
    LIBRR_RETURN_IF_ERROR(FindFields());
    LIBRR_RETURN_IF_ERROR(FindRings());
    Log log;
    // Identifiers count the records; the newest is being written or done.
    for (uint64_t id = tail_id_ & kIdMask;; id = (id + 1) & kIdMask) {
      LIBRR_RETURN_IF_ERROR(ReadRecord(id, &log));
      if (id == (head_id_ & kIdMask) || log.size() > uint64_t{1} << count_bits_)
        break;
    }
    return log;
  }

 private:
  static constexpr uint64_t kIdMask = (uint64_t{1} << 62) - 1;
  // enum desc_state, in the upper two bits of the state.
  static constexpr uint64_t kCommitted = 1, kFinalized = 2;

  absl::Status FindFields() {
    const Kernel& kernel = *kernel_;
    struct Wanted {
      Field* field;
      const char* aggregate;
      const char* path;
    };
    const Wanted wanted[] = {
        {&count_bits_field_, "printk_ringbuffer", "desc_ring.count_bits"},
        {&descs_, "printk_ringbuffer", "desc_ring.descs"},
        {&infos_, "printk_ringbuffer", "desc_ring.infos"},
        {&head_id_field_, "printk_ringbuffer", "desc_ring.head_id"},
        {&tail_id_field_, "printk_ringbuffer", "desc_ring.tail_id"},
        {&size_bits_field_, "printk_ringbuffer", "text_data_ring.size_bits"},
        {&data_, "printk_ringbuffer", "text_data_ring.data"},
        {&state_, "prb_desc", "state_var"},
        {&begin_, "prb_desc", "text_blk_lpos.begin"},
        {&next_, "prb_desc", "text_blk_lpos.next"},
        {&sequence_, "printk_info", "seq"},
        {&time_, "printk_info", "ts_nsec"},
        {&text_length_, "printk_info", "text_len"},
        {&facility_, "printk_info", "facility"},
    };
    for (const Wanted& it : wanted) {
      LIBRR_ASSIGN_OR_RETURN(*it.field,
                             kernel.FindField(it.aggregate, it.path));
    }
    LIBRR_ASSIGN_OR_RETURN(desc_size_, kernel.SizeOf("prb_desc"));
    LIBRR_ASSIGN_OR_RETURN(info_size_, kernel.SizeOf("printk_info"));
    LIBRR_ASSIGN_OR_RETURN(level_,
                           kernel.types().FindBits("printk_info", "level"));
    return absl::OkStatus();
  }

  absl::Status FindRings() {
    LIBRR_ASSIGN_OR_RETURN(const uint64_t pointer, kernel_->Symbol("prb"));
    LIBRR_ASSIGN_OR_RETURN(const uint64_t address,
                           kernel_->ReadPointer(pointer));
    LIBRR_ASSIGN_OR_RETURN(const uint64_t size,
                           kernel_->SizeOf("printk_ringbuffer"));
    LIBRR_ASSIGN_OR_RETURN(const Object ring,
                           kernel_->ReadObject(address, size));
    count_bits_ = ring.Number(count_bits_field_);
    size_bits_ = ring.Number(size_bits_field_);
    head_id_ = ring.Number(head_id_field_);
    tail_id_ = ring.Number(tail_id_field_);
    descs_address_ = ring.Number(descs_);
    infos_address_ = ring.Number(infos_);
    data_address_ = ring.Number(data_);
    if (count_bits_ == 0 || count_bits_ > kMaxLogBits)
      return Broken("count_bits", count_bits_);
    if (size_bits_ == 0 || size_bits_ > kMaxLogBits)
      return Broken("size_bits", size_bits_);
    return absl::OkStatus();
  }

  absl::Status ReadRecord(uint64_t id, Log* log) {
    const uint64_t slot = id & ((uint64_t{1} << count_bits_) - 1);
    LIBRR_ASSIGN_OR_RETURN(
        const Object desc,
        kernel_->ReadObject(descs_address_ + slot * desc_size_, desc_size_));
    const uint64_t state = desc.Number({state_.offset, 8});
    if ((state & kIdMask) != id ||
        (state >> 62 != kCommitted && state >> 62 != kFinalized)) {
      return absl::OkStatus();
    }
    // A record that may still grow is not shown by dmesg.
    if (state >> 62 == kCommitted && id == (head_id_ & kIdMask))
      return absl::OkStatus();
    LIBRR_ASSIGN_OR_RETURN(
        const Object info,
        kernel_->ReadObject(infos_address_ + slot * info_size_, info_size_));
    LinuxLogRecord record;
    record.sequence = info.Number(sequence_);
    record.time_ns = info.Number(time_);
    record.facility = static_cast<uint32_t>(info.Number(facility_));
    const uint64_t bits =
        info.Number({static_cast<uint32_t>(level_.offset / 8), 1});
    record.level = static_cast<uint32_t>(bits >> level_.offset % 8) &
                   ((1u << std::min(level_.size, 8u)) - 1);
    LIBRR_ASSIGN_OR_RETURN(record.text,
                           ReadText(desc.Number(begin_), desc.Number(next_),
                                    info.Number(text_length_)));
    log->push_back(std::move(record));
    return absl::OkStatus();
  }

  // Logical positions count bytes for ever; a block that does not fit before
  // the end of the ring is at its beginning.
  absl::StatusOr<std::string> ReadText(uint64_t begin, uint64_t next,
                                       uint64_t length) const {
    if ((begin & 1) != 0) return "";  // NO_LPOS, FAILED_LPOS: no text
    const uint64_t size = uint64_t{1} << size_bits_;
    const uint64_t offset =
        begin >> size_bits_ == next >> size_bits_ ? begin % size : 0;
    constexpr uint64_t kIdSize = 8;  // prb_data_block.id
    if (offset + kIdSize > size || length > size - offset - kIdSize)
      return Broken("a record's length", length);
    return kernel_->Read(data_address_ + offset + kIdSize, length);
  }

  const Kernel* kernel_;
  Field count_bits_field_, descs_, infos_, head_id_field_, tail_id_field_,
      size_bits_field_, data_;                      // of printk_ringbuffer
  Field state_, begin_, next_;                      // of prb_desc
  Field sequence_, time_, text_length_, facility_;  // of printk_info
  BitField level_;                                  // of printk_info
  uint64_t desc_size_ = 0, info_size_ = 0;
  uint64_t count_bits_ = 0, size_bits_ = 0, head_id_ = 0, tail_id_ = 0;
  uint64_t descs_address_ = 0, infos_address_ = 0, data_address_ = 0;
};

// Records of varying length behind each other; one of length 0 says that the
// next is at the beginning. Linux 5.4, kernel/printk/printk.c, struct
// printk_log.
absl::StatusOr<Log> ReadLogBuffer(const Kernel& kernel) {
  LIBRR_ASSIGN_OR_RETURN(const Field time,
                         kernel.FindField("printk_log", "ts_nsec"));
  LIBRR_ASSIGN_OR_RETURN(const Field length,
                         kernel.FindField("printk_log", "len"));
  LIBRR_ASSIGN_OR_RETURN(const Field text_length,
                         kernel.FindField("printk_log", "text_len"));
  LIBRR_ASSIGN_OR_RETURN(const Field facility,
                         kernel.FindField("printk_log", "facility"));
  LIBRR_ASSIGN_OR_RETURN(const uint64_t header, kernel.SizeOf("printk_log"));
  uint64_t buffer = 0, size = 0, first = 0, next = 0, sequence = 0;
  struct Variable {
    const char* symbol;
    uint32_t bytes;
    uint64_t* value;
  };
  for (const Variable& it : {Variable{"log_buf", 8, &buffer},
                             {"log_buf_len", 4, &size},
                             {"log_first_idx", 4, &first},
                             {"log_next_idx", 4, &next},
                             {"log_first_seq", 8, &sequence}}) {
    LIBRR_ASSIGN_OR_RETURN(const uint64_t address, kernel.Symbol(it.symbol));
    LIBRR_ASSIGN_OR_RETURN(*it.value, kernel.ReadNumber(address, it.bytes));
  }
  if (size > uint64_t{1} << kMaxLogBits) return Broken("log_buf_len", size);
  Log log;
  bool wrapped = false;
  for (uint64_t at = first; at != next;) {
    if (size < header || at > size - header) return Broken("an index", at);
    LIBRR_ASSIGN_OR_RETURN(const Object record,
                           kernel.ReadObject(buffer + at, header));
    const uint64_t bytes = record.Number(length);
    if (bytes == 0) {
      if (wrapped) return Broken("an index", at);
      wrapped = true;
      at = 0;
      continue;
    }
    const uint64_t text = record.Number(text_length);
    if (bytes < header || bytes > size - at || text > bytes - header)
      return Broken("a record's length", bytes);
    LinuxLogRecord& out = log.emplace_back();
    out.sequence = sequence++;
    out.time_ns = record.Number(time);
    out.facility = static_cast<uint32_t>(record.Number(facility));
    // flags:5, level:3, in the byte behind the facility.
    out.level = static_cast<uint32_t>(
        record.Number({facility.offset + facility.size, 1}) >> 5);
    LIBRR_ASSIGN_OR_RETURN(out.text, kernel.Read(buffer + at + header, text));
    at += bytes;
  }
  return log;
}

}  // namespace

absl::StatusOr<Log> ReadPrintkLog(const Kernel& kernel) {
  if (kernel.Symbol("prb").ok()) return RingBuffer(&kernel).Read();
  if (kernel.Symbol("log_first_idx").ok()) return ReadLogBuffer(kernel);
  return absl::NotFoundError(absl::StrCat(
      "the log of kernel ", kernel.release(),
      " was not found: it has neither the symbol prb nor log_first_idx"));
}

}  // namespace librr::linux_guest
