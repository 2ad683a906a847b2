// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The memory of a machine with as much of a Linux kernel as `Kernel::Find`
// needs: page tables, an image with a symbol table and types, and room for
// structs that a test makes and damages.
//
//   KernelMemory memory;
//   memory.Define("rb_root", {{"rb_node", 8}});
//   const uint64_t list = memory.AddVariable("modules");
//   memory.Finish();
//   const uint64_t tree = memory.Make("rb_root");
//   memory.Set(tree, "rb_root.rb_node", 0);
//   Kernel::Find(&memory);
#ifndef LIBRR_TESTS_LINUX_INTROSPECT_KERNEL_MEMORY_H_
#define LIBRR_TESTS_LINUX_INTROSPECT_KERNEL_MEMORY_H_

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "librr/memory_reader.h"
#include "tests/linux-introspect/btf_builder.h"
#include "tests/linux-introspect/kallsyms_builder.h"

namespace librr::linux_guest {

class KernelMemory final : public MemoryReader {
 public:
  // Where all memory is mapped, as the kernel maps it for itself.
  static constexpr uint64_t kDirectMap = 0xffff888000000000;

  struct Member {
    std::string name;
    uint32_t size;
    std::string aggregate = "";  // of one that has been defined
  };

  KernelMemory() : bytes_(kMemory, '\0') {
    // Tables of 512 entries; large pages of 2 MiB.
    constexpr uint64_t kPresent = 3, kLarge = 0x83;
    const auto entry = [&](uint64_t table, uint64_t index, uint64_t value) {
      PutPhysical(table + 8 * index, value, 8);
    };
    entry(kTop, 511, 0x2000 | kPresent);
    entry(0x2000, 510, 0x3000 | kPresent);
    const uint64_t text = (KallsymsBuilder::kText & 0x3fffffff) >> 21;
    entry(0x3000, text, kImage | kLarge);
    entry(0x3000, text + 1, kData | kLarge);
    entry(kTop, 273, 0x4000 | kPresent);
    entry(0x4000, 0, 0x5000 | kPresent);
    for (uint64_t i = 0; i < kMemory >> 21; ++i) {
      entry(0x5000, i, i << 21 | kLarge);
    }
    for (const uint32_t size : {1, 2, 4, 8}) Integer(size);
  }

  // Members are behind one another, as they come.
  void Define(const std::string& name, const std::vector<Member>& members) {
    uint32_t offset = 0;
    std::vector<BtfBuilder::Member> types;
    for (const Member& member : members) {
      const std::string path = name + "." + member.name;
      offsets_[path] = offset;
      sizes_[path] = member.size;
      if (member.aggregate.empty()) {
        types.push_back({member.name, Integer(member.size), offset * 8});
      } else {
        types.push_back({member.name, structs_[member.aggregate], offset * 8});
        const std::string prefix = member.aggregate + ".";
        const std::map<std::string, uint32_t> known = offsets_;
        for (const auto& [inner, at] : known) {
          if (!inner.starts_with(prefix)) continue;
          const std::string rest = path + "." + inner.substr(prefix.size());
          offsets_[rest] = offset + at;
          sizes_[rest] = sizes_[inner];
        }
      }
      offset += member.size;
    }
    structs_[name] = btf_.Struct(name, offset, types);
    sizes_[name] = offset;
  }
  uint32_t OffsetOf(const std::string& path) const { return offsets_.at(path); }
  uint32_t SizeOf(const std::string& name) const { return sizes_.at(name); }

  // Before Finish; 4 KiB each.
  uint64_t AddVariable(const std::string& name) {
    const uint64_t address = kVariables + 0x1000 * variables_.size();
    variables_.push_back({address, 'D', name});
    return address;
  }
  // Addresses ascend.
  void AddPerCpu(uint64_t address, const std::string& name) {
    per_cpu_.push_back({address, 'A', name});
  }

  void Finish() {
    const std::string types = btf_.Bytes();
    KallsymsBuilder builder({.name = "v6_1"});
    for (const BuiltSymbol& it : per_cpu_) {
      builder.Add(it.address, it.type, it.name);
    }
    builder.Add(KallsymsBuilder::kText, 'T', "_text");
    builder.Add(KallsymsBuilder::kText, 'T', "_stext");
    for (uint64_t i = 0; i < 40; ++i) {
      builder.Add(KallsymsBuilder::kText + 16 * (i + 1), 't',
                  "function" + std::to_string(i));
    }
    builder.Add(KallsymsBuilder::kBanner, 'D', "linux_banner");
    builder.Add(kTypes, 'R', "__start_BTF");
    builder.Add(kTypes + types.size(), 'R', "__stop_BTF");
    for (const BuiltSymbol& it : variables_) {
      builder.Add(it.address, it.type, it.name);
    }
    bytes_.replace(kImage, builder.ImageBytes().size(), builder.ImageBytes());
    bytes_.replace(kData, types.size(), types);
  }

  // In the direct map, filled with zero.
  uint64_t Allocate(uint64_t size) {
    const uint64_t at = heap_;
    heap_ += (size + 15) / 16 * 16;
    return kDirectMap + at;
  }
  uint64_t Make(const std::string& name) { return Allocate(SizeOf(name)); }
  uint64_t MakeText(const std::string& text) {
    const uint64_t at = Allocate(text.size() + 1);
    bytes_.replace(at - kDirectMap, text.size(), text);
    return at;
  }

  void Put(uint64_t address, uint64_t value, uint32_t size = 8) {
    PutPhysical(address >= KallsymsBuilder::kText
                    ? address - KallsymsBuilder::kText + kImage
                    : address - kDirectMap,
                value, size);
  }
  // "file.f_flags" of the file at `address`.
  void Set(uint64_t address, const std::string& path, uint64_t value) {
    Put(address + OffsetOf(path), value, std::min(SizeOf(path), 8u));
  }
  // A list of nodes, in order, from a head that is none of them.
  void Link(uint64_t head, const std::vector<uint64_t>& nodes) {
    uint64_t before = head;
    for (const uint64_t node : nodes) {
      Put(before, node);
      Put(node + 8, before);
      before = node;
    }
    Put(before, head);
    Put(head + 8, before);
  }

  // What has been allocated.
  std::string_view heap() const {
    return std::string_view(bytes_).substr(kHeap, heap_ - kHeap);
  }
  void set_heap(std::string_view bytes) {
    bytes_.replace(kHeap, bytes.size(), bytes);
  }

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
    return {{.table = GuestPhysical(kTop), .levels = 4}};
  }

 private:
  // Physical addresses, but for those of kernel memory that are named so.
  static constexpr uint64_t kMemory = 8 << 20;
  static constexpr uint64_t kTop = 0x1000;
  static constexpr uint64_t kImage = 2 << 20, kData = 4 << 20;
  static constexpr uint64_t kHeap = 6 << 20;
  static constexpr uint64_t kTypes = KallsymsBuilder::kText + (2 << 20);
  static constexpr uint64_t kVariables = kTypes + (1 << 20);

  uint32_t Integer(uint32_t size) {
    const auto [it, is_new] = integers_.try_emplace(size, 0);
    if (is_new) it->second = btf_.Int("int" + std::to_string(size), size);
    return it->second;
  }
  void PutPhysical(uint64_t physical, uint64_t value, uint32_t size) {
    for (uint32_t i = 0; i < size; ++i) {
      bytes_.at(physical + i) = static_cast<char>(value >> (8 * i));
    }
  }

  std::string bytes_;
  uint64_t heap_ = kHeap;
  BtfBuilder btf_;
  std::map<uint32_t, uint32_t> integers_;
  std::map<std::string, uint32_t> structs_, offsets_, sizes_;
  std::vector<BuiltSymbol> variables_, per_cpu_;
};

}  // namespace librr::linux_guest

#endif  // LIBRR_TESTS_LINUX_INTROSPECT_KERNEL_MEMORY_H_
