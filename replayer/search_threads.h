// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Threads that wait for work, made before they are needed: a process that has
// given up the right to make threads can still use them.
//
//   SearchThreads threads(3);
//   threads.Start(2, [&](size_t i) { ... });  // i is 0 and 1
//   ... something else meanwhile ...
//   threads.Wait();
//
// Belongs to one thread. The destructor waits for the work.
#ifndef LIBRR_REPLAYER_SEARCH_THREADS_H_
#define LIBRR_REPLAYER_SEARCH_THREADS_H_

#include <pthread.h>

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace librr {

class SearchThreads {
 public:
  // There are fewer if the host refuses more.
  explicit SearchThreads(size_t count);
  ~SearchThreads();
  SearchThreads(const SearchThreads&) = delete;
  SearchThreads& operator=(const SearchThreads&) = delete;

  size_t count() const { return threads_.size(); }

  // Calls `work` with 0 to `count` - 1, each in a thread; at most count() of
  // them. Wait must be called before the next Start.
  void Start(size_t count, std::function<void(size_t)> work);
  void Wait();

 private:
  struct Thread {
    SearchThreads* owner;
    size_t index;
    pthread_t handle;
  };

  static void* Main(void* thread);
  void Serve(size_t index);

  std::mutex mutex_;
  // Guarded by `mutex_`:
  std::function<void(size_t)> work_;
  // Threads below `wanted_` have work in round `round_`.
  size_t wanted_ = 0;
  size_t round_ = 0;
  size_t busy_ = 0;
  bool ending_ = false;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace librr

#endif  // LIBRR_REPLAYER_SEARCH_THREADS_H_
