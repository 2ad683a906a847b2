// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Writes BTF (Linux, Documentation/bpf/btf.rst), independently of the reader.
//
//   BtfBuilder btf;
//   const uint32_t word = btf.Int("int", 4);
//   btf.Struct("point", 8, {{"x", word, 0}, {"y", word, 32}});
//   Btf::Parse(btf.Bytes());
#ifndef LIBRR_TESTS_LINUX_INTROSPECT_BTF_BUILDER_H_
#define LIBRR_TESTS_LINUX_INTROSPECT_BTF_BUILDER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace librr {

class BtfBuilder {
 public:
  struct Member {
    std::string name;
    uint32_t type;
    uint32_t bit_offset;
    uint32_t bits = 0;  // of a bit field
  };

  uint32_t Int(const std::string& name, uint32_t size) {
    Head(name, 1, 0, false, size);
    Word(size * 8);
    return ++count_;
  }
  uint32_t Pointer(uint32_t target) { return Reference("", 2, target); }
  uint32_t Const(uint32_t type) { return Reference("", 10, type); }
  uint32_t Typedef(const std::string& name, uint32_t type) {
    return Reference(name, 8, type);
  }
  uint32_t Array(uint32_t element, uint32_t index, uint32_t elements) {
    Head("", 3, 0, false, 0);
    Word(element);
    Word(index);
    Word(elements);
    return ++count_;
  }
  uint32_t Struct(const std::string& name, uint32_t size,
                  const std::vector<Member>& members) {
    return Aggregate(name, 4, size, members);
  }
  uint32_t Union(const std::string& name, uint32_t size,
                 const std::vector<Member>& members) {
    return Aggregate(name, 5, size, members);
  }
  uint32_t Enum(const std::string& name,
                const std::vector<std::pair<std::string, uint32_t>>& values) {
    Head(name, 6, static_cast<uint32_t>(values.size()), false, 4);
    for (const auto& [text, value] : values) {
      Word(String(text));
      Word(value);
    }
    return ++count_;
  }
  // For tests of what a reader refuses.
  void Raw(uint32_t word) { Word(word); }

  std::string Bytes() const {
    std::string out = {'\x9f', '\xeb', 1, 0};
    const auto put = [&out](size_t value) {
      for (int i = 0; i < 4; ++i)
        out.push_back(static_cast<char>(value >> (8 * i)));
    };
    put(24);
    put(0);
    put(types_.size());
    put(types_.size());
    put(strings_.size());
    return out + types_ + strings_;
  }

 private:
  void Word(uint32_t value) {
    for (int i = 0; i < 4; ++i)
      types_.push_back(static_cast<char>(value >> (8 * i)));
  }
  uint32_t String(const std::string& text) {
    if (text.empty()) return 0;
    const uint32_t at = static_cast<uint32_t>(strings_.size());
    strings_ += text + '\0';
    return at;
  }
  void Head(const std::string& name, uint32_t kind, uint32_t count, bool flag,
            uint32_t last) {
    Word(String(name));
    Word((flag ? 1u << 31 : 0) | kind << 24 | count);
    Word(last);
  }
  uint32_t Reference(const std::string& name, uint32_t kind, uint32_t type) {
    Head(name, kind, 0, false, type);
    return ++count_;
  }
  uint32_t Aggregate(const std::string& name, uint32_t kind, uint32_t size,
                     const std::vector<Member>& members) {
    bool flag = false;
    for (const Member& member : members) flag = flag || member.bits != 0;
    Head(name, kind, static_cast<uint32_t>(members.size()), flag, size);
    for (const Member& member : members) {
      Word(String(member.name));
      Word(member.type);
      Word(member.bits << 24 | member.bit_offset);
    }
    return ++count_;
  }

  std::string types_, strings_ = std::string(1, '\0');
  uint32_t count_ = 0;
};

}  // namespace librr

#endif  // LIBRR_TESTS_LINUX_INTROSPECT_BTF_BUILDER_H_
