// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The memory of a machine with a Linux kernel in it, as far as a list of tasks
// needs one: page tables of any kind, task_structs and mm_structs with their
// members where offsets say.
//
//   TaskImage image(2, offsets);            // 32 bits without PAE
//   image.AddProcess(1, "init", true);
//   image.AddThread(1, 7, "worker");
//   image.Link();
//   ReadLinuxTasks(image, offsets);
#ifndef LIBRR_TESTS_LINUX_INTROSPECT_TASK_IMAGE_H_
#define LIBRR_TESTS_LINUX_INTROSPECT_TASK_IMAGE_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "librr/linux_offsets.h"
#include "librr/memory_reader.h"

namespace librr {

class TaskImage final : public MemoryReader {
 public:
  using Field = LinuxOffsets::Field;

  static constexpr uint64_t kMemory = 4 << 20;
  // Where the kernel has physical address 0.
  static constexpr uint64_t kBase32 = 0xc0000000;
  static constexpr uint64_t kBase64 = 0xffffffff80000000;

  struct Task {
    uint64_t address = 0;
    uint32_t pid = 0;
    uint32_t tgid = 0;
    std::string comm;
    uint64_t mm = 0;
    bool operator==(const Task&) const = default;
  };

  TaskImage(int levels, const LinuxOffsets& offsets)
      : levels_(levels),
        pointer_(levels <= 3 ? 4 : 8),
        offsets_(offsets),
        bytes_(kMemory, '\0') {
    tables_ = MakeTables(0);
    current_ = tables_;
    AddProcess(0, levels <= 3 ? "swapper" : "swapper/0", false);
  }

  uint64_t base() const { return pointer_ == 4 ? kBase32 : kBase64; }
  const std::vector<Task>& tasks() const { return tasks_; }
  const Task& Find(uint32_t pid) const {
    return *std::find_if(tasks_.begin(), tasks_.end(),
                         [pid](const Task& it) { return it.pid == pid; });
  }
  // As the view shows them: threads behind their leader.
  std::vector<Task> Ordered() const {
    if (!offsets_.Has(Field::kTasks)) return tasks_;
    std::vector<Task> ordered;
    for (const Task& leader : tasks_) {
      if (leader.pid != leader.tgid) continue;
      for (const Task& task : tasks_) {
        if (task.tgid == leader.pid) ordered.push_back(task);
      }
    }
    return ordered;
  }

  void AddProcess(uint32_t pid, const std::string& comm, bool has_mm) {
    uint64_t mm = 0;
    if (has_mm) {
      mm = Allocate(0x400, 64);
      const uint64_t table = MakeTables(pid);
      user_tables_[pid] = table;
      PutPointer(mm + offsets_.value(Field::kPgd), base() + table);
    }
    AddTask(pid, pid, comm, mm);
  }
  void AddThread(uint32_t leader, uint32_t pid, const std::string& comm) {
    AddTask(pid, leader, comm, Find(leader).mm);
  }

  // Makes the lists; afterwards members may be damaged.
  void Link() {
    const bool is_list = offsets_.Has(Field::kTasks);
    const Field link = is_list ? Field::kTasks : Field::kNextTask;
    std::vector<uint64_t> ring;
    for (const Task& task : tasks_) {
      if (!is_list || task.pid == task.tgid) ring.push_back(task.address);
    }
    Ring(ring, offsets_.value(link), is_list ? offsets_.value(link) : 0);
    for (const Task& leader : tasks_) {
      if (leader.pid != leader.tgid) continue;
      std::vector<uint64_t> threads;
      for (const Task& task : tasks_) {
        if (task.tgid != leader.pid) continue;
        threads.push_back(task.address);
        if (offsets_.Has(Field::kGroupLead)) {
          PutPointer(task.address + offsets_.value(Field::kGroupLead),
                     leader.address);
        }
      }
      if (offsets_.Has(Field::kThreadGroup)) {
        const uint64_t at = offsets_.value(Field::kThreadGroup);
        Ring(threads, at, at);
      }
      if (offsets_.Has(Field::kThreadNode)) LinkNodes(threads);
    }
  }

  // The process whose page tables the CPU uses; 0: the kernel's.
  void Run(uint32_t pid) { current_ = pid == 0 ? tables_ : user_tables_[pid]; }

  void PutPointer(uint64_t address, uint64_t value) {
    Put(address - base(), value, pointer_);
  }
  void PutWord(uint64_t address, uint32_t value) {
    Put(address - base(), value, 4);
  }
  std::string& bytes() { return bytes_; }

  absl::Status ReadPhysical(GuestPhysical address,
                            absl::Span<uint8_t> out) const override {
    if (address.value() > bytes_.size() ||
        out.size() > bytes_.size() - address.value()) {
      return absl::OutOfRangeError("beyond RAM");
    }
    std::memcpy(out.data(), bytes_.data() + address.value(), out.size());
    return absl::OkStatus();
  }
  std::vector<PagingRoot> PagingRoots() const override {
    return {{.table = GuestPhysical(current_), .levels = levels_}};
  }

 private:
  void Put(uint64_t physical, uint64_t value, size_t size) {
    for (size_t i = 0; i < size; ++i) {
      bytes_.at(physical + i) = static_cast<char>(value >> (8 * i));
    }
  }

  uint64_t AllocatePhysical(uint64_t size, uint64_t alignment) {
    end_ = (end_ + alignment - 1) / alignment * alignment;
    const uint64_t at = end_;
    end_ += size;
    return at;
  }
  uint64_t Allocate(uint64_t size, uint64_t alignment) {
    return base() + AllocatePhysical(size, alignment);
  }

  // Maps RAM at the base with large pages, and for a process a page of its own
  // at 0x8048000.
  uint64_t MakeTables(uint32_t pid) {
    constexpr uint64_t kPresent = 3, kLarge = 0x83;
    if (levels_ == 2) {
      const uint64_t top = AllocatePhysical(4096, 4096);
      Put(top + 4 * (kBase32 >> 22), kLarge, 4);
      if (pid != 0) {
        const uint64_t table = AllocatePhysical(4096, 4096);
        Put(top + 4 * (0x8048000 >> 22), table | kPresent, 4);
        Put(table + 4 * 0x48, AllocatePhysical(4096, 4096) | kPresent, 4);
      }
      return top;
    }
    // Large pages are of 2 MiB: the kernel's table of them is for all.
    if (large_ == 0) {
      large_ = AllocatePhysical(4096, 4096);
      Put(large_, kLarge, 8);
      Put(large_ + 8, (2 << 20) | kLarge, 8);
    }
    if (levels_ == 3) {
      const uint64_t top = AllocatePhysical(32, 32);
      Put(top + 8 * 3, large_ | 1, 8);
      if (pid != 0) Put(top, UserTables(2) | 1, 8);
      return top;
    }
    uint64_t below = AllocatePhysical(4096, 4096);
    Put(below + 8 * 510, large_ | kPresent, 8);
    for (int level = 4; level <= levels_; ++level) {
      const uint64_t above = AllocatePhysical(4096, 4096);
      Put(above + 8 * 511, below | kPresent, 8);
      below = above;
    }
    if (pid != 0) Put(below, UserTables(levels_ - 1) | kPresent, 8);
    return below;
  }

  // Tables of 8-byte entries that map one page, at 0x8048000.
  uint64_t UserTables(int level) {
    const uint64_t table = AllocatePhysical(4096, 4096);
    const uint64_t below =
        level == 1 ? AllocatePhysical(4096, 4096) : UserTables(level - 1);
    const uint64_t index =
        (uint64_t{0x8048000} >> (12 + 9 * (level - 1))) % 512;
    Put(table + 8 * index, below | 3, 8);
    return table;
  }

  void AddTask(uint32_t pid, uint32_t tgid, const std::string& comm,
               uint64_t mm) {
    const uint64_t address = Allocate(0x1800, 64);
    PutWord(address + offsets_.value(Field::kPid), pid);
    if (offsets_.Has(Field::kTgid)) {
      PutWord(address + offsets_.value(Field::kTgid), tgid);
    }
    PutPointer(address + offsets_.value(Field::kMm), mm);
    for (size_t i = 0; i < comm.size(); ++i) {
      Put(address - base() + offsets_.value(Field::kComm) + i,
          static_cast<uint8_t>(comm[i]), 1);
    }
    tasks_.push_back({address, pid, tgid, comm, mm});
  }

  // Each has a pair of pointers at `at`, to the next one and to the previous
  // one; they point `inside` it.
  void Ring(const std::vector<uint64_t>& tasks, uint64_t at, uint64_t inside) {
    for (size_t i = 0; i < tasks.size(); ++i) {
      const uint64_t next = tasks[(i + 1) % tasks.size()];
      PutPointer(tasks[i] + at, next + inside);
      PutPointer(next + at + pointer_, tasks[i] + inside);
    }
  }

  void LinkNodes(const std::vector<uint64_t>& threads) {
    const uint64_t signal = Allocate(0x400, 64);
    const uint64_t head = signal + offsets_.value(Field::kThreadHead);
    uint64_t before = head;
    for (const uint64_t task : threads) {
      PutPointer(task + offsets_.value(Field::kSignal), signal);
      const uint64_t node = task + offsets_.value(Field::kThreadNode);
      PutPointer(before, node);
      PutPointer(node + pointer_, before);
      before = node;
    }
    PutPointer(before, head);
    PutPointer(head + pointer_, before);
  }

  const int levels_;
  const size_t pointer_;
  const LinuxOffsets offsets_;
  std::string bytes_;
  uint64_t end_ = 1 << 20;
  uint64_t large_ = 0;
  uint64_t tables_ = 0;
  uint64_t current_ = 0;
  std::map<uint32_t, uint64_t> user_tables_;
  std::vector<Task> tasks_;
};

}  // namespace librr

#endif  // LIBRR_TESTS_LINUX_INTROSPECT_TASK_IMAGE_H_
