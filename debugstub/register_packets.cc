// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "debugstub/hex.h"
#include "debugstub/packet_handlers.h"

namespace librr {
namespace {

Reply Refused(const std::string& what, const absl::Status& status) {
  const std::string message =
      absl::StrCat(what, " not written: ", status.message());
  return Reply::ShownError(message);
}

}  // namespace

Reply HandleReadRegisters(StubSession& session, NoArguments) {
  std::string text;
  for (const DescribedRegister& described : session.description().registers) {
    text += RegisterText(described, session.registers());
  }
  return Reply::Text(std::move(text));
}

Reply HandleReadRegister(StubSession& session, size_t number) {
  const auto& registers = session.description().registers;
  if (number >= registers.size()) {
    return Reply::Error(ErrorCode::kArguments,
                        absl::StrCat("there is no register ", number));
  }
  return Reply::Text(RegisterText(registers[number], session.registers()));
}

Reply HandleWriteRegister(StubSession& session, const RegisterWrite& write) {
  const auto& registers = session.description().registers;
  if (write.number >= registers.size()) {
    return Reply::Error(ErrorCode::kArguments,
                        absl::StrCat("there is no register ", write.number));
  }
  const DescribedRegister& described = registers[write.number];
  const absl::Status status = session.target().WriteRegister(
      session.vcpu(), {described.source, write.bytes});
  session.ForgetState();
  if (status.ok()) return Reply::Ok();
  return Refused(described.name + " was", status);
}

Reply HandleWriteRegisters(StubSession& session,
                           const std::vector<uint8_t>& bytes) {
  size_t offset = 0;
  for (const DescribedRegister& described : session.description().registers) {
    if (bytes.size() - offset < described.bytes) break;
    const auto begin = bytes.begin() + static_cast<ptrdiff_t>(offset);
    offset += described.bytes;
    if (described.source.empty()) continue;
    const absl::Status status = session.target().WriteRegister(
        session.vcpu(),
        {described.source,
         {begin, begin + static_cast<ptrdiff_t>(described.bytes)}});
    if (!status.ok()) {
      session.ForgetState();
      return Refused("registers were", status);
    }
  }
  session.ForgetState();
  return Reply::Ok();
}

}  // namespace librr
