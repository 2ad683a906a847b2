// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A target with a stub that serves it on a thread of its own.
//
//   ServedTarget served(&target);
//   system(("gdb -ex 'target remote " + served.address() + "'").c_str());
#ifndef LIBRR_TESTS_DEBUGSTUB_SERVED_TARGET_H_
#define LIBRR_TESTS_DEBUGSTUB_SERVED_TARGET_H_

#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "librr-core/base/check.h"
#include "librr/debug_stub.h"

namespace librr {

class ServedTarget {
 public:
  explicit ServedTarget(DebugTarget* target,
                        DebugStubOptions options = {.address = "0"}) {
    options.log = [this](const std::string& line) {
      const std::lock_guard lock(mutex_);
      log_.push_back(line);
    };
    auto stub = DebugStub::Listen(target, options);
    LIBRR_CHECK(stub.ok());
    stub_ = *std::move(stub);
    thread_ = std::thread([this] { LIBRR_CHECK(stub_->Serve().ok()); });
  }
  ~ServedTarget() {
    stub_->Stop();
    thread_.join();
  }

  const std::string& address(
      DebugArchitecture architecture = DebugArchitecture::kAmd64) const {
    return stub_->address(architecture);
  }
  std::vector<std::string> log() {
    const std::lock_guard lock(mutex_);
    return log_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> log_;
  std::unique_ptr<DebugStub> stub_;
  std::thread thread_;
};

}  // namespace librr

#endif  // LIBRR_TESTS_DEBUGSTUB_SERVED_TARGET_H_
