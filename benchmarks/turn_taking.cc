// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/turn_taking.h"

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace librr::benchmarks {
namespace {

// The first byte of a message from a measured process.
constexpr char kPass = 'p';     // nothing follows
constexpr char kFigures = 'f';  // ProcessFigures follow
constexpr char kError = 'e';    // text follows, up to the end

bool SendFully(int socket, const void* bytes, size_t size) {
  const char* next = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t sent = send(socket, next, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    next += sent;
    size -= static_cast<size_t>(sent);
  }
  return true;
}

// Whether all `size` bytes came.
bool ReceiveFully(int socket, void* bytes, size_t size) {
  char* next = static_cast<char*>(bytes);
  while (size > 0) {
    const ssize_t received = recv(socket, next, size, 0);
    if (received < 0 && errno == EINTR) continue;
    if (received <= 0) return false;
    next += received;
    size -= static_cast<size_t>(received);
  }
  return true;
}

std::string ReceiveToEnd(int socket) {
  std::string text;
  char byte = 0;
  while (ReceiveFully(socket, &byte, 1)) text.push_back(byte);
  return text;
}

struct Process {
  pid_t id = -1;
  int socket = -1;
  bool done = false;
};

[[noreturn]] void BeMeasured(const Job& job, int socket) {
  TurnTaker turns(socket);
  turns.Begin();
  const absl::StatusOr<ProcessFigures> figures = job(turns);
  if (figures.ok()) {
    SendFully(socket, &kFigures, 1);
    SendFully(socket, &*figures, sizeof(*figures));
  } else {
    const std::string text(figures.status().message());
    SendFully(socket, &kError, 1);
    SendFully(socket, text.data(), text.size());
  }
  // Buffers and exit handlers are the parent's.
  _exit(0);
}

absl::StatusOr<Process> Start(const Job& job) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return absl::ResourceExhaustedError("cannot create a pair of sockets");
  }
  Process process;
  process.socket = ends[0];
  process.id = fork();
  if (process.id == 0) {
    close(ends[0]);
    BeMeasured(job, ends[1]);
  }
  close(ends[1]);
  if (process.id < 0) {
    close(ends[0]);
    return absl::ResourceExhaustedError("cannot start another process");
  }
  return process;
}

// Gives the process one turn; `figures` are set with its last one.
absl::Status GiveTurn(Process& process, ProcessFigures& figures) {
  const char go = kPass;
  char kind = 0;
  if (!SendFully(process.socket, &go, 1) ||
      !ReceiveFully(process.socket, &kind, 1)) {
    return absl::InternalError("a measured process died");
  }
  if (kind == kPass) return absl::OkStatus();
  process.done = true;
  if (kind == kFigures &&
      ReceiveFully(process.socket, &figures, sizeof(figures))) {
    return absl::OkStatus();
  }
  if (kind == kError) {
    return absl::InternalError(ReceiveToEnd(process.socket));
  }
  return absl::InternalError("a measured process died");
}

}  // namespace

uint64_t ProcessCpuNs() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<uint64_t>(now.tv_nsec);
}

void TurnTaker::AwaitTurn() {
  char go = 0;
  // Whoever gave the turns is gone: so is the reason to measure.
  if (!ReceiveFully(socket_, &go, 1)) _exit(1);
  turn_began_ns_ = ProcessCpuNs();
}

void TurnTaker::MayPass() {
  if (ProcessCpuNs() - turn_began_ns_ < kTurnNs) return;
  SendFully(socket_, &kPass, 1);
  AwaitTurn();
}

absl::StatusOr<std::vector<ProcessFigures>> RunByTurns(
    const std::vector<Job>& jobs) {
  std::vector<ProcessFigures> figures(jobs.size());
  std::vector<Process> processes;
  absl::Status status;
  for (const Job& job : jobs) {
    absl::StatusOr<Process> process = Start(job);
    if (!process.ok()) {
      status = process.status();
      break;
    }
    processes.push_back(*process);
  }
  size_t left = processes.size();
  while (status.ok() && left > 0) {
    for (size_t i = 0; i < processes.size() && status.ok(); ++i) {
      if (processes[i].done) continue;
      status = GiveTurn(processes[i], figures[i]);
      if (processes[i].done) --left;
    }
  }
  // A process that still waits for a turn ends when its socket closes.
  for (const Process& process : processes) close(process.socket);
  for (const Process& process : processes) waitpid(process.id, nullptr, 0);
  if (!status.ok()) return status;
  return figures;
}

}  // namespace librr::benchmarks
