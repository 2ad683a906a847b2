// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/offset_tasks.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "librr-core/base/coding.h"
#include "librr-core/base/status_macros.h"
#include "linux-introspect/guest_bytes.h"

namespace librr {
namespace linux_guest {
namespace {

// Linux, include/linux/threads.h, PID_MAX_LIMIT on 64 bits.
constexpr uint64_t kMaxTasks = 4 << 20;
constexpr uint64_t kDefaultCommSize = 16;
constexpr uint64_t kMaxCommSize = 256;
constexpr std::string_view kFirstName = "swapper";
// What is looked through for the first task; it is in the kernel's image.
constexpr uint64_t kMaxSearched64 = 192 << 20;
constexpr uint64_t kMaxSearched32 = 64 << 20;
constexpr size_t kMaxFirstTasks = 64;
// The kernel text mapping of 64-bit kernels; where 32-bit kernels may be
// (CONFIG_PAGE_OFFSET), the usual place first.
constexpr uint64_t kTextRegion = 0xffffffff80000000;
constexpr uint64_t kTextRegionLast = 0xffffffffbfffffff;
constexpr uint64_t kPageOffsets32[] = {0xc0000000, 0xb0000000, 0x80000000,
                                       0x40000000};
constexpr uint64_t kLowestKernel32 = 0x40000000;
constexpr uint64_t kLastUser = 0x00007fffffffffff;
constexpr uint64_t kLowestKernel64 = 0xffff800000000000;
// Linux, arch/x86/mm/pti.c: the user's top table is the page behind the
// kernel's.
constexpr uint64_t kUserTable = 0x1000;
// A list may be seen while one task is being put into it or taken from it.
constexpr size_t kInMotion = 1;
constexpr size_t kMaxTablesProved = 64;

// How far a proof has come: of several failures the last counts.
enum class Stage { kNone, kFirst, kList, kTables };

// TASK_RUNNING and the two ways to sleep are the same in all kernels, whatever
// other bits they have beside them; TASK_IDLE is one of them.
char StateLetter(uint32_t state) {
  constexpr uint32_t kIdle = 0x402;
  if (state == 0) return 'R';
  if ((state & kIdle) == kIdle) return 'I';
  if ((state & 3) == 1) return 'S';
  return (state & 3) == 2 ? 'D' : '?';
}

// Calls `found` with the address of each place that has `wanted`, until it
// says no.
template <typename Found>
void Search(const MemoryReader& memory, const PageTables& space, uint64_t first,
            uint64_t last, uint64_t limit, std::string_view wanted,
            Found found) {
  constexpr uint64_t kPiece = 64 << 10;
  std::string piece;
  for (const Mapping& mapping : space.Mappings(first, last)) {
    for (uint64_t at = 0; at < mapping.size && limit > 0; at += kPiece) {
      // The text may be across two pieces.
      const uint64_t size =
          std::min(kPiece + wanted.size() - 1, mapping.size - at);
      piece.resize(size);
      limit -= std::min(limit, kPiece);
      // Bytes are chars to std::string.
      auto* const out = reinterpret_cast<uint8_t*>(piece.data());
      if (!memory
               .ReadPhysical(GuestPhysical(mapping.physical + at),
                             absl::MakeSpan(out, size))
               .ok()) {
        continue;
      }
      for (size_t hit = FindBytes(piece, wanted, 0);
           hit != std::string_view::npos;
           hit = FindBytes(piece, wanted, hit + 1)) {
        if (!found(mapping.address + at + hit)) return;
      }
    }
  }
}

}  // namespace

OffsetTasks::OffsetTasks(const MemoryReader* memory, PagingRoot root,
                         const LinuxOffsets& offsets)
    : space_(memory, root),
      pointer_bytes_(root.levels <= 3 ? 4 : 8),
      offsets_(offsets) {
  const uint64_t size = value(Offset::kCommSize);
  if (size < kFirstName.size() || size > kMaxCommSize) {
    offsets_.Set(Offset::kCommSize, kDefaultCommSize,
                 LinuxOffsets::Source::kAssumed);
  }
}

absl::StatusOr<OffsetTasks> OffsetTasks::Prove(const MemoryReader* memory,
                                               const LinuxOffsets& offsets) {
  LIBRR_RETURN_IF_ERROR(offsets.CheckRequired());
  const std::vector<PagingRoot> current = memory->PagingRoots();
  Stage stage = Stage::kNone;
  absl::Status failure = absl::FailedPreconditionError(
      "no vCPU has paging on: there is no Linux kernel yet");
  const auto fail = [&](Stage at, absl::Status status) {
    if (at < stage) return;
    stage = at;
    failure = std::move(status);
  };
  for (const PagingRoot& root : current) {
    if (offsets.is_long() && root.levels < 4) {
      fail(Stage::kNone,
           absl::NotFoundError("the offsets are typed with -l, for a 64-bit "
                               "kernel, and the guest is in 32-bit mode"));
      continue;
    }
    std::vector<PagingRoot> roots = {root};
    if (root.levels >= 4 && (root.table.value() & kUserTable) != 0) {
      roots.insert(
          roots.begin(),
          {GuestPhysical(root.table.value() & ~kUserTable), root.levels});
    }
    for (const PagingRoot& candidate : roots) {
      const OffsetTasks empty(memory, candidate, offsets);
      const std::vector<uint64_t> firsts = empty.FindFirstTasks();
      if (firsts.empty()) {
        fail(Stage::kNone, absl::FailedPreconditionError(
                               "no task \"swapper\" is in what the kernel's "
                               "image is mapped to: Linux has not come so "
                               "far here, or this is not Linux"));
      }
      for (const uint64_t first : firsts) {
        const absl::Status named = empty.CheckFirst(first);
        if (!named.ok()) {
          fail(Stage::kFirst, named);
          continue;
        }
        OffsetTasks tasks = empty;
        const absl::Status walked = tasks.Walk(first);
        if (!walked.ok()) {
          fail(Stage::kList, walked);
          continue;
        }
        const absl::Status mapped = tasks.ProvePageTables();
        if (!mapped.ok()) {
          fail(Stage::kTables, mapped);
          continue;
        }
        tasks.AddLeaders();
        tasks.AddThreads();
        tasks.AddDetails();
        return tasks;
      }
    }
  }
  return failure;
}

absl::StatusOr<std::string> OffsetTasks::Read(uint64_t address,
                                              uint64_t size) const {
  std::string bytes(size, '\0');
  // Bytes are chars to std::string.
  auto* const out = reinterpret_cast<uint8_t*>(bytes.data());
  LIBRR_RETURN_IF_ERROR(
      space_.Read(GuestVirtual(address), absl::MakeSpan(out, size)));
  return bytes;
}

absl::StatusOr<uint64_t> OffsetTasks::ReadPointer(uint64_t address) const {
  LIBRR_ASSIGN_OR_RETURN(const std::string bytes,
                         Read(address, pointer_bytes_));
  std::string_view in = bytes;
  return GetFixed(in, pointer_bytes_).value_or(0);
}

absl::StatusOr<uint32_t> OffsetTasks::ReadWord(uint64_t address) const {
  LIBRR_ASSIGN_OR_RETURN(const std::string bytes,
                         Read(address, sizeof(uint32_t)));
  return LoadInteger<uint32_t>(bytes, 0);
}

bool OffsetTasks::IsPointer(uint64_t value) const {
  const uint64_t lowest =
      pointer_bytes_ == 4 ? kLowestKernel32 : kLowestKernel64;
  return value >= lowest && value % 4 == 0 &&
         space_.Translate(GuestVirtual(value)).ok();
}

std::string OffsetTasks::Named(Offset field) const {
  return absl::StrFormat("%s=%#x (%s)", LinuxOffsets::Describe(field).name,
                         value(field),
                         LinuxOffsets::NameOf(offsets_.source(field)));
}

void OffsetTasks::LeaveOut(Offset field, const std::string& why) {
  left_out_.push_back(absl::StrCat(Named(field), " is left out: ", why));
  offsets_.Clear(field);
}

std::vector<uint64_t> OffsetTasks::FindFirstTasks() const {
  std::vector<uint64_t> found;
  if (offsets_.Has(Offset::kInitTask)) {
    uint64_t address = value(Offset::kInitTask);
    if (pointer_bytes_ == 8 && offsets_.Has(Offset::kText)) {
      // The kernel is elsewhere at each boot (KASLR).
      const std::vector<Mapping> image =
          space_.Mappings(kTextRegion, kTextRegionLast, 1);
      if (image.empty()) return found;
      address += image.front().address - value(Offset::kText);
    }
    found.push_back(address);
    return found;
  }
  const uint64_t comm = value(Offset::kComm);
  const auto add = [&](uint64_t text) {
    if (text >= comm && (text - comm) % pointer_bytes_ == 0) {
      found.push_back(text - comm);
    }
    return found.size() < kMaxFirstTasks;
  };
  if (pointer_bytes_ == 8) {
    Search(space_.memory(), space_, kTextRegion, kTextRegionLast,
           kMaxSearched64, kFirstName, add);
  } else {
    for (const uint64_t base : kPageOffsets32) {
      Search(space_.memory(), space_, base, base + (kMaxSearched32 - 1),
             kMaxSearched32, kFirstName, add);
    }
  }
  std::vector<uint64_t> linked;
  for (const uint64_t task : found) {
    if (IsLinked(task)) linked.push_back(task);
  }
  return linked.empty() ? found : linked;
}

// Whether what is beside it in the list knows it. Memory has copies of the
// first task: each new one begins as a copy of the one that makes it.
bool OffsetTasks::IsLinked(uint64_t task) const {
  const bool is_list = offsets_.Has(Offset::kTasks);
  const Offset link = is_list ? Offset::kTasks : Offset::kNextTask;
  const uint64_t at = task + value(link);
  // To the task itself until 2.4, since then to what is inside.
  const uint64_t expected = is_list ? at : task;
  const uint64_t inside = is_list ? 0 : value(link);
  const uint64_t next = ReadPointer(at).value_or(0) + inside;
  const uint64_t previous =
      ReadPointer(at + pointer_bytes_).value_or(0) + inside;
  return ReadPointer(next + pointer_bytes_).value_or(0) == expected ||
         ReadPointer(previous).value_or(0) == expected;
}

absl::Status OffsetTasks::CheckFirst(uint64_t task) const {
  const absl::StatusOr<std::string> comm =
      Read(task + value(Offset::kComm), value(Offset::kCommSize));
  const absl::StatusOr<uint32_t> pid = ReadWord(task + value(Offset::kPid));
  const absl::StatusOr<uint64_t> mm = ReadPointer(task + value(Offset::kMm));
  if (!comm.ok() || !comm->starts_with(kFirstName) ||
      comm->find('\0') == std::string::npos) {
    return absl::NotFoundError(absl::StrFormat(
        "the first task (init_task at %#x) is not named \"swapper\": either "
        "%s is wrong, or the kernel has no tasks yet",
        task, Named(Offset::kComm)));
  }
  if (!pid.ok() || *pid != 0) {
    return absl::NotFoundError(absl::StrCat(
        "the task \"swapper\" has no pid 0: ", Named(Offset::kComm), " and ",
        Named(Offset::kPid), " do not belong together"));
  }
  if (!mm.ok() || *mm != 0) {
    return absl::NotFoundError(absl::StrCat(
        "the task \"swapper\" seems to have an mm: ", Named(Offset::kMm),
        " is wrong"));
  }
  return absl::OkStatus();
}

absl::StatusOr<LinuxTask> OffsetTasks::Describe(uint64_t address) const {
  LinuxTask task;
  task.address = GuestVirtual(address);
  LIBRR_ASSIGN_OR_RETURN(task.pid, ReadWord(address + value(Offset::kPid)));
  LIBRR_ASSIGN_OR_RETURN(
      const std::string comm,
      Read(address + value(Offset::kComm), value(Offset::kCommSize)));
  LIBRR_ASSIGN_OR_RETURN(const uint64_t mm,
                         ReadPointer(address + value(Offset::kMm)));
  task.tgid = task.pid;
  task.mm = GuestVirtual(mm);
  const size_t end = comm.find('\0');
  if (end == std::string::npos) {
    return absl::NotFoundError(absl::StrFormat(
        "the task at %#x has no name: %s is wrong, or it is no task", address,
        Named(Offset::kComm)));
  }
  task.comm = comm.substr(0, end);
  if (task.pid > kMaxTasks) {
    return absl::NotFoundError(
        absl::StrFormat("the task at %#x has pid %u: %s is wrong, or it is no "
                        "task",
                        address, task.pid, Named(Offset::kPid)));
  }
  if (mm != 0 && !IsPointer(mm)) {
    return absl::NotFoundError(
        absl::StrFormat("the task at %#x has an mm at %#x, which is not in "
                        "the kernel's memory: %s is wrong, or it is no task",
                        address, mm, Named(Offset::kMm)));
  }
  return task;
}

absl::Status OffsetTasks::Walk(uint64_t first) {
  // Lists of 2.4 lead from task to task; later ones are list_heads inside.
  const bool is_list = offsets_.Has(Offset::kTasks);
  const Offset link = is_list ? Offset::kTasks : Offset::kNextTask;
  const uint64_t inside = is_list ? value(link) : 0;
  std::unordered_set<uint64_t> seen = {first};
  std::unordered_set<uint32_t> pids = {0};
  size_t in_motion = 0;
  LIBRR_ASSIGN_OR_RETURN(tasks_.emplace_back(), Describe(first));
  uint64_t task = first;
  while (true) {
    const auto broken = [&](uint64_t next, const char* why) {
      return absl::DataLossError(absl::StrFormat(
          "the list of tasks is broken, or %s is wrong: behind pid %u at %#x "
          "it goes to %#x, %s",
          Named(link), tasks_.back().pid, task, next, why));
    };
    const absl::StatusOr<uint64_t> node = ReadPointer(task + value(link));
    if (!node.ok()) return broken(task + value(link), "which is not mapped");
    if (!IsPointer(*node) || *node < inside) {
      return broken(*node, "which is not in the kernel's memory");
    }
    const uint64_t next = *node - inside;
    // The way back is behind the way on.
    const absl::StatusOr<uint64_t> back =
        ReadPointer(next + value(link) + pointer_bytes_);
    if (!back.ok() || *back != task + inside) {
      if (++in_motion > kInMotion) return broken(next, "which leads not back");
    }
    if (next == first) return absl::OkStatus();
    if (!seen.insert(next).second) return broken(next, "a second time");
    if (seen.size() > kMaxTasks) return broken(next, "and has no end");
    absl::StatusOr<LinuxTask> described = Describe(next);
    if (!described.ok()) {
      return absl::DataLossError(
          absl::StrCat("the list of tasks is broken, or an offset is wrong: ",
                       std::string(described.status().message())));
    }
    if (!pids.insert(described->pid).second) {
      return absl::DataLossError(absl::StrFormat(
          "two tasks have pid %u: %s is wrong, or the list of tasks is broken",
          described->pid, Named(Offset::kPid)));
    }
    tasks_.push_back(*std::move(described));
    task = next;
  }
}

// The tables of each process map the kernel as those in use do.
absl::Status OffsetTasks::ProvePageTables() const {
  const GuestVirtual first = tasks_.front().address;
  const absl::StatusOr<GuestPhysical> expected = space_.Translate(first);
  size_t proved = 0;
  for (const LinuxTask& task : tasks_) {
    if (task.mm.value() == 0) continue;
    if (++proved > kMaxTablesProved) break;
    const absl::StatusOr<uint64_t> pgd =
        ReadPointer(task.mm.value() + value(Offset::kPgd));
    const absl::StatusOr<GuestPhysical> table =
        pgd.ok() ? space_.Translate(GuestVirtual(*pgd)) : pgd.status();
    if (table.ok() && expected.ok()) {
      const PageTables tables(
          &space_.memory(), {.table = *table, .levels = space_.root().levels});
      const absl::StatusOr<GuestPhysical> there = tables.Translate(first);
      if (there.ok() && *there == *expected) continue;
    }
    return absl::NotFoundError(absl::StrFormat(
        "the page tables of pid %u do not map the kernel: %s or %s is wrong",
        task.pid, Named(Offset::kPgd), Named(Offset::kMm)));
  }
  if (proved > 0 || tasks_.size() == 1) return absl::OkStatus();
  // Before the first program is executed no task has an mm.
  for (const PagingRoot& root : space_.memory().PagingRoots()) {
    const PageTables tables(&space_.memory(), root);
    const uint64_t last = pointer_bytes_ == 4 ? kLowestKernel32 - 1 : kLastUser;
    if (!tables.Mappings(0, last, 1).empty()) {
      return absl::NotFoundError(absl::StrFormat(
          "no task has an mm, and the CPU uses the page tables of a process: "
          "%s is wrong",
          Named(Offset::kMm)));
    }
  }
  return absl::OkStatus();
}

// In a list of processes each is its own leader.
void OffsetTasks::AddLeaders() {
  if (!offsets_.Has(Offset::kTasks)) return;
  size_t wrong_leaders = 0, wrong_ids = 0;
  for (const LinuxTask& task : tasks_) {
    const uint64_t address = task.address.value();
    if (offsets_.Has(Offset::kGroupLead)) {
      const absl::StatusOr<uint64_t> leader =
          ReadPointer(address + value(Offset::kGroupLead));
      if (!leader.ok() || *leader != address) ++wrong_leaders;
    }
    if (offsets_.Has(Offset::kTgid)) {
      const absl::StatusOr<uint32_t> id =
          ReadWord(address + value(Offset::kTgid));
      if (!id.ok() || *id != task.pid) ++wrong_ids;
    }
  }
  if (wrong_leaders > kInMotion) {
    LeaveOut(Offset::kGroupLead, "processes are not led by themselves");
  }
  if (wrong_ids > kInMotion) {
    LeaveOut(Offset::kTgid, "processes have not their own pid there");
  }
}

absl::StatusOr<std::vector<LinuxTask>> OffsetTasks::ThreadsOf(
    const LinuxTask& leader, uint64_t head, uint64_t offset) const {
  std::vector<LinuxTask> threads;
  std::unordered_set<uint64_t> seen;
  LIBRR_ASSIGN_OR_RETURN(uint64_t node, ReadPointer(head));
  while (node != head) {
    if (!IsPointer(node) || node < offset || seen.size() > kMaxTasks) {
      return absl::DataLossError("the list of threads does not come back");
    }
    const uint64_t address = node - offset;
    if (!seen.insert(address).second) {
      return absl::DataLossError("the list of threads goes round");
    }
    LIBRR_ASSIGN_OR_RETURN(node, ReadPointer(node));
    if (address == leader.address.value()) continue;
    LIBRR_ASSIGN_OR_RETURN(LinuxTask thread, Describe(address));
    if (offsets_.Has(Offset::kGroupLead)) {
      LIBRR_ASSIGN_OR_RETURN(const uint64_t its,
                             ReadPointer(address + value(Offset::kGroupLead)));
      if (its != leader.address.value()) {
        return absl::DataLossError("a thread has another leader");
      }
    }
    // Who exits gives the mm back.
    const bool has_other_mm = thread.mm.value() != 0 &&
                              leader.mm.value() != 0 && thread.mm != leader.mm;
    if (has_other_mm) return absl::DataLossError("a thread has another mm");
    thread.tgid = leader.pid;
    threads.push_back(std::move(thread));
  }
  return threads;
}

void OffsetTasks::AddThreads() {
  // Lists of 2.4 have the threads in them.
  if (!offsets_.Has(Offset::kTasks)) return;
  const bool has_groups = offsets_.Has(Offset::kThreadGroup);
  const bool has_nodes = offsets_.Has(Offset::kThreadNode) &&
                         offsets_.Has(Offset::kThreadHead) &&
                         offsets_.Has(Offset::kSignal);
  if (!has_groups && !has_nodes) return;
  const Offset link = has_groups ? Offset::kThreadGroup : Offset::kThreadNode;
  std::vector<LinuxTask> all;
  for (const LinuxTask& leader : tasks_) {
    uint64_t head = leader.address.value() + value(link);
    if (!has_groups) {
      const absl::StatusOr<uint64_t> signal =
          ReadPointer(leader.address.value() + value(Offset::kSignal));
      head = signal.value_or(0) + value(Offset::kThreadHead);
    }
    const absl::StatusOr<std::vector<LinuxTask>> threads =
        ThreadsOf(leader, head, value(link));
    if (!threads.ok() || all.size() + threads->size() > kMaxTasks) {
      LeaveOut(link,
               absl::StrFormat("at pid %u, %s", leader.pid,
                               threads.ok()
                                   ? "there are too many threads"
                                   : std::string(threads.status().message())));
      return;
    }
    all.push_back(leader);
    all.insert(all.end(), threads->begin(), threads->end());
  }
  tasks_ = std::move(all);
}

void OffsetTasks::AddDetails() {
  const auto parent_of = [&](const LinuxTask& task) {
    return ReadPointer(task.address.value() + value(Offset::kRealParent))
        .value_or(0);
  };
  if (offsets_.Has(Offset::kRealParent) &&
      parent_of(tasks_.front()) != tasks_.front().address.value()) {
    LeaveOut(Offset::kRealParent, "\"swapper\" is not its own parent");
  }
  for (LinuxTask& task : tasks_) {
    const uint64_t address = task.address.value();
    if (offsets_.Has(Offset::kState)) {
      const absl::StatusOr<uint32_t> state =
          ReadWord(address + value(Offset::kState));
      if (state.ok()) task.state = StateLetter(*state);
    }
    if (offsets_.Has(Offset::kRealParent)) {
      const Offset id =
          offsets_.Has(Offset::kTgid) ? Offset::kTgid : Offset::kPid;
      task.ppid = ReadWord(parent_of(task) + value(id)).value_or(0);
    }
  }
}

}  // namespace linux_guest

absl::StatusOr<std::vector<LinuxTask>> ReadLinuxTasks(
    const MemoryReader& memory, const LinuxOffsets& offsets,
    std::vector<std::string>* left_out) {
  LIBRR_ASSIGN_OR_RETURN(const linux_guest::OffsetTasks tasks,
                         linux_guest::OffsetTasks::Prove(&memory, offsets));
  if (left_out != nullptr) *left_out = tasks.left_out();
  return tasks.tasks();
}

}  // namespace librr
