// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Segment and gate descriptors as they lie in memory, and finding them in the
// GDT and the LDT. SDM vol. 3, 3.4.5 and 5.8.3.
//
//   Descriptor cs;
//   LIBRR_TRY(ReadDescriptor(cpu, selector, kGeneralProtection, &cs));
//   if (!cs.is_code()) return cpu.RaiseGp(SelectorError(selector));
//   LIBRR_TRY(SetAccessed(cpu, selector, &cs));
//   cpu.regs.segments[kCs] = cs.ToSegment(selector);
//
// Reading a descriptor changes nothing; errors are raised as pending faults.
#ifndef LIBRR_MACHINES_PC_CPU_DESCRIPTOR_H_
#define LIBRR_MACHINES_PC_CPU_DESCRIPTOR_H_

#include <cstdint>

#include "machines/pc/cpu/registers.h"

namespace librr::pc {

class Cpu;

// Types of system descriptors. SDM vol. 3, table 3-2.
enum SystemType : uint8_t {
  kTss16Available = 1,
  kLdt = 2,
  kTss16Busy = 3,
  kCallGate16 = 4,
  kTaskGate = 5,
  kInterruptGate16 = 6,
  kTrapGate16 = 7,
  kTss32Available = 9,
  kTss32Busy = 11,
  kCallGate32 = 12,
  kInterruptGate32 = 14,
  kTrapGate32 = 15,
};

// Bit 1 of the type of a TSS descriptor.
inline constexpr int kTssBusyBit = 2;

struct Descriptor {
  uint64_t low = 0;
  uint64_t high = 0;  // of 16-byte descriptors in 64-bit mode, else 0

  int type() const { return (low >> 40) & 15; }
  bool is_system() const { return !((low >> 44) & 1); }
  int dpl() const { return (low >> 45) & 3; }
  bool present() const { return (low >> 47) & 1; }
  bool is_code() const { return !is_system() && (type() & 8); }
  bool is_data() const { return !is_system() && !(type() & 8); }
  bool is_writable_data() const { return is_data() && (type() & 2); }
  bool is_readable() const { return is_data() || (is_code() && (type() & 2)); }
  bool is_conforming() const { return is_code() && (type() & 4); }
  bool is_long() const { return (low >> 53) & 1; }
  bool is_big() const { return (low >> 54) & 1; }
  uint64_t base() const {
    return ((low >> 16) & 0xffffff) | ((low >> 56) << 24) | high << 32;
  }
  uint32_t limit() const {
    const uint32_t raw =
        static_cast<uint32_t>((low & 0xffff) | ((low >> 32) & 0xf0000));
    return ((low >> 55) & 1) ? raw << 12 | 0xfff : raw;
  }
  SegmentRegister ToSegment(uint16_t selector) const {
    return {base(), limit(), static_cast<uint32_t>(low >> 40) & 0xf0ff,
            selector};
  }

  // Of gates.
  uint16_t gate_selector() const { return static_cast<uint16_t>(low >> 16); }
  uint64_t gate_offset() const {
    return (low & 0xffff) | ((low >> 48) << 16) | high << 32;
  }
  int gate_parameters() const { return (low >> 32) & 31; }
  int gate_stack() const { return (low >> 32) & 7; }  // IST
  bool gate_is_32bit() const { return type() & 8; }
};

inline bool IsNullSelector(uint16_t selector) { return selector < 4; }

// A segment register after a null selector was loaded. DPL counts for SS only.
SegmentRegister NullSegment(uint16_t selector, int dpl = 0);

// The error code that names a selector. `external`: the event being delivered
// is not a software interrupt (EXT). SDM vol. 3, 6.13.
inline constexpr uint32_t SelectorError(uint16_t selector,
                                        bool external = false) {
  return (selector & 0xfffcu) | (external ? 1u : 0u);
}

// The linear address of a selector's descriptor; false if it lies outside the
// table or the selector names an LDT that is not there.
bool DescriptorAddress(const Cpu& cpu, uint16_t selector, unsigned size,
                       uint64_t* linear);

enum class Lookup { kFound, kOutside, kFault };
// Reads 8 bytes.
Lookup FindDescriptor(Cpu& cpu, uint16_t selector, Descriptor* descriptor);
// The same; outside the table raises `vector` with the selector as error code.
bool ReadDescriptor(Cpu& cpu, uint16_t selector, Vector vector,
                    Descriptor* descriptor, bool external = false);
// Reads the upper half of a 16-byte system descriptor. Outside the table, or a
// type field that is not 0, raises `vector`.
bool ReadUpperHalf(Cpu& cpu, uint16_t selector, Vector vector,
                   Descriptor* descriptor, bool external = false);
// Sets the accessed bit of a code or data descriptor, in memory too.
bool SetAccessed(Cpu& cpu, uint16_t selector, Descriptor* descriptor);
// Writes the busy bit of a TSS descriptor to memory.
bool SetBusy(Cpu& cpu, uint16_t selector, bool busy);

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_CPU_DESCRIPTOR_H_
