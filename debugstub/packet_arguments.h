// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What the packets of gdb's remote protocol carry after their names, as types,
// and how to parse each. Parsing never acts, and never fails but by nullopt.
// Packets are untrusted: sizes are bounded by the packet's own.
//
//   ParseMemoryRange("ffffffff81000000,40")->length == 0x40
//
// Functions without state.
#ifndef LIBRR_DEBUGSTUB_PACKET_ARGUMENTS_H_
#define LIBRR_DEBUGSTUB_PACKET_ARGUMENTS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace librr {

// gdb counts threads from 1: thread n is vCPU n-1. Processes have their pids.
inline constexpr int kAny = 0;
inline constexpr int kAll = -1;

struct ThreadId {
  int process = kAny;
  int thread = kAny;
  bool operator==(const ThreadId&) const = default;
};

struct MemoryRange {
  uint64_t address = 0;
  uint64_t length = 0;
};

struct MemoryWrite {
  uint64_t address = 0;
  std::vector<uint8_t> bytes;
};

struct RegisterWrite {
  size_t number = 0;
  std::vector<uint8_t> bytes;
};

struct ThreadSelection {
  char operation = 'g';  // 'g' for registers and memory, 'c' for resuming
  ThreadId id;
};

struct ResumeAction {
  enum class Kind : uint8_t { kContinue, kStep, kRangeStep, kStop };
  Kind kind = Kind::kContinue;
  uint64_t range_begin = 0;
  uint64_t range_end = 0;
  ThreadId id = {kAll, kAll};
};

struct StopPointPacket {
  enum class Type : uint8_t {
    kSoftwareBreak = 0,
    kHardwareBreak = 1,
    kWriteWatch = 2,
    kReadWatch = 3,
    kAccessWatch = 4,
  };
  Type type = Type::kSoftwareBreak;
  uint64_t address = 0;
  uint64_t length = 0;  // of a watch; gdb's "kind" of a breakpoint
  auto operator<=>(const StopPointPacket&) const = default;
};

// A part of an object that is read with qXfer.
struct TransferRange {
  std::string annex;
  uint64_t offset = 0;
  uint64_t length = 0;
};

struct NoArguments {};

// Nothing may follow.
std::optional<NoArguments> ParseNoArguments(std::string_view text);
// Whatever follows.
std::optional<std::string> ParseText(std::string_view text);
// "0" or "1".
std::optional<bool> ParseSwitch(std::string_view text);
// "addr,length"
std::optional<MemoryRange> ParseMemoryRange(std::string_view text);
// "addr,length:" and bytes in hexadecimal.
std::optional<MemoryWrite> ParseMemoryWrite(std::string_view text);
// "addr,length:" and bytes as they are.
std::optional<MemoryWrite> ParseBinaryWrite(std::string_view text);
// A register's number.
std::optional<size_t> ParseRegisterNumber(std::string_view text);
// "number=bytes"
std::optional<RegisterWrite> ParseRegisterWrite(std::string_view text);
// The bytes of all registers.
std::optional<std::vector<uint8_t>> ParseBytes(std::string_view text);
// "thread", "pPROCESS" or "pPROCESS.thread"; each may be "0" or "-1".
std::optional<ThreadId> ParseThread(std::string_view text);
// The number of a process.
std::optional<int> ParseProcess(std::string_view text);
// "g" or "c" and a thread.
std::optional<ThreadSelection> ParseThreadSelection(std::string_view text);
// "action[:thread]" separated by ';'; signals are dropped.
std::optional<std::vector<ResumeAction>> ParseResumeActions(
    std::string_view text);
// "type,address,length"; conditions and commands that follow are not taken.
std::optional<StopPointPacket> ParseStopPoint(std::string_view text);
// "annex:offset,length"
std::optional<TransferRange> ParseTransferRange(std::string_view text);
// Text in hexadecimal.
std::optional<std::string> ParseHexText(std::string_view text);

}  // namespace librr

#endif  // LIBRR_DEBUGSTUB_PACKET_ARGUMENTS_H_
