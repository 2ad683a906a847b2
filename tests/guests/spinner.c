// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// spinner TEXT: a task of each policy of the scheduler, all of which want the
// CPU: two fair ones (nice 0 and 5), a real-time one (priority 10), and a
// deadline one, which prints TEXT when the others have begun.
#define _GNU_SOURCE
#include <err.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

// struct sched_attr, of which this C library has none.
struct Attributes {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
};

static void Must(int result, const char* what) {
  if (result < 0) err(1, "%s", what);
}

static void Name(const char* name) { Must(prctl(PR_SET_NAME, name), "prctl"); }

static void Spin(void) {
  while (1) __asm__ volatile("");
}

int main(int argc, char** argv) {
  if (argc != 2) errx(2, "usage: spinner TEXT");
  struct Attributes deadline = {.size = sizeof(deadline),
                                .policy = 6,  // SCHED_DEADLINE
                                .flags = 1,   // SCHED_FLAG_RESET_ON_FORK
                                .runtime = 50000000,
                                .deadline = 100000000,
                                .period = 100000000};
  Must((int)syscall(SYS_sched_setattr, 0, &deadline, 0), "sched_setattr");
  Name("spin-deadline");
  if (fork() == 0) {
    Name("spin-nice0");
    Spin();
  }
  if (fork() == 0) {
    Name("spin-nice5");
    Must(setpriority(PRIO_PROCESS, 0, 5), "setpriority");
    Spin();
  }
  // Once it runs they do not.
  usleep(100000);
  if (fork() == 0) {
    Name("spin-fifo");
    const struct sched_param first = {.sched_priority = 10};
    Must(sched_setscheduler(0, SCHED_FIFO, &first), "sched_setscheduler");
    Spin();
  }
  usleep(100000);
  puts(argv[1]);
  fflush(stdout);
  Spin();
}
