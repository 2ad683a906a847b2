// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "replayer/search_threads.h"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "librr-core/base/check.h"

namespace librr {

SearchThreads::SearchThreads(size_t count) {
  // Signals are the business of the program's own threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (size_t i = 0; i < count; ++i) {
    auto thread = std::make_unique<Thread>(Thread{this, i, {}});
    if (pthread_create(&thread->handle, nullptr, &Main, thread.get()) != 0)
      break;
    threads_.push_back(std::move(thread));
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

SearchThreads::~SearchThreads() {
  {
    std::unique_lock lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  for (const auto& thread : threads_) pthread_join(thread->handle, nullptr);
}

void SearchThreads::Start(size_t count, std::function<void(size_t)> work) {
  LIBRR_CHECK(count <= threads_.size());
  std::unique_lock lock(mutex_);
  LIBRR_CHECK(busy_ == 0);
  work_ = std::move(work);
  wanted_ = count;
  busy_ = count;
  ++round_;
  changed_.notify_all();
}

void SearchThreads::Wait() {
  std::unique_lock lock(mutex_);
  while (busy_ > 0) changed_.wait(lock);
  work_ = nullptr;
}

void* SearchThreads::Main(void* thread) {
  const auto* self = static_cast<const Thread*>(thread);
  self->owner->Serve(self->index);
  return nullptr;
}

void SearchThreads::Serve(size_t index) {
  size_t served = 0;
  std::unique_lock lock(mutex_);
  while (true) {
    while (!ending_ && (round_ == served || index >= wanted_ || busy_ == 0))
      changed_.wait(lock);
    if (ending_) return;
    served = round_;
    const std::function<void(size_t)> work = work_;
    lock.unlock();
    work(index);
    lock.lock();
    --busy_;
    changed_.notify_all();
  }
}

}  // namespace librr
