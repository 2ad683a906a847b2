// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// One vCPU: registers, memory access with precise faults, and the interpreter
// loop.
//
// The machine sets `steps_left` and calls `RunBlocks`; instruction handlers
// call the access functions below. Every access returns false when a fault is
// pending; a handler then returns false at once (LIBRR_TRY) and must have
// changed nothing. Handlers set RIP last.
//
//   uint64_t value;
//   LIBRR_TRY(cpu.LoadOperand(in, &value));      // the memory operand
//   LIBRR_TRY(cpu.Push<uint64_t>(value));
//   return true;
//
// A Cpu belongs to the thread that runs its machine.
#ifndef LIBRR_MACHINES_PC_CPU_CPU_H_
#define LIBRR_MACHINES_PC_CPU_CPU_H_

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "librr-core/machine/state_visitor.h"
#include "librr/machine.h"
#include "machines/pc/cpu/cpu_host.h"
#include "machines/pc/cpu/insn.h"
#include "machines/pc/cpu/memory.h"
#include "machines/pc/cpu/registers.h"
#include "machines/pc/cpu/tlb.h"

// Leaves a handler when an access has raised a fault.
#define LIBRR_TRY(access)     \
  if (!(access)) [[unlikely]] \
  return false

namespace librr::pc {

class BlockCache;
class PageTracker;
class StopChecker;
struct Block;
struct TaskSwitch;

enum class Access : uint8_t { kRead, kWrite, kExecute };

// What a vCPU is doing between instructions.
enum class Activity : uint8_t {
  kRunning = 0,
  kHalted = 1,       // HLT
  kWaitForSipi = 2,  // an application processor before its start-up IPI
  kShutdown = 3,     // after a triple fault
};

// A deliberate fault, for tests that verification finds one: every instruction
// of a table row executes `handler` instead of its own.
struct InjectedFault {
  uint16_t row;
  Handler handler;
};

// What is shared by the vCPUs of one machine.
struct CpuShared {
  PhysicalMemory* memory;
  PageTracker* tracker;
  BlockCache* blocks;
  std::vector<class Cpu*> cpus;
  StopChecker* stops = nullptr;  // while there are stop conditions
  std::optional<InjectedFault> injected_fault = std::nullopt;
};

struct PendingFault {
  uint8_t vector = 0;
  bool has_error = false;
  uint32_t error = 0;
};

class Cpu {
 public:
  Cpu(int index, CpuShared* shared, CpuHost* host);
  ~Cpu();

  Registers regs;
  Activity activity = Activity::kRunning;

  // --- counting -----------------------------------------------------------
  // Counts down once per step, before the step executes.
  int64_t steps_left = 0;
  // The machine's position when steps_left is 0.
  uint64_t position_at_zero = 0;
  uint64_t position() const {
    return position_at_zero - static_cast<uint64_t>(steps_left);
  }
  // Returns from RunBlocks after the current instruction: something between
  // instructions may have changed (an interrupt, the clock, mappings).
  void BreakRun() { stop_at_ = steps_left; }
  // The same while the next instruction is being looked for: ends the run after
  // it, or after one iteration of it.
  void EndRunAfterStep() {
    position_at_zero -= static_cast<uint64_t>(steps_left - 1);
    steps_left = 1;
    stop_at_ = 0;
  }
  // True if this run ends with the current step: REP handlers ask it between
  // iterations.
  bool RunBroken() const { return steps_left <= stop_at_; }
  // The interrupt controllers hold an interrupt for this vCPU. Kept by the
  // machine; whoever enables interrupts breaks the run if it is set.
  bool interrupt_request = false;
  // Set by an instruction after which TF must not trap: INT n, SYSCALL.
  bool suppress_step_trap = false;
  MachineStatistics statistics;

  int index() const { return index_; }
  CpuHost& host() { return *host_; }
  CpuShared& shared() { return *shared_; }
  const CpuShared& shared() const { return *shared_; }

  // --- running ------------------------------------------------------------
  // Executes until steps_left is 0 or BreakRun; faults are delivered.
  void RunBlocks();
  // Steps between instructions: pending #DB traps, NMI, INTR. True if one was
  // delivered (which took a step); steps_left must be positive.
  bool DeliverPendingEvent(bool interrupt_pending);
  // True if an interrupt could be taken before the next instruction.
  bool InterruptsEnabled() const {
    return (regs.system_flags & kIf) && !regs.interrupt_shadow;
  }
  // Power-on state at the reset vector. SDM vol. 3, table 9-1.
  void Reset(bool is_bsp);
  void Init();  // the INIT signal
  void StartUp(uint8_t vector);
  void DescribeState(StateVisitor& visitor);
  // To be called after registers were changed from outside.
  void StateChanged();

  // --- faults -------------------------------------------------------------
  // Each makes an exception pending and returns false.
  bool Raise(Vector vector);
  bool Raise(Vector vector, uint32_t error);
  bool RaiseUd() { return Raise(kInvalidOpcode); }
  bool RaiseGp(uint32_t error = 0) { return Raise(kGeneralProtection, error); }
  bool RaisePageFault(uint64_t linear, uint32_t error);
  // A limit or canonical violation: #SS for the stack segment, else #GP.
  bool RaiseSegmentFault(SegmentIndex segment);
  // Ends the machine: we advertise this but lack it.
  bool Unsupported(std::string what);

  // INT n, INT3, INTO, INT1: delivers through the IDT as part of this step.
  bool SoftwareInterrupt(uint8_t vector, bool is_int_n, bool is_int1 = false);

  // --- modes --------------------------------------------------------------
  bool long_mode() const { return regs.efer & kEferLma; }
  bool code64() const { return code_size_ == 8; }
  bool protected_mode() const { return regs.cr0 & kCr0Pe; }
  bool v86() const { return regs.system_flags & kVm; }
  bool real_mode() const { return !protected_mode(); }
  int cpl() const { return regs.cpl; }
  int iopl() const { return (regs.system_flags >> 12) & 3; }
  // Default operand and address size of code: 2, 4 or 8 (8 means 64-bit mode).
  int code_size() const { return code_size_; }
  // Size of RSP that stack accesses use: 2, 4 or 8.
  int stack_size() const { return stack_size_; }
  // Recomputes what follows from CS, SS, CPL, CR0, CR4, EFER and RFLAGS.AC.
  // Whoever changes one of them calls this; it also breaks the run.
  void ModeChanged();

  // --- general registers --------------------------------------------------
  // `offset` as in Insn::dst.
  template <typename T>
  T Reg(uint8_t offset) const {
    T value;
    std::memcpy(&value,
                reinterpret_cast<const uint8_t*>(regs.gpr.data()) + offset,
                sizeof(T));
    return value;
  }
  // A 32-bit write clears the upper half. SDM vol. 1, 3.4.1.1.
  template <typename T>
  void SetReg(uint8_t offset, T value) {
    uint8_t* slot = reinterpret_cast<uint8_t*>(regs.gpr.data()) + offset;
    if constexpr (sizeof(T) == 4) {
      const uint64_t wide = static_cast<uint32_t>(value);
      std::memcpy(slot, &wide, 8);
    } else {
      std::memcpy(slot, &value, sizeof(T));
    }
  }
  uint64_t& gpr(GprIndex i) { return regs.gpr[i]; }
  uint64_t& rip() { return regs.gpr[kRip]; }

  // RFLAGS as PUSHF would see them (RF, VM included).
  uint64_t Rflags() const { return regs.flags.word() | regs.system_flags | 2; }
  // Sets the flags in `mask`; calls ModeChanged where needed.
  void SetRflags(uint64_t value, uint64_t mask);

  // --- addresses ----------------------------------------------------------
  // The offset of the memory operand in its segment.
  uint64_t EffectiveOffset(const Insn& in) const {
    const uint64_t offset =
        Reg<uint64_t>(in.base) + (Reg<uint64_t>(in.index) << in.scale) +
        static_cast<uint64_t>(static_cast<int64_t>(in.disp));
    if (in.address_size == 8) return offset;
    return in.address_size == 4 ? static_cast<uint32_t>(offset)
                                : static_cast<uint16_t>(offset);
  }
  // The linear address of the memory operand; checks the segment for an access
  // of `size` bytes.
  bool OperandAddress(const Insn& in, unsigned size, Access access,
                      uint64_t* linear) {
    if (in.address_kind == AddressKind::kFlat64) [[likely]] {
      *linear = Reg<uint64_t>(in.base) + (Reg<uint64_t>(in.index) << in.scale) +
                static_cast<uint64_t>(static_cast<int64_t>(in.disp));
      return true;
    }
    return SegmentedAddress(static_cast<SegmentIndex>(in.segment),
                            EffectiveOffset(in), size, access, linear);
  }
  // segment:offset to linear, with limit, type and null checks. In 64-bit mode
  // only FS and GS have bases, and canonicality is checked by the access.
  bool SegmentedAddress(SegmentIndex segment, uint64_t offset, unsigned size,
                        Access access, uint64_t* linear) {
    if (code64()) {
      *linear = segment >= kFs ? regs.segments[segment].base + offset : offset;
      return true;
    }
    return LegacyAddress(segment, offset, size, access, linear);
  }

  // --- memory: T is an unsigned integer of 1 to 8 bytes, or Xmm --------------
  // `segment` only decides between #SS and #GP for non-canonical addresses.
  template <typename T>
  bool ReadLinear(uint64_t linear, T* value, SegmentIndex segment = kDs) {
    const TlbEntry& entry = tlb_->For(linear);
    if (entry.read_tag == ((linear + sizeof(T) - 1) & ~kPageMask)) [[likely]] {
      std::memcpy(value, reinterpret_cast<const void*>(linear + entry.addend),
                  sizeof(T));
      return true;
    }
    return ReadSlow(linear, value, sizeof(T), segment);
  }
  template <typename T>
  bool WriteLinear(uint64_t linear, const T& value,
                   SegmentIndex segment = kDs) {
    const TlbEntry& entry = tlb_->For(linear);
    if (entry.write_tag == ((linear + sizeof(T) - 1) & ~kPageMask)) [[likely]] {
      std::memcpy(reinterpret_cast<void*>(linear + entry.addend), &value,
                  sizeof(T));
      return true;
    }
    return WriteSlow(linear, &value, sizeof(T), segment);
  }
  // Replaces the value by `change(value)`; a fault comes before `change`.
  template <typename T, typename Change>
  bool ModifyLinear(uint64_t linear, SegmentIndex segment, Change change) {
    const TlbEntry& entry = tlb_->For(linear);
    if (entry.write_tag == ((linear + sizeof(T) - 1) & ~kPageMask)) [[likely]] {
      T value;
      void* at = reinterpret_cast<void*>(linear + entry.addend);
      std::memcpy(&value, at, sizeof(T));
      value = change(value);
      std::memcpy(at, &value, sizeof(T));
      return true;
    }
    T value;
    LIBRR_TRY(CheckWrite(linear, sizeof(T), segment));
    LIBRR_TRY(ReadSlow(linear, &value, sizeof(T), segment));
    value = change(value);
    return WriteSlow(linear, &value, sizeof(T), segment);
  }

  // The host's address of a range within one page that the TLB maps at full
  // speed for that access; nullptr if there is none. For bulk string moves.
  const uint8_t* FastRead(uint64_t linear, uint64_t bytes) const {
    const TlbEntry& entry = tlb_->For(linear);
    if (entry.read_tag != (linear & ~kPageMask) ||
        (linear & kPageMask) + bytes > kPageSize)
      return nullptr;
    return reinterpret_cast<const uint8_t*>(linear + entry.addend);
  }
  uint8_t* FastWrite(uint64_t linear, uint64_t bytes) {
    const TlbEntry& entry = tlb_->For(linear);
    if (entry.write_tag != (linear & ~kPageMask) ||
        (linear & kPageMask) + bytes > kPageSize)
      return nullptr;
    return reinterpret_cast<uint8_t*>(linear + entry.addend);
  }

  // The instruction's memory operand.
  template <typename T>
  bool LoadOperand(const Insn& in, T* value) {
    uint64_t linear;
    LIBRR_TRY(OperandAddress(in, sizeof(T), Access::kRead, &linear));
    return ReadLinear(linear, value, static_cast<SegmentIndex>(in.segment));
  }
  template <typename T>
  bool StoreOperand(const Insn& in, const T& value) {
    uint64_t linear;
    LIBRR_TRY(OperandAddress(in, sizeof(T), Access::kWrite, &linear));
    return WriteLinear(linear, value, static_cast<SegmentIndex>(in.segment));
  }
  template <typename T, typename Change>
  bool ModifyOperand(const Insn& in, Change change) {
    uint64_t linear;
    LIBRR_TRY(OperandAddress(in, sizeof(T), Access::kWrite, &linear));
    return ModifyLinear<T>(linear, static_cast<SegmentIndex>(in.segment),
                           change);
  }

  // segment:offset, for string instructions and far pointers.
  template <typename T>
  bool Read(SegmentIndex segment, uint64_t offset, T* value) {
    uint64_t linear;
    LIBRR_TRY(
        SegmentedAddress(segment, offset, sizeof(T), Access::kRead, &linear));
    return ReadLinear(linear, value, segment);
  }
  template <typename T>
  bool Write(SegmentIndex segment, uint64_t offset, const T& value) {
    uint64_t linear;
    LIBRR_TRY(
        SegmentedAddress(segment, offset, sizeof(T), Access::kWrite, &linear));
    return WriteLinear(linear, value, segment);
  }

  // Blocks of bytes (FXSAVE, ...). A write faults before anything is written.
  bool ReadBytes(uint64_t linear, void* out, unsigned size,
                 SegmentIndex segment) {
    return ReadSlow(linear, out, size, segment);
  }
  bool WriteBytes(uint64_t linear, const void* in, unsigned size,
                  SegmentIndex segment) {
    LIBRR_TRY(CheckWrite(linear, size, segment));
    return WriteSlow(linear, in, size, segment);
  }
  // True if `size` bytes could be written; raises the fault otherwise. Sets
  // accessed and dirty bits as the write would.
  bool CheckWrite(uint64_t linear, unsigned size, SegmentIndex segment);

  // Implicit supervisor accesses: descriptor tables and TSS, at any CPL.
  template <typename T>
  bool ReadSystem(uint64_t linear, T* value) {
    return ReadSystemBytes(linear, value, sizeof(T));
  }
  template <typename T>
  bool WriteSystem(uint64_t linear, const T& value) {
    return WriteSystemBytes(linear, &value, sizeof(T));
  }
  bool ReadSystemBytes(uint64_t linear, void* out, unsigned size);
  bool WriteSystemBytes(uint64_t linear, const void* in, unsigned size);

  // --- stack ----------------------------------------------------------------
  // The stack pointer wraps at its size. RSP changes only if the access worked.
  uint64_t StackMask() const {
    return stack_size_ == 8   ? ~0ull
           : stack_size_ == 4 ? 0xffffffffull
                              : 0xffffull;
  }
  uint64_t StackPointer() const { return regs.gpr[kRsp] & StackMask(); }
  void SetStackPointer(uint64_t value) {
    if (stack_size_ == 2) {
      SetReg<uint16_t>(kRsp * 8, static_cast<uint16_t>(value));
    } else {
      regs.gpr[kRsp] = value & StackMask();
    }
  }
  template <typename T>
  bool Push(T value) {
    const uint64_t sp = (regs.gpr[kRsp] - sizeof(T)) & StackMask();
    LIBRR_TRY(Write<T>(kSs, sp, value));
    SetStackPointer(sp);
    return true;
  }
  template <typename T>
  bool Pop(T* value) {
    const uint64_t sp = StackPointer();
    LIBRR_TRY(Read<T>(kSs, sp, value));
    SetStackPointer(sp + sizeof(T));
    return true;
  }

  // --- control transfer
  // ------------------------------------------------------- A near branch:
  // checks the target (canonical, limit), then sets RIP. `size` is the operand
  // size that truncates the target.
  bool JumpNear(uint64_t target, unsigned size) {
    if (code_size_ == 8) {
      if (static_cast<int64_t>(target << 16) >> 16 !=
          static_cast<int64_t>(target)) [[unlikely]]
        return RaiseGp();
    } else {
      target &= size == 2 ? 0xffffull : 0xffffffffull;
      if (target > regs.segments[kCs].limit) [[unlikely]]
        return RaiseGp();
    }
    regs.gpr[kRip] = target;
    return true;
  }
  bool FarJump(uint16_t selector, uint64_t offset, unsigned size);
  bool FarCall(uint16_t selector, uint64_t offset, unsigned size);
  bool FarReturn(unsigned size, uint16_t pop_bytes);
  bool InterruptReturn(unsigned size);
  // MOV, POP, LxS to a segment register (not CS).
  bool LoadSegment(SegmentIndex segment, uint16_t selector);
  bool LoadLdtr(uint16_t selector);
  bool LoadTr(uint16_t selector);

  // --- system
  // -------------------------------------------------------------------
  bool SetCr0(uint64_t value);
  bool SetCr3(uint64_t value);
  bool SetCr4(uint64_t value);
  bool ReadMsr(uint32_t msr, uint64_t* value);
  bool WriteMsr(uint32_t msr, uint64_t value);
  uint64_t ReadTsc() const { return host_->NowNs() + regs.tsc_offset; }
  // May this CPL access the ports? Raises #GP(0) if not. SDM vol. 1, 19.5.
  bool CheckPorts(uint16_t port, int size);
  // To be called by each access to a port.
  void NotePortBreakpoints(uint16_t port, unsigned size);

  // --- translation
  // --------------------------------------------------------------- Without
  // side effects and permissions: for debuggers. False if not mapped.
  bool Translate(uint64_t linear, uint64_t* physical) const;
  // What a linear address is mapped to under a CR3, and which entries say so.
  struct Lookup {
    struct Entry {
      uint64_t ram_page;
      uint16_t offset;
    };
    bool mapped = false;
    uint64_t physical = 0;
    uint64_t size = kPageSize;  // of the aligned range that is mapped alike
    uint16_t entry_size = 8;
    int entry_count = 0;
    Entry entries[4];
  };
  Lookup LookUp(uint64_t linear, uint64_t cr3) const;
  // CR3 without its flags.
  uint64_t PageTableRoot() const;
  // Drops cached translations: all, or of one linear page.
  void DropTranslations();
  void DropTranslation(uint64_t linear);
  // Drops the permission to write at full speed: of the RAM page `page` (only
  // TLB slot `slot`, or all if negative), or of every page.
  void DropWriteTag(uint64_t page, int slot);
  void DropWriteTags();
  // Forgets where code is fetched from: blocks were dropped.
  void DropFetchPage() { fetch_page_ = kNoTag; }

 private:
  friend struct TaskSwitch;

  // Memory (memory_access.cc, page_walk.cc).
  bool ReadSlow(uint64_t linear, void* value, unsigned size,
                SegmentIndex segment);
  bool WriteSlow(uint64_t linear, const void* value, unsigned size,
                 SegmentIndex segment);
  bool LegacyAddress(SegmentIndex segment, uint64_t offset, unsigned size,
                     Access access, uint64_t* linear);
  bool CheckCanonical(uint64_t linear, unsigned size, SegmentIndex segment);
  bool CheckAlignment(uint64_t linear, unsigned size);
  void NoteDataBreakpoints(uint64_t linear, unsigned size, Access access);
  // Bytes of RAM were read; stop conditions are set.
  void NoteRead(uint64_t physical, unsigned size);
  // Translates one page's worth; fills the TLB. Raises #PF.
  bool TranslateFor(uint64_t linear, Access access, MmuMode mode,
                    uint64_t* physical);
  void FillTlb(uint64_t linear, uint64_t physical, MmuMode mode, bool readable,
               bool writable, bool executable);
  void SelectBank();

  struct Walk;  // page_walk.cc
  bool WalkTables(uint64_t linear, uint64_t cr3, Walk* walk) const;
  void SetAccessedDirty(const Walk& walk, bool write);

  // Interpreter (interpreter.cc).
  template <bool kBreakpoints>
  void Interpret();
  const Insn* UpToBreakpoint(const Block& block) const;
  const Block* FindBlock();
  bool FetchPage(uint64_t linear, uint64_t* ram_page);
  const Block* BuildBlock(uint64_t linear, unsigned max_count);
  void StepCarefully(const Block& block);
  bool ExecuteBreakpointHit(uint64_t linear);
  void DeliverFault();

  // Event delivery (event_delivery.cc).
  enum class EventKind { kException, kExternal, kSoftware, kInt1 };
  bool DeliverThroughIdt(uint8_t vector, EventKind kind, bool has_error,
                         uint32_t error);
  bool DeliverReal(uint8_t vector);
  bool DeliverProtected(uint8_t vector, EventKind kind, bool has_error,
                        uint32_t error);
  bool DeliverLong(uint8_t vector, EventKind kind, bool has_error,
                   uint32_t error);

  // Protection (segmentation.cc, far_transfer.cc, task_switch.cc, msr.cc).
  bool SetEfer(uint64_t value);
  uint64_t PushedFlags(uint8_t vector, EventKind kind) const;
  bool FinishTransfer(bool done);
  bool JumpProtected(uint16_t selector, uint64_t offset);
  bool CallProtected(uint16_t selector, uint64_t offset, unsigned size);
  bool ReturnProtected(unsigned size, uint16_t pop_bytes);
  bool IretReal(unsigned size);
  bool IretProtected(unsigned size);
  // The current instruction or event has passed to another task.
  bool task_switched_ = false;

  const int index_;
  CpuShared* const shared_;
  CpuHost* const host_;

  int64_t stop_at_ = 0;  // RunBlocks returns when steps_left reaches this
  uint8_t code_size_ = 2;
  uint8_t stack_size_ = 2;
  uint32_t decode_mode_ = 0;  // what decoding depends on; see DecodeMode
  MmuMode mmu_mode_ = kMmuSupervisor;
  TlbTable* tlb_;  // of the active bank and mode; always_slow_ if accesses
                   // must be looked at one by one
  TlbBank* bank_;
  TlbTable always_slow_;
  std::unique_ptr<TlbBank[]> banks_;
  uint64_t bank_clock_ = 0;

  // The page that code is being fetched from; kNoTag: look it up.
  uint64_t fetch_page_ = kNoTag;
  uint64_t fetch_ram_page_ = 0;

  PendingFault fault_;
};

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_CPU_CPU_H_
