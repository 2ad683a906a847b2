// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tools/sandbox.h"

#include <asm/ioctls.h>
#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

#ifdef __has_feature
#define LIBRR_HAS_FEATURE(name) __has_feature(name)
#else
#define LIBRR_HAS_FEATURE(name) 0
#endif

namespace librr::tools {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    LIBRR_HAS_FEATURE(address_sanitizer) ||                          \
    LIBRR_HAS_FEATURE(thread_sanitizer)
constexpr bool kHasSandbox = false;
#else
constexpr bool kHasSandbox = true;
#endif

constexpr int kAllowed[] = {
    // What is open.
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev),
    SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(lseek), SCMP_SYS(fstat),
    SCMP_SYS(ftruncate), SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(close),
    SCMP_SYS(fcntl), SCMP_SYS(flock), SCMP_SYS(eventfd2),
    // Waiting, and time.
    SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(nanosleep),
    SCMP_SYS(clock_nanosleep), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
    SCMP_SYS(time), SCMP_SYS(restart_syscall), SCMP_SYS(sched_yield),
    SCMP_SYS(futex),
    // Memory; mmap and mprotect have rules of their own.
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
    SCMP_SYS(getrandom),
    // Signals to itself (abort), and what a handler needs.
    SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction),
    SCMP_SYS(getpid), SCMP_SYS(gettid),
    // How a thread that was made before begins.
    SCMP_SYS(rseq), SCMP_SYS(set_robust_list),
    // The end.
    SCMP_SYS(exit), SCMP_SYS(exit_group)};

// What a terminal is asked to do: its mode and its size.
constexpr unsigned long kAllowedIoctls[] = {TCGETS, TCSETS, TCSETSW, TCSETSF,
                                            TIOCGWINSZ};

class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_ERRNO(EPERM))) {}
  ~Filter() {
    if (context_ != nullptr) seccomp_release(context_);
  }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  // 0, or a negative errno.
  int Load() {
    if (context_ == nullptr) return -ENOMEM;
    // abort() signals this process; others must not be signalled.
    const auto self = static_cast<scmp_datum_t>(getpid());
    int error = 0;
    const auto keep = [&](int result) {
      if (error == 0) error = result;
    };
    for (const int call : kAllowed) {
      keep(seccomp_rule_add(context_, SCMP_ACT_ALLOW, call, 0));
    }
    for (const unsigned long request : kAllowedIoctls) {
      keep(seccomp_rule_add(context_, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                            SCMP_A1(SCMP_CMP_EQ, request, 0)));
    }
    for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)}) {
      keep(seccomp_rule_add(context_, SCMP_ACT_ALLOW, call, 1,
                            SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)));
    }
    // How the C library asks about an open file.
    keep(seccomp_rule_add(context_, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
                          SCMP_A3(SCMP_CMP_EQ, AT_EMPTY_PATH, 0)));
    keep(seccomp_rule_add(context_, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                          SCMP_A0(SCMP_CMP_EQ, self, 0)));
    if (error == 0) {
      error = seccomp_attr_set(context_, SCMP_FLTATR_CTL_TSYNC, 1);
    }
    return error != 0 ? error : seccomp_load(context_);
  }

 private:
  scmp_filter_ctx context_;
};

}  // namespace

bool HasSandbox() { return kHasSandbox; }

absl::Status EnterSandbox() {
  if (!kHasSandbox) return absl::OkStatus();
  const int error = Filter().Load();
  if (error == 0) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(
      "the host refused the sandbox (seccomp): ", std::strerror(-error),
      "; --no-sandbox goes on without it"));
}

}  // namespace librr::tools
