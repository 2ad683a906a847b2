// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Where a live machine's console input comes from.
//
// While a machine runs, `LiveRun` asks its source at every gate (between two
// runs) for bytes that the guest has room for. A source never waits: when the
// machine idles, the run waits on `WaitFd` instead, for as long as the source
// is live. What a source decides from guest time and console output need not
// be repeatable: the bytes are logged with their position and time.
//
//   std::unique_ptr<InputSource> keys = NewDescriptorSource(STDIN_FILENO);
//   LiveRun run(machine, keys.get(), &console, nullptr, options);
//
// A source belongs to the thread that runs the machine.
#ifndef LIBRR_INPUT_SOURCE_H_
#define LIBRR_INPUT_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/types/span.h"
#include "librr/units.h"

namespace librr {

class InputSource {
 public:
  virtual ~InputSource() = default;

  // At most `room` bytes for the guest, at guest time `now`. Called with 0 too,
  // so that the source can look at what has arrived.
  virtual std::string Poll(size_t room, VirtualTime now) = 0;

  // The guest wrote to its console.
  virtual void OnConsoleOutput(absl::Span<const uint8_t> /*bytes*/,
                               VirtualTime /*now*/) {}

  // Whether something outside may still bring bytes: a terminal, an open pipe.
  // An idle machine waits in real time for a live source.
  virtual bool live() const = 0;
  // Whether nothing will ever come any more.
  virtual bool exhausted() const = 0;
  // Whether there are bytes in hand, which only wait for room.
  virtual bool holds_input() const { return false; }
  // The guest time at which there will be something to type, if known.
  virtual std::optional<VirtualTime> NextDue() const { return std::nullopt; }
  // Becomes readable when something arrives; -1: there is nothing to wait for.
  virtual int WaitFd() const { return -1; }
  // The person asked, through the source, to stop the run.
  virtual bool stop_requested() const { return false; }
  // For people: what the source still waits for; empty if for nothing.
  virtual std::string Pending() const { return ""; }
};

// Types nothing.
class NoInput final : public InputSource {
 public:
  std::string Poll(size_t, VirtualTime) override { return ""; }
  bool live() const override { return false; }
  bool exhausted() const override { return true; }
};

struct DescriptorSourceOptions {
  // This byte is not passed on but stops the run; -1: none.
  int stop_byte = -1;
};

// Reads a terminal, a pipe or a file until its end. `fd` stays the caller's and
// must outlive the source; its flags are not changed. Bytes that the guest has
// no room for are kept, at most 64 KiB; beyond that they stay in the pipe.
std::unique_ptr<InputSource> NewDescriptorSource(
    int fd, DescriptorSourceOptions options = {});

}  // namespace librr

#endif  // LIBRR_INPUT_SOURCE_H_
