// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Writes kernel images with symbol tables of every form that kernels have had,
// for tests: from the description of the formats, not with the reader's code.
//
//   KallsymsBuilder builder(KnownFormats()[0]);
//   builder.Add(0xffffffff81000000, 'T', "_text");
//   KernelImage image = builder.Build();
#ifndef LIBRR_TESTS_LINUX_INTROSPECT_KALLSYMS_BUILDER_H_
#define LIBRR_TESTS_LINUX_INTROSPECT_KALLSYMS_BUILDER_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "linux-introspect/kernel_image.h"

namespace librr::linux_guest {

struct KallsymsFormat {
  std::string name;  // for people
  // Where the addresses are: in front of the count, or behind the tokens.
  bool addresses_in_front = true;
  enum class Addresses { kWhole, kOffsets, kOffsetsOrPerCpu, kPlaceRelative };
  Addresses addresses = Addresses::kOffsetsOrPerCpu;
  int marker_bytes = 4;
  bool sequence_behind_markers = false;
  bool sequence_at_end = false;
  bool long_names = true;
  int alignment = 8;
};

// As kernels of these versions have them.
inline std::vector<KallsymsFormat> KnownFormats() {
  using A = KallsymsFormat::Addresses;
  return {
      {.name = "v4_4",
       .addresses = A::kWhole,
       .marker_bytes = 8,
       .long_names = false},
      {.name = "v4_6", .marker_bytes = 8, .long_names = false},
      {.name = "v4_6_uniprocessor",
       .addresses = A::kOffsets,
       .marker_bytes = 8,
       .long_names = false},
      {.name = "v5_0", .long_names = false},
      {.name = "v6_1"},
      {.name = "v6_2", .sequence_behind_markers = true},
      {.name = "v6_4", .addresses_in_front = false, .sequence_at_end = true},
      {.name = "v6_4_whole",
       .addresses_in_front = false,
       .addresses = A::kWhole,
       .sequence_at_end = true},
      {.name = "v6_15",
       .addresses_in_front = false,
       .addresses = A::kOffsets,
       .sequence_at_end = true},
      {.name = "place_relative",
       .addresses_in_front = false,
       .addresses = A::kPlaceRelative,
       .sequence_at_end = true,
       .alignment = 4},
  };
}

struct BuiltSymbol {
  uint64_t address = 0;
  char type = 'T';
  std::string name;
  bool operator==(const BuiltSymbol&) const = default;
};

class KallsymsBuilder {
 public:
  static constexpr uint64_t kText = 0xffffffff9a200000;
  static constexpr uint64_t kBanner = kText + 0x3000;
  static constexpr uint64_t kTables = 0x4000;  // from the image's begin

  explicit KallsymsBuilder(KallsymsFormat format)
      : format_(std::move(format)) {}

  void Add(uint64_t address, char type, const std::string& name) {
    symbols_.push_back({address, type, name});
  }
  // What the proof needs, and some hundred more. Per-CPU symbols where the
  // format can have them.
  void AddKernel(int functions = 700) {
    using A = KallsymsFormat::Addresses;
    if (format_.addresses == A::kOffsetsOrPerCpu ||
        format_.addresses == A::kWhole) {
      Add(0, 'A', "fixed_percpu_data");
      Add(0x1f440, 'A', "this_cpu_off");
    }
    Add(kText, 'T', "_text");
    Add(kText, 'T', "_stext");
    for (int i = 0; i < functions; ++i) {
      const std::string prefix = i % 3 == 0   ? "__x64_sys_call"
                                 : i % 3 == 1 ? "init_device_"
                                              : "do_";
      Add(kText + 16 + uint64_t{16} * i, i % 5 == 0 ? 'T' : 't',
          prefix + std::to_string(i * 7919));
    }
    if (format_.long_names) {
      Add(kText + 0x2fe0, 't', "rust_" + std::string(300, 'q') + "_end");
    }
    Add(kBanner, 'D', "linux_banner");
  }

  const std::vector<BuiltSymbol>& symbols() const { return symbols_; }
  void set_banner(const std::string& banner) { banner_ = banner; }

  // The tables alone, as they are at `kText + kTables`.
  std::string Tables() {
    MakeTokens();
    std::string out;
    if (format_.addresses_in_front) PutAddresses(out);
    Align(out);
    Put(out, symbols_.size(), 4);
    Align(out);
    PutNames(out);
    Align(out);
    for (const uint64_t marker : markers_) {
      Put(out, marker, format_.marker_bytes);
    }
    Align(out);
    if (format_.sequence_behind_markers) PutSequence(out);
    Align(out);
    std::vector<uint64_t> places;
    uint64_t place = 0;
    for (const std::string& token : tokens_) {
      places.push_back(place);
      out += token + std::string(1, '\0');
      place += token.size() + 1;
    }
    Align(out);
    for (const uint64_t token_place : places) Put(out, token_place, 2);
    Align(out);
    if (!format_.addresses_in_front) PutAddresses(out);
    Align(out);
    if (format_.sequence_at_end) PutSequence(out);
    return out;
  }

  std::string ImageBytes() {
    std::string bytes(kBanner - kText, '\xcc');
    bytes += banner_;
    bytes.resize(kTables);
    bytes += Tables();
    bytes.resize((bytes.size() + 4095) / 4096 * 4096);
    return bytes;
  }

  KernelImage Build() {
    return KernelImage({{kText, ImageBytes()}}, 0x1000000);
  }

 private:
  static void Put(std::string& out, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) {
      out.push_back(static_cast<char>(value >> (8 * i)));
    }
  }
  void Align(std::string& out) const {
    while (out.size() % format_.alignment != 0) out.push_back('\0');
  }

  // Every character for itself, and some that stand for more.
  void MakeTokens() {
    tokens_.fill("");
    for (int c = 0x21; c < 0x7f; ++c)
      tokens_[c] = std::string(1, static_cast<char>(c));
    tokens_[0x01] = "__x64_sys_";
    tokens_[0x02] = "init_";
    tokens_[0x80] = "tdo_";
    tokens_[0xff] = "device";
  }

  std::string Codes(const BuiltSymbol& symbol) const {
    std::string rest = symbol.type + symbol.name;
    std::string codes;
    while (!rest.empty()) {
      int best = static_cast<unsigned char>(rest[0]);
      for (const int code : {0x01, 0x02, 0x80, 0xff}) {
        if (rest.rfind(tokens_[code], 0) == 0) best = code;
      }
      codes.push_back(static_cast<char>(best));
      rest.erase(0, tokens_[best].size());
    }
    return codes;
  }

  void PutNames(std::string& out) {
    markers_.clear();
    const size_t begin = out.size();
    for (size_t i = 0; i < symbols_.size(); ++i) {
      if (i % 256 == 0) markers_.push_back(out.size() - begin);
      const std::string codes = Codes(symbols_[i]);
      if (codes.size() < 128 || !format_.long_names) {
        Put(out, codes.size(), 1);
      } else {
        Put(out, (codes.size() & 0x7f) | 0x80, 1);
        Put(out, codes.size() >> 7, 1);
      }
      out += codes;
    }
  }

  void PutAddresses(std::string& out) const {
    using A = KallsymsFormat::Addresses;
    uint64_t base = kText;
    if (format_.addresses == A::kOffsets) base = symbols_.front().address;
    for (const BuiltSymbol& symbol : symbols_) {
      const uint64_t address = symbol.address;
      switch (format_.addresses) {
        case A::kWhole:
          Put(out, address, 8);
          break;
        case A::kOffsets:
          Put(out, address - base, 4);
          break;
        case A::kOffsetsOrPerCpu:
          Put(out, address < kText ? address : base - 1 - address, 4);
          break;
        case A::kPlaceRelative:
          Put(out, address - (kText + kTables + out.size()), 4);
          break;
      }
    }
    Align(out);
    if (format_.addresses == A::kOffsets ||
        format_.addresses == A::kOffsetsOrPerCpu) {
      Put(out, base, 8);
    }
  }

  void PutSequence(std::string& out) const {
    for (size_t i = 0; i < symbols_.size(); ++i) Put(out, i, 3);
  }

  KallsymsFormat format_;
  std::string banner_ = "Linux version 6.1.0-test (a@b) (gcc) #1 SMP 2026\n";
  std::vector<BuiltSymbol> symbols_;
  std::array<std::string, 256> tokens_;
  std::vector<uint64_t> markers_;
};

}  // namespace librr::linux_guest

#endif  // LIBRR_TESTS_LINUX_INTROSPECT_KALLSYMS_BUILDER_H_
