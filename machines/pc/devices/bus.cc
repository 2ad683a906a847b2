// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/devices/bus.h"

#include <iterator>
#include <utility>

#include "librr-core/base/check.h"

namespace librr::pc {
namespace {

constexpr uint32_t kPortCount = 0x10000;

// The lowest `size` bytes set.
constexpr uint64_t MaskOf(int size) {
  return size >= 8 ? ~0ull : (1ull << (8 * size)) - 1;
}

}  // namespace

void Bus::AddPorts(uint16_t first, uint32_t count, PortHandler* handler) {
  LIBRR_CHECK(count != 0 && count <= kPortCount - first);
  for (uint32_t port = first; port < first + count; ++port) {
    LIBRR_CHECK(PortAt(static_cast<uint16_t>(port)) == nullptr);
  }
  ports_[first] = {count, handler};
}

void Bus::AddMmio(uint64_t base, uint64_t size, MmioHandler* handler) {
  LIBRR_CHECK(size != 0 && size - 1 <= ~base);
  const auto after = mmio_.lower_bound(base);
  LIBRR_CHECK(after == mmio_.end() || after->first - base >= size);
  LIBRR_CHECK(MmioAt(base) == nullptr);
  mmio_[base] = {base, size, handler};
}

const Bus::PortRange* Bus::PortAt(uint16_t port) const {
  auto it = ports_.upper_bound(port);
  if (it == ports_.begin()) return nullptr;
  --it;
  return port - it->first < static_cast<int64_t>(it->second.first) ? &*it
                                                                   : nullptr;
}

const Bus::MmioRange* Bus::MmioAt(uint64_t address) const {
  auto it = mmio_.upper_bound(address);
  if (it == mmio_.begin()) return nullptr;
  const MmioRange& range = std::prev(it)->second;
  return address - range.base < range.size ? &range : nullptr;
}

uint32_t Bus::ReadPort(uint16_t port, int size) {
  const PortRange* range = PortAt(port);
  const uint32_t mask = static_cast<uint32_t>(MaskOf(size));
  if (range != nullptr &&
      uint32_t{port} + size <= range->first + range->second.first) {
    return range->second.second->ReadPort(port, size) & mask;
  }
  if (size == 1) return mask;
  uint32_t value = 0;
  for (int i = 0; i < size; ++i) {
    const uint32_t at = uint32_t{port} + i;
    const uint32_t byte =
        at < kPortCount ? ReadPort(static_cast<uint16_t>(at), 1) : 0xff;
    value |= byte << (8 * i);
  }
  return value;
}

void Bus::WritePort(uint16_t port, int size, uint32_t value) {
  const PortRange* range = PortAt(port);
  value &= static_cast<uint32_t>(MaskOf(size));
  if (range != nullptr &&
      uint32_t{port} + size <= range->first + range->second.first) {
    range->second.second->WritePort(port, size, value);
    return;
  }
  if (size == 1) return;
  for (int i = 0; i < size; ++i) {
    const uint32_t at = uint32_t{port} + i;
    if (at < kPortCount) {
      WritePort(static_cast<uint16_t>(at), 1, (value >> (8 * i)) & 0xff);
    }
  }
}

uint64_t Bus::ReadMmio(uint64_t address, int size) {
  const MmioRange* range = MmioAt(address);
  if (range != nullptr &&
      range->size - (address - range->base) >= static_cast<uint64_t>(size)) {
    return range->handler->ReadMmio(address - range->base, size) & MaskOf(size);
  }
  if (size == 1) return 0xff;
  uint64_t value = 0;
  for (int i = 0; i < size; ++i) {
    value |= ReadMmio(address + i, 1) << (8 * i);
  }
  return value;
}

void Bus::WriteMmio(uint64_t address, int size, uint64_t value) {
  const MmioRange* range = MmioAt(address);
  value &= MaskOf(size);
  if (range != nullptr &&
      range->size - (address - range->base) >= static_cast<uint64_t>(size)) {
    range->handler->WriteMmio(address - range->base, size, value);
    return;
  }
  if (size == 1) return;
  for (int i = 0; i < size; ++i) {
    WriteMmio(address + i, 1, (value >> (8 * i)) & 0xff);
  }
}

}  // namespace librr::pc
