// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/debugstub/fake_target.h"

#include <elf.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>

#include "absl/strings/str_cat.h"
#include "librr-core/base/check.h"

namespace librr {
namespace {

constexpr uint64_t kTurn = 3;
constexpr uint64_t kPageTables = 0x1000;
constexpr uint64_t kStacks[] = {0x70000 + kFakeMapping, 0x78000 + kFakeMapping};

template <typename T>
T At(const std::string& file, uint64_t offset) {
  T value;
  LIBRR_CHECK(offset + sizeof(T) <= file.size());
  std::memcpy(&value, file.data() + offset, sizeof(T));
  return value;
}

bool Overlaps(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size) {
  return a < b + b_size && b < a + a_size;
}

}  // namespace

FakeTarget::FakeTarget(const FakeOptions& options)
    : options_(options), memory_(kFakeMemory) {
  LoadProgram();
  MakePageTables();
  cpus_[0].rip = Symbol(options.begin);
  cpus_[1].rip = Symbol("second");
  for (size_t i = 0; i < 2; ++i) cpus_[i].gpr[kSp] = kStacks[i];
  while (history_.size() < options.max_steps && !cpus_[0].halted) {
    const int vcpu = static_cast<int>(history_.size() / kTurn % 2);
    history_.push_back(Execute(vcpu));
    ++here_;
  }
  while (here_ > 0) Backward();
}

void FakeTarget::LoadProgram() {
  std::ifstream stream(LIBRR_FAKE_PROGRAM, std::ios::binary);
  const std::string file((std::istreambuf_iterator<char>(stream)), {});
  const auto header = At<Elf64_Ehdr>(file, 0);
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    const auto part =
        At<Elf64_Phdr>(file, header.e_phoff + i * sizeof(Elf64_Phdr));
    if (part.p_type != PT_LOAD || part.p_filesz == 0) continue;
    LIBRR_CHECK(part.p_vaddr >= kFakeMapping);
    LIBRR_CHECK(part.p_vaddr - kFakeMapping + part.p_filesz <= kFakeMemory);
    std::memcpy(memory_.data() + (part.p_vaddr - kFakeMapping),
                file.data() + part.p_offset, part.p_filesz);
  }
  for (unsigned i = 0; i < header.e_shnum; ++i) {
    const auto table =
        At<Elf64_Shdr>(file, header.e_shoff + i * sizeof(Elf64_Shdr));
    if (table.sh_type != SHT_SYMTAB) continue;
    const auto names = At<Elf64_Shdr>(
        file, header.e_shoff + table.sh_link * sizeof(Elf64_Shdr));
    for (uint64_t at = 0; at < table.sh_size; at += sizeof(Elf64_Sym)) {
      const auto symbol = At<Elf64_Sym>(file, table.sh_offset + at);
      symbols_[file.c_str() + names.sh_offset + symbol.st_name] =
          symbol.st_value;
    }
  }
}

void FakeTarget::MakePageTables() {
  constexpr uint64_t kBits = 7;  // present, writable, user
  Store64(kPageTables, (kPageTables + 0x1000) | kBits);
  Store64(kPageTables + 0x1000, (kPageTables + 0x2000) | kBits);
  Store64(kPageTables + 0x2000, (kPageTables + 0x3000) | kBits);
  for (uint64_t page = 0; page < kFakeMemory / 4096; ++page) {
    const uint64_t index = kFakeMapping / 4096 + page;
    Store64(kPageTables + 0x3000 + 8 * index, page << 12 | kBits);
  }
}

uint64_t FakeTarget::Load64(uint64_t physical) const {
  LIBRR_CHECK(physical + 8 <= kFakeMemory);
  uint64_t value = 0;
  std::memcpy(&value, memory_.data() + physical, 8);
  return value;
}

void FakeTarget::Store64(uint64_t physical, uint64_t value) {
  LIBRR_CHECK(physical + 8 <= kFakeMemory);
  std::memcpy(memory_.data() + physical, &value, 8);
}

FakeTarget::Step FakeTarget::Execute(int vcpu) {
  Cpu& cpu = cpus_[static_cast<size_t>(vcpu)];
  Step step;
  step.vcpu = vcpu;
  step.before = cpu;
  const uint8_t* code = memory_.data() + (cpu.rip - kFakeMapping);
  const auto number32 = [&](int at) {
    int32_t value = 0;
    std::memcpy(&value, code + at, 4);
    return static_cast<uint64_t>(int64_t{value});
  };
  const auto store = [&](uint64_t address, uint64_t value) {
    step.store_at = address - kFakeMapping;
    step.old_value = Load64(step.store_at);
    step.new_value = value;
    Store64(step.store_at, value);
  };
  const auto load = [&](uint64_t address) {
    step.load_at = address - kFakeMapping;
    return Load64(step.load_at);
  };
  const uint8_t low3 = code[0] & 7;
  const uint8_t reg = code[2] >> 3 & 7;
  uint64_t next = cpu.rip + 1;
  if (code[0] == 0x90) {
  } else if (code[0] == 0xf4) {
    cpu.halted = true;
  } else if (code[0] == 0xc3) {
    next = load(cpu.gpr[kSp]);
    cpu.gpr[kSp] += 8;
  } else if ((code[0] & 0xf8) == 0x50) {
    store(cpu.gpr[kSp] - 8, cpu.gpr[low3]);
    cpu.gpr[kSp] -= 8;
  } else if ((code[0] & 0xf8) == 0x58) {
    cpu.gpr[low3] = load(cpu.gpr[kSp]);
    cpu.gpr[kSp] += 8;
  } else if (code[0] == 0xe8) {
    next = cpu.rip + 5;
    store(cpu.gpr[kSp] - 8, next);
    cpu.gpr[kSp] -= 8;
    next += number32(1);
  } else if (code[0] == 0xe9) {
    next = cpu.rip + 5 + number32(1);
  } else if (code[0] == 0xeb || code[0] == 0x75) {
    next = cpu.rip + 2;
    const auto offset = static_cast<int8_t>(code[1]);
    if (code[0] == 0xeb || !cpu.zero) {
      next += static_cast<uint64_t>(int64_t{offset});
    }
  } else {
    LIBRR_CHECK(code[0] == 0x48);
    if (code[1] == 0xc7) {
      next = cpu.rip + 7;
      cpu.gpr[code[2] & 7] = number32(3);
    } else if (code[1] == 0xff) {
      next = cpu.rip + 3;
      uint64_t& value = cpu.gpr[code[2] & 7];
      value += reg == 0 ? 1 : ~uint64_t{0};
      cpu.zero = value == 0;
    } else if (code[1] == 0x89 && code[2] >= 0xc0) {
      next = cpu.rip + 3;
      cpu.gpr[code[2] & 7] = cpu.gpr[reg];
    } else if (code[1] == 0x89) {
      next = cpu.rip + 7;
      store(next + number32(3), cpu.gpr[reg]);
    } else {
      LIBRR_CHECK(code[1] == 0x8b);
      next = cpu.rip + 7;
      cpu.gpr[reg] = load(next + number32(3));
    }
  }
  cpu.rip = next;
  step.after = cpu;
  return step;
}

void FakeTarget::Forward() {
  const Step& step = history_[here_++];
  cpus_[static_cast<size_t>(step.vcpu)] = step.after;
  if (step.store_at != 0) Store64(step.store_at, step.new_value);
}

void FakeTarget::Backward() {
  const Step& step = history_[--here_];
  cpus_[static_cast<size_t>(step.vcpu)] = step.before;
  if (step.store_at != 0) Store64(step.store_at, step.old_value);
}

std::vector<RegisterValue> FakeTarget::Registers(int vcpu) const {
  const Cpu& cpu = cpus_[static_cast<size_t>(vcpu)];
  std::vector<RegisterValue> values;
  const auto add = [&](const char* name, uint64_t value, size_t size) {
    std::vector<uint8_t> bytes(size);
    std::memcpy(bytes.data(), &value, size);
    values.push_back({name, bytes});
  };
  static constexpr const char* kNames[] = {"rax", "rcx", "rdx", "rbx",
                                           "rsp", "rbp", "rsi", "rdi"};
  for (size_t i = 0; i < 8; ++i) add(kNames[i], cpu.gpr[i], 8);
  for (int i = 8; i < 16; ++i) add(absl::StrCat("r", i).c_str(), 0, 8);
  add("rip", cpu.rip, 8);
  add("eflags", cpu.zero ? 0x42 : 2, 4);
  const uint64_t privilege = options_.user_mode ? 3 : 0;
  add("cs", 0x10 | privilege, 4);
  add("ss", 0x18 | privilege, 4);
  add("fs_base", 0, 8);
  add("gs_base", 0x1000 + static_cast<uint64_t>(vcpu), 8);
  add("cr0", 0x80000001, 8);
  add("cr3", kPageTables, 8);
  add("cr4", 0x20, 8);
  add("efer", 0x500, 8);
  values.push_back({"xmm0", std::vector<uint8_t>(16, 0x11)});
  values.push_back({"st0", {0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f}});
  return values;
}

absl::Status FakeTarget::ReadPhysical(GuestPhysical address,
                                      absl::Span<uint8_t> out) const {
  if (address.value() > kFakeMemory ||
      out.size() > kFakeMemory - address.value()) {
    return absl::OutOfRangeError("beyond RAM");
  }
  std::memcpy(out.data(), memory_.data() + address.value(), out.size());
  return absl::OkStatus();
}

absl::StatusOr<GuestPhysical> FakeTarget::Translate(
    int, GuestVirtual address) const {
  const uint64_t offset = address.value() - kFakeMapping;
  if (offset >= kFakeMemory) return absl::NotFoundError("not mapped");
  return GuestPhysical(offset);
}

std::vector<TargetThread> FakeTarget::Threads() const {
  std::vector<TargetThread> threads = DebugTarget::Threads();
  for (TargetThread& thread : threads) {
    if (options_.processes) thread.process = thread.number + 1;
  }
  return threads;
}

absl::StatusOr<LinuxTask> FakeTarget::TaskOf(int thread) const {
  if (!options_.processes || !HasThread(thread)) {
    return DebugTarget::TaskOf(thread);
  }
  LinuxTask task;
  task.pid = task.tgid = static_cast<uint32_t>(thread) + 1;
  return task;
}

StopScope FakeTarget::ProcessScopeOf(int thread) const {
  return {.address_space = CurrentAddressSpace(thread),
          .process = static_cast<uint32_t>(thread) + 1};
}

AddressSpace FakeTarget::CurrentAddressSpace(int) const {
  return AddressSpace(kPageTables);
}

std::string FakeTarget::read_only_reason() const {
  return options_.writable ? "" : DebugTarget::read_only_reason();
}

absl::Status FakeTarget::WriteRegister(int vcpu, const RegisterValue& value) {
  if (!options_.writable) return DebugTarget::WriteRegister(vcpu, value);
  if (value.name != "rax") return absl::UnimplementedError("only rax");
  std::memcpy(&cpus_[static_cast<size_t>(vcpu)].gpr[kAx], value.bytes.data(),
              8);
  return absl::OkStatus();
}

absl::Status FakeTarget::WritePhysical(GuestPhysical address,
                                       absl::Span<const uint8_t> bytes) {
  if (!options_.writable) return DebugTarget::WritePhysical(address, bytes);
  std::memcpy(memory_.data() + address.value(), bytes.data(), bytes.size());
  return absl::OkStatus();
}

std::vector<StopHit> FakeTarget::HitsOf(
    const Step& step, uint64_t position,
    const StopConditions& conditions) const {
  std::vector<StopHit> hits;
  for (const Watchpoint& watch : conditions.watchpoints) {
    const uint64_t at =
        watch.physical ? watch.address : watch.address - kFakeMapping;
    const bool wrote =
        step.store_at != 0 && Overlaps(at, watch.length, step.store_at, 8);
    const bool read =
        step.load_at != 0 && Overlaps(at, watch.length, step.load_at, 8);
    bool hit = false;
    switch (watch.kind) {
      case WatchKind::kWrite:
        hit = wrote && step.old_value != step.new_value;
        break;
      case WatchKind::kAnyWrite:
        hit = wrote;
        break;
      case WatchKind::kRead:
        hit = read;
        break;
      case WatchKind::kAccess:
        hit = wrote || read;
        break;
    }
    if (!hit) continue;
    StopHit result;
    result.kind = StopHit::Kind::kWatchpoint;
    result.id = watch.id;
    result.position = Position(position);
    result.vcpu = step.vcpu;
    result.address = watch.address;
    result.physical = GuestPhysical(at);
    result.is_write = wrote;
    result.length = watch.length;
    if (wrote) {
      const auto* old_bytes = &step.old_value;
      result.old_bytes.assign(8, '\0');
      result.new_bytes.assign(8, '\0');
      std::memcpy(result.old_bytes.data(), old_bytes, 8);
      std::memcpy(result.new_bytes.data(), &step.new_value, 8);
    }
    hits.push_back(result);
  }
  return hits;
}

const FakeTarget::Step* FakeTarget::NextStep(Direction direction) const {
  if (direction == Direction::kBackward) {
    return here_ == 0 ? nullptr : &history_[here_ - 1];
  }
  return here_ == history_.size() ? nullptr : &history_[here_];
}

absl::StatusOr<TargetStop> FakeTarget::Resume(const ResumeRequest& request) {
  last_request_ = request;
  interrupted_ = false;
  const bool forward = request.direction == Direction::kForward;
  TargetStop stop;
  while (true) {
    if (interrupted_) {
      stop.reason = TargetStop::Reason::kInterrupted;
      return stop;
    }
    if (request.bound == position()) {
      stop.reason = TargetStop::Reason::kPosition;
      return stop;
    }
    const Step* step = NextStep(request.direction);
    if (step == nullptr) {
      stop.reason =
          forward ? TargetStop::Reason::kEnd : TargetStop::Reason::kBegin;
      stop.vcpu = std::max(request.step_vcpu, 0);
      return stop;
    }
    if (options_.step_microseconds > 0) {
      std::this_thread::sleep_for(
          std::chrono::microseconds(options_.step_microseconds));
    }
    stop.vcpu = step->vcpu;
    stop.hits = HitsOf(*step, forward ? here_ : here_ - 1, request.conditions);
    if (forward) {
      Forward();
    } else {
      Backward();
    }
    // A breakpoint belongs to the vCPU that executes the next step there.
    const Step* next = here_ < history_.size() ? &history_[here_] : nullptr;
    if (next != nullptr) {
      for (const Breakpoint& point : request.conditions.breakpoints) {
        const uint64_t rip =
            point.physical ? next->before.rip - kFakeMapping : next->before.rip;
        if (rip != point.address) continue;
        stop.vcpu = next->vcpu;
        StopHit hit;
        hit.id = point.id;
        hit.position = position();
        hit.vcpu = next->vcpu;
        hit.address = point.address;
        stop.hits.push_back(hit);
      }
    }
    if (!stop.hits.empty()) {
      stop.reason = TargetStop::Reason::kCondition;
      return stop;
    }
    if (step->vcpu != request.step_vcpu) continue;
    const uint64_t rip = Rip(step->vcpu);
    if (request.step_range.has_value() && rip >= request.step_range->first &&
        rip < request.step_range->second) {
      continue;
    }
    stop.reason = TargetStop::Reason::kStep;
    return stop;
  }
}

absl::Status FakeTarget::Seek(Position position) {
  if (position > end()) return absl::OutOfRangeError("beyond the end");
  while (here_ < position.value()) Forward();
  while (here_ > position.value()) Backward();
  return absl::OkStatus();
}

absl::StatusOr<std::optional<StopHit>> FakeTarget::LastWrite(
    const Watchpoint& range, Position before) {
  StopConditions conditions;
  conditions.watchpoints.push_back(range);
  conditions.watchpoints[0].kind = WatchKind::kAnyWrite;
  for (uint64_t i = before.value(); i > 0; --i) {
    const auto hits = HitsOf(history_[i - 1], i - 1, conditions);
    if (!hits.empty()) return hits.front();
  }
  return std::nullopt;
}

absl::Status FakeTarget::AddMark(std::string_view name) {
  marks_.push_back({std::string(name), position()});
  return absl::OkStatus();
}

absl::StatusOr<std::vector<TargetMark>> FakeTarget::Marks() const {
  return marks_;
}

absl::StatusOr<Position> FakeTarget::FindTime(VirtualTime time) const {
  return Position(
      std::min<uint64_t>((time.value() + 999) / 1000, history_.size()));
}

}  // namespace librr
