// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// One processor's local APIC: the xAPIC page and the x2APIC MSRs over one
// register model, with timer, local vector table and inter-processor
// interrupts.
//
// The page is not on the Bus, because every processor has its own at the same
// address: the CPU asks `MapsPage` before it accesses physical memory there.
// The timer counts nanoseconds before its divider; TSC deadlines are compared
// with virtual time plus the processor's TSC offset.
//
//   if (apic.MapsPage(address)) value = apic.ReadMmio(address & 0xfff, 4);
//   if (apic.PendingVector() >= 0) vector = apic.AcknowledgeInterrupt();
//   if (!apic.WriteMsr(0x80b, 0)) RaiseGeneralProtection();
#ifndef LIBRR_MACHINES_PC_DEVICES_LOCAL_APIC_H_
#define LIBRR_MACHINES_PC_DEVICES_LOCAL_APIC_H_

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "machines/pc/devices/apic_bus.h"
#include "machines/pc/devices/device.h"
#include "machines/pc/devices/scheduler.h"

namespace librr::pc {

inline constexpr uint64_t kApicTimerHz = 1'000'000'000;
inline constexpr uint64_t kTscHz = 1'000'000'000;

// A 256-bit register: IRR, ISR or TMR.
class ApicVectorSet {
 public:
  void Set(uint8_t vector) { words_[vector / 32] |= 1u << vector % 32; }
  void Clear(uint8_t vector) { words_[vector / 32] &= ~(1u << vector % 32); }
  bool Has(uint8_t vector) const {
    return (words_[vector / 32] >> vector % 32 & 1) != 0;
  }
  // The highest member, or -1.
  int Highest() const;
  uint32_t word(int index) const { return words_[index]; }
  void DescribeState(StateVisitor& visitor, std::string_view name) {
    visitor.Fields(name, words_);
  }

 private:
  std::array<uint32_t, 8> words_{};
};

class LocalApic final : public Device, public MmioHandler, public ApicReceiver {
 public:
  static constexpr uint64_t kDefaultBase = 0xfee00000;
  static constexpr uint64_t kPageSize = 0x1000;
  static constexpr uint32_t kMsrApicBase = 0x1b;
  static constexpr uint32_t kMsrTscDeadline = 0x6e0;
  static constexpr uint32_t kMsrX2ApicFirst = 0x800;
  static constexpr uint32_t kMsrX2ApicLast = 0x8ff;

  // All are called from within an access, a message or a timer; none may call
  // back into the APIC but for its const members.
  struct Callbacks {
    std::function<void()> nmi;
    std::function<void()> smi;   // may be empty: ignored
    std::function<void()> init;  // the APIC has already reset itself
    std::function<void(uint8_t vector)> startup;
    // `PendingVector` or `ExtIntPending` has changed.
    std::function<void()> pending_changed;
    // TSC = virtual time + this, modulo 2^64.
    std::function<uint64_t()> tsc_offset;
  };

  // Attaches itself to `apic_bus`. Both references must outlive the APIC. The
  // bootstrap processor's starts as firmware leaves it: enabled, LINT0 ExtINT,
  // LINT1 NMI.
  LocalApic(Scheduler& scheduler, ApicBus& apic_bus, uint32_t id,
            bool is_bootstrap, Callbacks callbacks);
  LocalApic(const LocalApic&) = delete;
  LocalApic& operator=(const LocalApic&) = delete;

  // --- what the CPU asks ---
  // Whether the page that holds this physical address is the xAPIC page.
  bool MapsPage(uint64_t address) const {
    return (address & ~(kPageSize - 1)) == mapped_page_;
  }
  // The page's address, or ~0 while there is none.
  uint64_t mapped_page() const { return mapped_page_; }
  uint64_t ReadMmio(uint64_t offset, int size) override;
  void WriteMmio(uint64_t offset, int size, uint64_t value) override;
  // IA32_APIC_BASE, IA32_TSC_DEADLINE and 0x800-0x8ff; nullopt and false mean
  // #GP(0), with nothing changed.
  std::optional<uint64_t> ReadMsr(uint32_t index);
  bool WriteMsr(uint32_t index, uint64_t value);
  uint8_t Cr8() const { return tpr_ >> 4; }
  void SetCr8(uint8_t value) { SetTpr(static_cast<uint8_t>(value << 4)); }

  bool HasPendingInterrupt() const { return pending_vector_ >= 0; }
  // The highest request above the processor priority, or -1.
  int PendingVector() const { return pending_vector_; }
  // Takes `PendingVector` into service; the spurious vector if there is none.
  uint8_t AcknowledgeInterrupt();

  // Whether the 8259's INTR, were it asserted, would interrupt the processor.
  bool ExtIntAccepted() const;
  // Whether the processor should run the 8259's INTA cycle.
  bool ExtIntPending() const { return ext_int_pending_; }
  // The processor is about to run that cycle.
  void AcknowledgeExtInt();

  // To be called after IA32_TSC or IA32_TSC_ADJUST changed the offset.
  void OnTscOffsetChanged();

  // --- pins ---
  // 0: LINT0, wired to the 8259's INTR; 1: LINT1.
  void SetLint(int pin, bool high);

  uint32_t id() const { return id_; }
  bool is_enabled() const { return (apic_base_ & kBaseEnable) != 0; }
  bool in_x2apic_mode() const { return (apic_base_ & kBaseX2Apic) != 0; }

  // --- ApicReceiver ---
  bool IsAddressed(uint32_t destination, bool logical) const override;
  bool AcceptsInterrupts() const override;
  void Deliver(const ApicMessage& message) override;

  std::string_view name() const override { return name_; }
  void DescribeState(StateVisitor& visitor) override;
  void AfterRestore() override;

 private:
  static constexpr uint64_t kBaseBootstrap = 1u << 8;
  static constexpr uint64_t kBaseX2Apic = 1u << 10;
  static constexpr uint64_t kBaseEnable = 1u << 11;

  // In the order of their registers, 0x32 to 0x37.
  enum Lvt { kTimer, kThermal, kPerformance, kLint0, kLint1, kError, kLvts };

  // Registers have the numbers of the x2APIC MSRs, less 0x800; the xAPIC
  // offset is 16 times that.
  std::optional<uint32_t> ReadRegister(uint32_t number);
  // False if there is no such register to write.
  bool WriteRegister(uint32_t number, uint32_t value);
  // Which bits of a register an x2APIC write may set; nullopt: not writable.
  static std::optional<uint64_t> X2ApicWritable(uint32_t number);
  bool WriteApicBase(uint64_t value);
  // All registers as after power-up, but for id and base (SDM 10.4.7.1).
  void ResetRegisters();

  void SetTpr(uint8_t value);
  uint8_t ProcessorPriority() const;
  void EndOfInterrupt();
  void WriteSpurious(uint32_t value);
  void WriteLvt(Lvt entry, uint32_t value);
  void SendIpi();
  void RaiseError(uint32_t bit);
  // Accepts a fixed interrupt.
  void Request(uint8_t vector, bool level_triggered);
  // A local source has become active.
  void DeliverLvt(Lvt entry);
  bool SoftwareEnabled() const;
  uint32_t LogicalId() const;

  // --- timer (local_apic_timer.cc) ---
  int TimerDivideShift() const;
  bool TimerIsDeadline() const;
  // Brings the timer's state up to now, delivering an expiry that is due.
  void SettleTimer();
  void ArmTimer();
  uint32_t CurrentCount() const;
  void WriteInitialCount(uint32_t value);
  void WriteDivide(uint32_t value);
  void WriteTscDeadline(uint64_t value);
  void StopTimer();

  // Recomputes what is pending and reports a change.
  void Update();
  void UpdateMappedPage();

  Scheduler& scheduler_;
  ApicBus& apic_bus_;
  const uint32_t id_;
  const std::string name_;
  Callbacks callbacks_;
  Timer* timer_;

  uint64_t apic_base_;
  uint8_t tpr_ = 0;
  uint32_t ldr_ = 0;  // xAPIC format
  uint32_t dfr_ = 0;
  uint32_t svr_ = 0;
  uint32_t esr_ = 0;          // what a read returns
  uint32_t esr_pending_ = 0;  // collected since the last write
  uint64_t icr_ = 0;
  std::array<uint32_t, kLvts> lvt_{};
  ApicVectorSet irr_;
  ApicVectorSet isr_;
  ApicVectorSet tmr_;
  std::array<bool, 2> lint_{};    // pin levels
  bool ext_int_message_ = false;  // an ExtINT that came over the bus

  uint32_t initial_count_ = 0;
  uint32_t divide_ = 0;
  bool timer_running_ = false;
  uint64_t timer_end_ns_ = 0;  // when the running count reaches zero
  uint64_t tsc_deadline_ = 0;  // 0: none

  // Follow from the above.
  int pending_vector_ = -1;
  bool ext_int_pending_ = false;
  uint64_t mapped_page_ = ~0ull;
};

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_DEVICES_LOCAL_APIC_H_
