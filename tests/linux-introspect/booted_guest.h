// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A Debian guest that has been typed at, and stopped where its console said
// <end>: what it printed behind marks such as <maps>, and its Linux as it is
// then.
//
//   const auto booted = BootGuest({.typing = kTyping});
//   booted->console.Part("maps");
//   booted->guest->Maps(1);
#ifndef LIBRR_TESTS_LINUX_INTROSPECT_BOOTED_GUEST_H_
#define LIBRR_TESTS_LINUX_INTROSPECT_BOOTED_GUEST_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "librr/input_script.h"
#include "librr/linux_guest.h"
#include "librr/live_run.h"
#include "librr/machine_memory.h"
#include "librr/pc_machine.h"

namespace librr {

inline std::string ReadFileBytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

class MarkedConsole final : public OutputSink {
 public:
  void OnOutput(OutputKind, absl::Span<const uint8_t> bytes, Position,
                VirtualTime) override {
    text_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (run != nullptr && HasEnded()) run->RequestStop();
  }
  bool HasEnded() const { return text_.find("\n<end>\n") != std::string::npos; }
  // What the guest printed behind a mark, by lines.
  std::vector<std::string> Part(const std::string& mark) const {
    const size_t begin = text_.find("<" + mark + ">\n");
    if (begin == std::string::npos) return {};
    const size_t from = begin + mark.size() + 3;
    const size_t to = text_.find("\n<", from);
    return absl::StrSplit(text_.substr(from, to - from), '\n');
  }
  const std::string& text() const { return text_; }

  LiveRun* run = nullptr;

 private:
  std::string text_;
};

struct BootedGuest {
  std::unique_ptr<Machine> machine;
  MarkedConsole console;
  std::unique_ptr<MachineMemory> memory;
  std::unique_ptr<LinuxGuest> guest;
};

struct BootOptions {
  std::string kernel;  // a path
  std::string initrd;
  std::string append = "";
  std::string typing;  // an input script
};

// Null if it does not get there; the reason is a failure of the test.
inline std::unique_ptr<BootedGuest> BootGuest(const BootOptions& options) {
  PcConfig config;
  config.kernel = ReadFileBytes(options.kernel);
  config.initrd = ReadFileBytes(options.initrd);
  config.command_line = "console=ttyS0 " + options.append;
  auto machine = CreatePcMachine(config);
  EXPECT_TRUE(machine.ok()) << machine.status();
  auto typing = ParseInputScript("typing", options.typing);
  EXPECT_TRUE(typing.ok()) << typing.status();
  if (!machine.ok() || !typing.ok()) return nullptr;
  auto booted = std::make_unique<BootedGuest>();
  booted->machine = *std::move(machine);
  LiveRun run(booted->machine.get(), typing->get(), &booted->console, nullptr,
              {.seed = 1,
               .idle = IdlePolicy::kSkip,
               .max_position = Position(8'000'000'000)});
  booted->console.run = &run;
  const auto end = run.Run();
  booted->console.run = nullptr;
  EXPECT_TRUE(end.ok()) << end.status();
  EXPECT_TRUE(booted->console.HasEnded()) << booted->console.text();
  if (!booted->console.HasEnded()) return nullptr;
  booted->memory = std::make_unique<MachineMemory>(booted->machine.get());
  auto guest = LinuxGuest::Find(booted->memory.get());
  EXPECT_TRUE(guest.ok()) << guest.status();
  if (!guest.ok()) return nullptr;
  booted->guest = *std::move(guest);
  return booted;
}

}  // namespace librr

#endif  // LIBRR_TESTS_LINUX_INTROSPECT_BOOTED_GUEST_H_
