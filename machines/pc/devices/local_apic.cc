// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Reference: Intel SDM volume 3 (order number 325384-077), chapter 10.
#include "machines/pc/devices/local_apic.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace librr::pc {
namespace {

// Register numbers.
constexpr uint32_t kId = 0x02;
constexpr uint32_t kVersion = 0x03;
constexpr uint32_t kTaskPriority = 0x08;
constexpr uint32_t kArbitrationPriority = 0x09;
constexpr uint32_t kProcessorPriorityRegister = 0x0a;
constexpr uint32_t kEoi = 0x0b;
constexpr uint32_t kRemoteRead = 0x0c;
constexpr uint32_t kLogicalDestination = 0x0d;
constexpr uint32_t kDestinationFormat = 0x0e;
constexpr uint32_t kSpuriousVector = 0x0f;
constexpr uint32_t kIsrFirst = 0x10;
constexpr uint32_t kTmrFirst = 0x18;
constexpr uint32_t kIrrFirst = 0x20;
constexpr uint32_t kIrrLast = 0x27;
constexpr uint32_t kErrorStatus = 0x28;
constexpr uint32_t kIcrLow = 0x30;
constexpr uint32_t kIcrHigh = 0x31;
constexpr uint32_t kLvtFirst = 0x32;
constexpr uint32_t kLvtLast = 0x37;
constexpr uint32_t kInitialCount = 0x38;
constexpr uint32_t kCurrentCount = 0x39;
constexpr uint32_t kDivide = 0x3e;
constexpr uint32_t kSelfIpi = 0x3f;

// Version 0x14, six LVT entries, no suppression of EOI broadcasts.
constexpr uint32_t kVersionValue = 0x00050014;

constexpr uint32_t kSvrEnabled = 1u << 8;
constexpr uint32_t kSvrWritable = 0x3ff;

constexpr uint32_t kLvtMasked = 1u << 16;
constexpr uint32_t kLvtLevel = 1u << 15;
constexpr uint32_t kLvtRemoteIrr = 1u << 14;
constexpr uint32_t kLvtStatus = 1u << 12;  // read-only, always idle
// By `Lvt`: vector, delivery mode, polarity, trigger, mask, timer mode.
constexpr std::array<uint32_t, 6> kLvtWritable = {0x700ff, 0x107ff, 0x107ff,
                                                  0x1a7ff, 0x1a7ff, 0x100ff};

constexpr uint32_t kErrorSendIllegalVector = 1u << 5;
constexpr uint32_t kErrorReceiveIllegalVector = 1u << 6;
constexpr uint32_t kErrorIllegalRegister = 1u << 7;

constexpr uint64_t kIcrLevel = 1u << 14;
constexpr uint64_t kIcrTriggerLevel = 1u << 15;
// Vector, delivery mode, destination mode, level, trigger, shorthand.
constexpr uint32_t kIcrWritable = 0xccfff;
constexpr uint32_t kIcrStatus = 1u << 12;

// CPUID leaf 0x80000008 reports as many.
constexpr int kPhysicalAddressBits = 40;

constexpr uint8_t kFirstLegalVector = 16;

ApicDelivery LvtDelivery(uint32_t entry) {
  return static_cast<ApicDelivery>(entry >> 8 & 7);
}

}  // namespace

int ApicVectorSet::Highest() const {
  for (int i = 7; i >= 0; --i) {
    if (words_[i] != 0) return 32 * i + 31 - std::countl_zero(words_[i]);
  }
  return -1;
}

LocalApic::LocalApic(Scheduler& scheduler, ApicBus& apic_bus, uint32_t id,
                     bool is_bootstrap, Callbacks callbacks)
    : scheduler_(scheduler),
      apic_bus_(apic_bus),
      id_(id),
      name_("lapic" + std::to_string(id)),
      callbacks_(std::move(callbacks)),
      timer_(scheduler.AddTimer(name_ + ".timer",
                                [this] {
                                  SettleTimer();
                                  ArmTimer();
                                })),
      apic_base_(kDefaultBase | kBaseEnable |
                 (is_bootstrap ? kBaseBootstrap : 0)) {
  ResetRegisters();
  if (is_bootstrap) {
    svr_ |= kSvrEnabled;
    lvt_[kLint0] = static_cast<uint32_t>(ApicDelivery::kExtInt) << 8;
    lvt_[kLint1] = static_cast<uint32_t>(ApicDelivery::kNmi) << 8;
  }
  UpdateMappedPage();
  apic_bus_.Attach(this);
}

void LocalApic::ResetRegisters() {
  tpr_ = 0;
  ldr_ = 0;
  dfr_ = 0xffffffff;
  svr_ = 0xff;
  esr_ = 0;
  esr_pending_ = 0;
  icr_ = 0;
  lvt_.fill(kLvtMasked);
  irr_ = {};
  isr_ = {};
  tmr_ = {};
  ext_int_message_ = false;
  divide_ = 0;
  StopTimer();
}

void LocalApic::UpdateMappedPage() {
  // In x2APIC mode the page is not decoded.
  const bool mapped = is_enabled() && !in_x2apic_mode();
  mapped_page_ = mapped ? apic_base_ & ~(kPageSize - 1) : ~0ull;
}

// --- Priorities and delivery to the processor (SDM 10.8) ---

uint8_t LocalApic::ProcessorPriority() const {
  const int in_service = std::max(isr_.Highest(), 0);
  if (tpr_ >> 4 >= in_service >> 4) return tpr_;
  return static_cast<uint8_t>(in_service & 0xf0);
}

void LocalApic::Update() {
  const int requested = irr_.Highest();
  int vector = -1;
  if (is_enabled() && requested >> 4 > ProcessorPriority() >> 4) {
    vector = requested;
  }
  const bool ext_int = ext_int_message_ || (lint_[0] && ExtIntAccepted());
  if (vector == pending_vector_ && ext_int == ext_int_pending_) return;
  pending_vector_ = vector;
  ext_int_pending_ = ext_int;
  if (callbacks_.pending_changed) callbacks_.pending_changed();
}

uint8_t LocalApic::AcknowledgeInterrupt() {
  if (pending_vector_ < 0) return static_cast<uint8_t>(svr_);
  const uint8_t vector = static_cast<uint8_t>(pending_vector_);
  irr_.Clear(vector);
  isr_.Set(vector);
  Update();
  return vector;
}

bool LocalApic::ExtIntAccepted() const {
  // Without an APIC the pin is the processor's INTR.
  if (!is_enabled()) return true;
  return !(lvt_[kLint0] & kLvtMasked) &&
         LvtDelivery(lvt_[kLint0]) == ApicDelivery::kExtInt;
}

void LocalApic::AcknowledgeExtInt() {
  ext_int_message_ = false;
  Update();
}

void LocalApic::SetTpr(uint8_t value) {
  tpr_ = value;
  Update();
}

void LocalApic::EndOfInterrupt() {
  const int highest = isr_.Highest();
  if (highest < 0) return;
  const uint8_t vector = static_cast<uint8_t>(highest);
  isr_.Clear(vector);
  if (tmr_.Has(vector)) {
    apic_bus_.BroadcastEndOfInterrupt(vector);
    for (const Lvt entry : {kLint0, kLint1}) {
      const uint32_t value = lvt_[entry];
      if (!(value & kLvtRemoteIrr) || (value & 0xff) != vector) continue;
      lvt_[entry] &= ~kLvtRemoteIrr;
      if (lint_[entry - kLint0]) DeliverLvt(entry);
    }
  }
  Update();
}

void LocalApic::Request(uint8_t vector, bool level_triggered) {
  if (vector < kFirstLegalVector) {
    RaiseError(kErrorReceiveIllegalVector);
    return;
  }
  irr_.Set(vector);
  if (level_triggered) {
    tmr_.Set(vector);
  } else {
    tmr_.Clear(vector);
  }
  Update();
}

void LocalApic::RaiseError(uint32_t bit) {
  // A repeated error is silent until ESR is written, so that an error entry
  // with an illegal vector cannot raise itself for ever.
  if (esr_pending_ & bit) return;
  esr_pending_ |= bit;
  DeliverLvt(kError);
}

// --- Local vector table (SDM 10.5.1) ---

void LocalApic::DeliverLvt(Lvt entry) {
  const uint32_t value = lvt_[entry];
  if ((value & kLvtMasked) || !is_enabled()) return;
  const uint8_t vector = static_cast<uint8_t>(value);
  // Timer and error entries have no delivery mode: always fixed.
  const ApicDelivery delivery = entry == kTimer || entry == kError
                                    ? ApicDelivery::kFixed
                                    : LvtDelivery(value);
  switch (delivery) {
    case ApicDelivery::kFixed: {
      const bool level = entry == kLint0 && (value & kLvtLevel);
      if (level) {
        if (value & kLvtRemoteIrr) return;
        lvt_[entry] |= kLvtRemoteIrr;
      }
      Request(vector, level);
      break;
    }
    case ApicDelivery::kNmi:
      callbacks_.nmi();
      break;
    case ApicDelivery::kSmi:
      if (callbacks_.smi) callbacks_.smi();
      break;
    case ApicDelivery::kInit:
      ResetRegisters();
      Update();
      callbacks_.init();
      break;
    default:  // ExtINT is a level, which Update looks at
      break;
  }
}

void LocalApic::WriteLvt(Lvt entry, uint32_t value) {
  const uint32_t read_only = kLvtStatus | kLvtRemoteIrr;
  value = (value & kLvtWritable[entry]) | (lvt_[entry] & read_only);
  if (!SoftwareEnabled()) value |= kLvtMasked;
  if (entry == kTimer) {
    SettleTimer();
    const bool was_deadline = TimerIsDeadline();
    lvt_[entry] = value;
    // Going into or out of TSC-deadline mode disarms the timer.
    if (TimerIsDeadline() != was_deadline) StopTimer();
    ArmTimer();
    return;
  }
  if (!(value & kLvtLevel)) value &= ~kLvtRemoteIrr;
  lvt_[entry] = value;
  if (entry == kLint0 && lint_[0] && (value & kLvtLevel)) DeliverLvt(kLint0);
  Update();
}

void LocalApic::SetLint(int pin, bool high) {
  if (lint_[pin] == high) return;
  lint_[pin] = high;
  if (high) DeliverLvt(pin == 0 ? kLint0 : kLint1);
  Update();
}

bool LocalApic::SoftwareEnabled() const { return (svr_ & kSvrEnabled) != 0; }

void LocalApic::WriteSpurious(uint32_t value) {
  svr_ = value & kSvrWritable;
  if (SoftwareEnabled()) return;
  SettleTimer();
  for (uint32_t& entry : lvt_) entry |= kLvtMasked;
  ArmTimer();
  Update();
}

// --- Messages (SDM 10.6) ---

uint32_t LocalApic::LogicalId() const {
  if (!in_x2apic_mode()) return ldr_;
  return (id_ >> 4) << 16 | 1u << (id_ & 15);
}

bool LocalApic::IsAddressed(uint32_t destination, bool logical) const {
  if (!is_enabled()) return false;
  if (destination == kApicBroadcast) return true;
  if (!logical) return destination == id_;
  if (in_x2apic_mode()) {
    const uint32_t logical_id = LogicalId();
    return destination >> 16 == logical_id >> 16 &&
           (destination & logical_id & 0xffff) != 0;
  }
  if (destination > 0xff) return false;
  const uint32_t logical_id = ldr_ >> 24;
  if (dfr_ >> 28 == 0xf) return (destination & logical_id) != 0;  // flat
  const uint32_t cluster = destination >> 4;
  return (cluster == logical_id >> 4 || cluster == 0xf) &&
         (destination & logical_id & 0xf) != 0;
}

bool LocalApic::AcceptsInterrupts() const {
  return is_enabled() && SoftwareEnabled();
}

void LocalApic::Deliver(const ApicMessage& message) {
  switch (message.delivery) {
    case ApicDelivery::kFixed:
    case ApicDelivery::kLowestPriority:
      Request(message.vector, message.level_triggered);
      break;
    case ApicDelivery::kSmi:
      if (callbacks_.smi) callbacks_.smi();
      break;
    case ApicDelivery::kNmi:
      callbacks_.nmi();
      break;
    case ApicDelivery::kInit:
      ResetRegisters();
      Update();
      callbacks_.init();
      break;
    case ApicDelivery::kStartup:
      callbacks_.startup(message.vector);
      break;
    case ApicDelivery::kExtInt:
      ext_int_message_ = true;
      Update();
      break;
  }
}

void LocalApic::SendIpi() {
  const uint32_t low = static_cast<uint32_t>(icr_);
  ApicMessage message;
  message.vector = static_cast<uint8_t>(low);
  message.delivery = static_cast<ApicDelivery>(low >> 8 & 7);
  message.logical = (low >> 11 & 1) != 0;
  const auto shorthand = static_cast<ApicShorthand>(low >> 18 & 3);
  switch (message.delivery) {
    case ApicDelivery::kFixed:
    case ApicDelivery::kLowestPriority:
      if (message.vector < kFirstLegalVector) {
        RaiseError(kErrorSendIllegalVector);
        // A self IPI is received too (SDM 10.5.3).
        if (shorthand == ApicShorthand::kSelf)
          RaiseError(kErrorReceiveIllegalVector);
        return;
      }
      break;
    case ApicDelivery::kInit:
      // An INIT de-assert only synchronises arbitration on older processors.
      if ((low & kIcrTriggerLevel) && !(low & kIcrLevel)) return;
      break;
    case ApicDelivery::kSmi:
    case ApicDelivery::kNmi:
    case ApicDelivery::kStartup:
      break;
    default:
      return;  // reserved, or ExtINT, which no IPI may be
  }
  // The self shorthand is for fixed interrupts only (SDM table 10-3).
  if (shorthand == ApicShorthand::kSelf &&
      message.delivery != ApicDelivery::kFixed) {
    return;
  }
  message.destination = static_cast<uint32_t>(icr_ >> 32);
  if (!in_x2apic_mode()) {
    message.destination >>= 24;
    if (!message.logical && message.destination == 0xff) {
      message.destination = kApicBroadcast;
    }
  }
  apic_bus_.SendIpi(this, shorthand, message);
}

// --- Registers ---

std::optional<uint32_t> LocalApic::ReadRegister(uint32_t number) {
  if (number >= kIsrFirst && number <= kIrrLast) {
    const int word = static_cast<int>(number & 7);
    if (number >= kIrrFirst) return irr_.word(word);
    return number >= kTmrFirst ? tmr_.word(word) : isr_.word(word);
  }
  if (number >= kLvtFirst && number <= kLvtLast) {
    return lvt_[number - kLvtFirst];
  }
  switch (number) {
    case kId:
      return in_x2apic_mode() ? id_ : id_ << 24;
    case kVersion:
      return kVersionValue;
    case kTaskPriority:
      return tpr_;
    case kArbitrationPriority: {
      const int highest = std::max({isr_.Highest(), irr_.Highest(), 0});
      return tpr_ >> 4 >= highest >> 4 ? tpr_ : highest & 0xf0;
    }
    case kProcessorPriorityRegister:
      return ProcessorPriority();
    case kEoi:
    case kRemoteRead:
      return 0;
    case kLogicalDestination:
      return LogicalId();
    case kDestinationFormat:
      return dfr_;
    case kSpuriousVector:
      return svr_;
    case kErrorStatus:
      return esr_;
    case kIcrLow:
      return static_cast<uint32_t>(icr_);
    case kIcrHigh:
      return static_cast<uint32_t>(icr_ >> 32);
    case kInitialCount:
      return initial_count_;
    case kCurrentCount:
      SettleTimer();
      return CurrentCount();
    case kDivide:
      return divide_;
  }
  return std::nullopt;
}

bool LocalApic::WriteRegister(uint32_t number, uint32_t value) {
  if (number >= kLvtFirst && number <= kLvtLast) {
    WriteLvt(static_cast<Lvt>(number - kLvtFirst), value);
    return true;
  }
  switch (number) {
    case kTaskPriority:
      SetTpr(static_cast<uint8_t>(value));
      return true;
    case kEoi:
      EndOfInterrupt();
      return true;
    case kLogicalDestination:
      ldr_ = value & 0xff000000;
      return true;
    case kDestinationFormat:
      dfr_ = value | 0x0fffffff;
      return true;
    case kSpuriousVector:
      WriteSpurious(value);
      return true;
    case kErrorStatus:
      esr_ = esr_pending_;
      esr_pending_ = 0;
      return true;
    case kIcrLow:
      icr_ = (icr_ & 0xffffffff00000000) | (value & kIcrWritable & ~kIcrStatus);
      SendIpi();
      return true;
    case kIcrHigh:
      icr_ = (icr_ & 0xffffffff) | uint64_t{value & 0xff000000} << 32;
      return true;
    case kInitialCount:
      SettleTimer();
      WriteInitialCount(value);
      return true;
    case kDivide:
      SettleTimer();
      WriteDivide(value);
      return true;
    case kId:  // read-only on current processors; writes are harmless
    case kVersion:
    case kArbitrationPriority:
    case kProcessorPriorityRegister:
    case kRemoteRead:
    case kCurrentCount:
      return true;
  }
  return number >= kIsrFirst && number <= kIrrLast;  // read-only
}

uint64_t LocalApic::ReadMmio(uint64_t offset, int size) {
  // Registers are 32 bits wide at multiples of 16; what lies between reads as
  // zero.
  const uint64_t byte = offset & 15;
  const std::optional<uint32_t> value =
      ReadRegister(static_cast<uint32_t>(offset >> 4));
  if (!value.has_value()) {
    RaiseError(kErrorIllegalRegister);
    return 0;
  }
  if (byte >= 4 || byte + size > 8) return 0;
  const uint64_t bytes = uint64_t{*value} >> (8 * byte);
  return size >= 4 ? bytes : bytes & ((1ull << (8 * size)) - 1);
}

void LocalApic::WriteMmio(uint64_t offset, int size, uint64_t value) {
  // Other than aligned 32-bit stores are undefined (SDM 10.4.1): dropped here,
  // except that a 64-bit store writes its low half.
  if ((offset & 15) != 0 || size < 4) return;
  if (!WriteRegister(static_cast<uint32_t>(offset >> 4),
                     static_cast<uint32_t>(value))) {
    RaiseError(kErrorIllegalRegister);
  }
}

// --- MSRs (SDM 10.12) ---

std::optional<uint64_t> LocalApic::X2ApicWritable(uint32_t number) {
  if (number >= kLvtFirst && number <= kLvtLast) {
    // Writes of the read-only bits are ignored, not refused.
    return kLvtWritable[number - kLvtFirst] | kLvtStatus |
           (number >= kLvtFirst + kLint0 && number <= kLvtFirst + kLint1
                ? kLvtRemoteIrr
                : 0);
  }
  switch (number) {
    case kTaskPriority:
    case kSelfIpi:
      return 0xff;
    case kEoi:
    case kErrorStatus:
      return 0;
    case kSpuriousVector:
      return kSvrWritable;
    case kIcrLow:
      return 0xffffffff00000000 | kIcrWritable;
    case kInitialCount:
      return 0xffffffff;
    case kDivide:
      return 0xb;
  }
  return std::nullopt;
}

std::optional<uint64_t> LocalApic::ReadMsr(uint32_t index) {
  if (index == kMsrApicBase) return apic_base_;
  if (index == kMsrTscDeadline) {
    SettleTimer();
    return tsc_deadline_;
  }
  if (index < kMsrX2ApicFirst || index > kMsrX2ApicLast || !in_x2apic_mode()) {
    return std::nullopt;
  }
  const uint32_t number = index - kMsrX2ApicFirst;
  switch (number) {
    case kIcrLow:
      return icr_;
    // Not present in x2APIC mode, or write-only.
    case kArbitrationPriority:
    case kRemoteRead:
    case kDestinationFormat:
    case kIcrHigh:
    case kEoi:
      return std::nullopt;
  }
  return ReadRegister(number);
}

bool LocalApic::WriteMsr(uint32_t index, uint64_t value) {
  if (index == kMsrApicBase) return WriteApicBase(value);
  if (index == kMsrTscDeadline) {
    WriteTscDeadline(value);
    return true;
  }
  if (index < kMsrX2ApicFirst || index > kMsrX2ApicLast || !in_x2apic_mode()) {
    return false;
  }
  const uint32_t number = index - kMsrX2ApicFirst;
  const std::optional<uint64_t> writable = X2ApicWritable(number);
  if (!writable.has_value() || (value & ~*writable) != 0) return false;
  if (number == kIcrLow) {
    icr_ = value & ~uint64_t{kIcrStatus};
    SendIpi();
    return true;
  }
  if (number == kSelfIpi) {
    const uint8_t vector = static_cast<uint8_t>(value);
    if (vector < kFirstLegalVector) {
      RaiseError(kErrorSendIllegalVector);
      RaiseError(kErrorReceiveIllegalVector);
    } else if (SoftwareEnabled()) {
      Request(vector, /*level_triggered=*/false);
    }
    return true;
  }
  return WriteRegister(number, static_cast<uint32_t>(value));
}

bool LocalApic::WriteApicBase(uint64_t value) {
  constexpr uint64_t kAddressMask =
      ((1ull << kPhysicalAddressBits) - 1) & ~(kPageSize - 1);
  if (value & ~(kAddressMask | kBaseBootstrap | kBaseX2Apic | kBaseEnable)) {
    return false;
  }
  const bool enable = (value & kBaseEnable) != 0;
  const bool x2apic = (value & kBaseX2Apic) != 0;
  // SDM figure 10-27: no x2APIC without the enable bit, not from disabled
  // straight into it, and no way back but through disabled.
  if (x2apic && (!enable || !is_enabled())) return false;
  if (!x2apic && enable && in_x2apic_mode()) return false;

  const bool was_enabled = is_enabled();
  const bool was_x2apic = in_x2apic_mode();
  apic_base_ = value;
  if (was_enabled && !enable) ResetRegisters();
  if (x2apic && !was_x2apic) icr_ &= 0xffffffff;
  UpdateMappedPage();
  Update();
  return true;
}

// --- State ---

void LocalApic::DescribeState(StateVisitor& visitor) {
  visitor.Field("apic_base", apic_base_);
  visitor.Field("tpr", tpr_);
  visitor.Field("ldr", ldr_);
  visitor.Field("dfr", dfr_);
  visitor.Field("svr", svr_);
  visitor.Field("esr", esr_);
  visitor.Field("esr_pending", esr_pending_);
  visitor.Field("icr", icr_);
  visitor.Fields("lvt", lvt_);
  irr_.DescribeState(visitor, "irr");
  isr_.DescribeState(visitor, "isr");
  tmr_.DescribeState(visitor, "tmr");
  visitor.Fields("lint", lint_);
  visitor.Field("ext_int_message", ext_int_message_);
  visitor.Field("initial_count", initial_count_);
  visitor.Field("divide", divide_);
  visitor.Field("timer_running", timer_running_);
  visitor.Field("timer_end_ns", timer_end_ns_);
  visitor.Field("tsc_deadline", tsc_deadline_);
}

void LocalApic::AfterRestore() {
  // Saved states are untrusted: a period of zero would divide by zero.
  if (initial_count_ == 0) timer_running_ = false;
  UpdateMappedPage();
  Update();
}

}  // namespace librr::pc
