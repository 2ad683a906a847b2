// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/cpu/families/sse_masked_store.h"

namespace librr::pc {

bool StoreMaskedBytes(Cpu& cpu, const Insn& in, const uint8_t* bytes,
                      const uint8_t* mask, int count) {
  int first = 0, end = count;
  while (first < count && !(mask[first] & 0x80)) ++first;
  if (first == count) return true;
  while (!(mask[end - 1] & 0x80)) --end;

  const auto segment = static_cast<SegmentIndex>(in.segment);
  uint64_t offset = cpu.gpr(kRdi);
  if (in.address_size == 4) offset = static_cast<uint32_t>(offset);
  if (in.address_size == 2) offset = static_cast<uint16_t>(offset);
  const unsigned size = static_cast<unsigned>(end - first);
  uint64_t linear;
  LIBRR_TRY(cpu.SegmentedAddress(segment, offset + static_cast<unsigned>(first),
                                 size, Access::kWrite, &linear));
  LIBRR_TRY(cpu.CheckWrite(linear, size, segment));
  for (int i = first; i < end; ++i) {
    if (!(mask[i] & 0x80)) continue;
    LIBRR_TRY(cpu.WriteLinear<uint8_t>(
        linear + static_cast<unsigned>(i - first), bytes[i], segment));
  }
  return true;
}

}  // namespace librr::pc
