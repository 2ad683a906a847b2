// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as BTF: parsed or refused, and every question has an answer.
#include <cstddef>
#include <cstdint>
#include <string>

#include "linux-introspect/btf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using librr::linux_guest::Btf;
  const absl::StatusOr<Btf> btf =
      Btf::Parse(std::string(reinterpret_cast<const char*>(data), size));
  if (!btf.ok()) return 0;
  for (Btf::Id id = 0; id <= btf->type_count(); ++id) {
    (void)btf->Size(id);
    (void)btf->name(id);
    (void)btf->FindMember(id, "a.b");
  }
  (void)btf->FindEnumerator("x");
  return 0;
}
