// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/offset_stacks.h"

#include <algorithm>
#include <array>
#include <string>
#include <unordered_set>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "librr-core/base/coding.h"
#include "librr-core/base/status_macros.h"

namespace librr::linux_guest {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kDefaultSize32 = 0x2000, kDefaultSize64 = 0x4000;
constexpr uint64_t kMaxSize = 1 << 20;
constexpr uint64_t kLowestKernel64 = 0xffff800000000000;
constexpr uint64_t kLowestText64 = 0xffffffff80000000;
// How much of task_struct and thread_struct is searched.
constexpr uint64_t kSearchedTask = 0x100, kSearchedThread = 0x40;
// Tasks that are looked at; one of them may be coming or going.
constexpr size_t kMaxProved = 64, kMinProved = 3, kInMotion = 1;

// arch/x86/include/asm/segment.h: of 64-bit and of 32-bit user code.
constexpr uint64_t kUserCode64 = 0x33, kUserCode32 = 0x23, kUserData = 0x2b;
// arch/x86/include/asm/thread_info.h, TOP_OF_KERNEL_STACK_PADDING: kernels that
// may use FRED leave 16 bytes.
constexpr uint64_t kPaddings[] = {0, 16};

// struct pt_regs, arch/x86/include/asm/ptrace.h, as places in
// LinuxRegisters::general; behind it are orig_ax, ip, cs, flags, sp, ss.
constexpr std::array<int, 15> kOrder64 = {15, 14, 13, 12, 5, 3, 11, 10,
                                          9,  8,  0,  1,  2, 6, 7};
// include/asm-i386/ptrace.h; segment registers follow.
constexpr std::array<int, 7> kOrder32 = {3, 1, 2, 6, 7, 5, 0};
constexpr uint64_t kPushed = 6;

// How many segment registers 32-bit kernels save: ds and es, gs since 2.6.20
// (fs later), both since 2.6.30.
uint64_t SegmentsOf(uint64_t version) {
  if (version < 0x20614) return 2;
  return version < 0x2061e ? 3 : 4;
}

std::optional<uint64_t> Load(const PageTables& space, uint64_t address,
                             uint64_t size) {
  std::array<uint8_t, 8> bytes{};
  if (!space.Read(GuestVirtual(address), absl::MakeSpan(bytes.data(), size))
           .ok()) {
    return std::nullopt;
  }
  uint64_t number = 0;
  for (size_t i = size; i-- > 0;) number = number << 8 | bytes[i];
  return number;
}

bool IsUserFrame64(const PageTables& space, uint64_t top) {
  const auto cs = Load(space, top - 4 * 8, 8);
  const auto ss = Load(space, top - 8, 8);
  return (cs == kUserCode64 || cs == kUserCode32) && ss == kUserData;
}

absl::Status Missing(const LinuxTask& task, const char* what) {
  return absl::NotFoundError(
      absl::StrFormat("the registers of task %u (%s) are not known: %s",
                      task.pid, task.comm, what));
}

}  // namespace

OffsetStacks::OffsetStacks(const LinuxOffsets& offsets, uint64_t pointer_bytes)
    : offsets_(offsets),
      pointer_bytes_(pointer_bytes),
      size_(value(Offset::kThreadSize)) {
  if (size_ < kPage || size_ > kMaxSize || size_ % kPage != 0) {
    size_ = pointer_bytes_ == 4 ? kDefaultSize32 : kDefaultSize64;
  }
}

OffsetStacks OffsetStacks::Find(const PageTables& space,
                                const LinuxOffsets& offsets,
                                absl::Span<const LinuxTask> tasks) {
  OffsetStacks stacks(offsets, space.root().levels <= 3 ? 4 : 8);
  if (stacks.pointer_bytes_ == 4) return stacks;
  tasks = tasks.subspan(0, kMaxProved);
  if (!offsets.Has(Offset::kStack) && !offsets.Has(Offset::kStackTop)) {
    stacks.SearchStack(space, tasks);
  }
  if (!offsets.Has(Offset::kSavedSp) && offsets.Has(Offset::kThread)) {
    stacks.SearchSavedSp(space, tasks);
  }
  return stacks;
}

void OffsetStacks::SearchStack(const PageTables& space,
                               absl::Span<const LinuxTask> tasks) {
  if (tasks.size() < kMinProved) return;
  for (uint64_t at = 0; at < kSearchedTask; at += pointer_bytes_) {
    std::unordered_set<uint64_t> seen;
    size_t wrong = 0, user = 0;
    for (const LinuxTask& task : tasks) {
      const uint64_t stack =
          Load(space, task.address.value() + at, pointer_bytes_).value_or(0);
      const bool is_stack =
          stack >= kLowestKernel64 && stack % kPage == 0 &&
          stack <= UINT64_MAX - size_ && seen.insert(stack).second &&
          space.Translate(GuestVirtual(stack)).ok() &&
          space.Translate(GuestVirtual(stack + size_ - 1)).ok();
      const bool is_process = task.mm.value() != 0;
      const bool has_user =
          is_stack && is_process &&
          std::any_of(std::begin(kPaddings), std::end(kPaddings),
                      [&](uint64_t padding) {
                        return IsUserFrame64(space, stack + size_ - padding);
                      });
      user += has_user ? 1 : 0;
      if (!is_stack || (is_process && !has_user)) ++wrong;
      if (wrong > kInMotion) break;
    }
    if (wrong > kInMotion) continue;
    offsets_.Set(Offset::kStack, at, LinuxOffsets::Source::kSearched);
    if (user > 0) return;
    // Before there is a process: all have their stack pointers in there.
    if (!offsets_.Has(Offset::kSavedSp) && offsets_.Has(Offset::kThread)) {
      SearchSavedSp(space, tasks);
      if (offsets_.Has(Offset::kSavedSp)) return;
    }
    offsets_.Clear(Offset::kStack);
  }
}

void OffsetStacks::SearchSavedSp(const PageTables& space,
                                 absl::Span<const LinuxTask> tasks) {
  if (tasks.size() < kMinProved) return;
  for (uint64_t at = 0; at < kSearchedThread; at += pointer_bytes_) {
    size_t wrong = 0;
    for (const LinuxTask& task : tasks) {
      const auto stack = StackOf(space, task);
      const uint64_t sp =
          Load(space, task.address.value() + value(Offset::kThread) + at,
               pointer_bytes_)
              .value_or(0);
      // rsp0 is the stack's end, and never inside.
      if (!stack.has_value() || sp < stack->first || sp >= stack->second) {
        if (++wrong > kInMotion) break;
      }
    }
    if (wrong <= kInMotion) {
      offsets_.Set(Offset::kSavedSp, at, LinuxOffsets::Source::kSearched);
      return;
    }
  }
}

std::optional<std::pair<uint64_t, uint64_t>> OffsetStacks::StackOf(
    const PageTables& space, const LinuxTask& task) const {
  const uint64_t address = task.address.value();
  if (offsets_.Has(Offset::kStack)) {
    const auto first =
        Load(space, address + value(Offset::kStack), pointer_bytes_);
    if (!first.has_value() || *first == 0 || *first > UINT64_MAX - size_) {
      return std::nullopt;
    }
    return std::pair(*first, *first + size_);
  }
  if (!offsets_.Has(Offset::kStackTop) || !offsets_.Has(Offset::kThread)) {
    return std::nullopt;
  }
  const auto top =
      Load(space, address + value(Offset::kThread) + value(Offset::kStackTop),
           pointer_bytes_);
  if (!top.has_value() || *top < size_) return std::nullopt;
  // Until there were mapped stacks (4.9), and on 32 bits, they are aligned.
  const uint64_t first = (*top - 1) / size_ * size_;
  return std::pair(first, first + size_);
}

std::optional<uint64_t> OffsetStacks::UserTop(const PageTables& space,
                                              const LinuxTask& task) const {
  if (offsets_.Has(Offset::kStackTop) && offsets_.Has(Offset::kThread)) {
    const auto top = Load(space,
                          task.address.value() + value(Offset::kThread) +
                              value(Offset::kStackTop),
                          pointer_bytes_);
    if (pointer_bytes_ == 4 && top.has_value()) {
      const uint64_t cs = Load(space, *top - 4 * 4, 4).value_or(0);
      if ((cs & 3) == 3) return top;
    }
    if (pointer_bytes_ == 8 && top.has_value() && IsUserFrame64(space, *top)) {
      return top;
    }
  }
  const auto stack = StackOf(space, task);
  if (!stack.has_value() || pointer_bytes_ == 4) return std::nullopt;
  for (const uint64_t padding : kPaddings) {
    if (IsUserFrame64(space, stack->second - padding)) {
      return stack->second - padding;
    }
  }
  return std::nullopt;
}

absl::StatusOr<LinuxRegisters> OffsetStacks::User(const PageTables& space,
                                                  const LinuxTask& task) const {
  if (!StackOf(space, task).has_value()) {
    return Missing(task, "the offsets do not say where its kernel stack is");
  }
  const std::optional<uint64_t> top = UserTop(space, task);
  if (!top.has_value()) {
    return Missing(task, "no user code is saved at the top of its stack");
  }
  const bool is_64 = pointer_bytes_ == 8;
  const absl::Span<const int> order =
      is_64 ? absl::MakeConstSpan(kOrder64) : absl::MakeConstSpan(kOrder32);
  const uint64_t segments = is_64 ? 0 : SegmentsOf(value(Offset::kVersion));
  const uint64_t count = order.size() + segments + kPushed;
  const uint64_t begin = *top - count * pointer_bytes_;
  LinuxRegisters registers;
  registers.general_known = is_64 ? 0xffff : 0xff;
  std::array<uint64_t, kOrder64.size() + 4 + kPushed> words{};
  for (uint64_t i = 0; i < count; ++i) {
    const auto word = Load(space, begin + i * pointer_bytes_, pointer_bytes_);
    if (!word.has_value()) return Missing(task, "its stack is not mapped");
    words[i] = *word;
  }
  for (size_t i = 0; i < order.size(); ++i) {
    registers.general[order[i]] = words[i];
  }
  const uint64_t* const pushed = &words[count - kPushed];
  registers.original_rax =
      is_64 ? static_cast<int64_t>(pushed[0]) : static_cast<int32_t>(pushed[0]);
  registers.rip = pushed[1];
  registers.cs = static_cast<uint16_t>(pushed[2]);
  registers.rflags = pushed[3];
  registers.general[4] = pushed[4];
  registers.ss = static_cast<uint16_t>(pushed[5]);
  if (is_64) registers.fs_base = SavedFsBase(space, task);
  return registers;
}

absl::StatusOr<LinuxRegisters> OffsetStacks::Switched(
    const PageTables& space, const LinuxTask& task) const {
  // Linux, arch/x86/include/asm/switch_to.h (4.9 and later): r15, r14, r13,
  // r12, bx, bp, the return address.
  constexpr std::array<int, 6> kFrame = {15, 14, 13, 12, 3, 5};
  constexpr uint64_t kFrames = 0x40900;
  if (pointer_bytes_ == 4 || value(Offset::kVersion) < kFrames) {
    return Missing(task,
                   "where this kernel saves them when it switches needs "
                   "the kernel's own types");
  }
  const auto stack = StackOf(space, task);
  if (!stack.has_value() || !offsets_.Has(Offset::kSavedSp)) {
    return Missing(task, "the offsets do not say where its stack pointer is");
  }
  const uint64_t sp = Load(space,
                           task.address.value() + value(Offset::kThread) +
                               value(Offset::kSavedSp),
                           8)
                          .value_or(0);
  constexpr uint64_t kFrameSize = 8 * (kFrame.size() + 1);
  if (sp < stack->first || sp > stack->second - kFrameSize) {
    return Missing(task, "its stack pointer is outside of its stack");
  }
  LinuxRegisters registers;
  registers.general_known = 1 << 4;
  registers.general[4] = sp + kFrameSize;
  for (size_t i = 0; i < kFrame.size(); ++i) {
    registers.general[kFrame[i]] = Load(space, sp + 8 * i, 8).value_or(0);
    registers.general_known |= 1 << kFrame[i];
  }
  registers.rip = Load(space, sp + 8 * kFrame.size(), 8).value_or(0);
  if (registers.rip < kLowestText64) {
    return Missing(task, "no address of the kernel is on its stack");
  }
  // arch/x86/include/asm/segment.h.
  registers.cs = 0x10;
  registers.ss = 0x18;
  registers.fs_base = SavedFsBase(space, task);
  return registers;
}

uint64_t OffsetStacks::SavedFsBase(const PageTables& space,
                                   const LinuxTask& task) const {
  if (pointer_bytes_ == 4 || !offsets_.Has(Offset::kFs) ||
      !offsets_.Has(Offset::kThread)) {
    return 0;
  }
  return Load(
             space,
             task.address.value() + value(Offset::kThread) + value(Offset::kFs),
             8)
      .value_or(0);
}

}  // namespace librr::linux_guest
