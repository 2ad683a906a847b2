// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A program with a memory corruption that is rare: a list of free jobs is
// updated by the program and, in between, by a timer's signal handler.
//
// When a signal comes between the two lines of `PutBack` and takes the first
// job off the list, the program puts that job on the list again. From then on
// both use it: the handler overwrites what the program keeps in it, and the
// program finds out only a while later, when it comes to that job's turn.
//
//   racy_list       runs until it has found a job corrupted; ends with 1
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

struct Job {
  struct Job *next;
  uint64_t value;
};

enum { kJobs = 64, kWaiting = 24, kTicksPerJob = 3, kMicroseconds = 400 };

static struct Job jobs[kJobs];
static struct Job *volatile free_jobs;

// --- the list ----------------------------------------------------------------

__attribute__((noinline)) static struct Job *Take(void) {
  struct Job *const job = free_jobs;
  if (job == NULL) abort();
  free_jobs = job->next;
  return job;
}

__attribute__((noinline)) static void PutBack(struct Job *job) {
  job->next = free_jobs;
  free_jobs = job;
}

// --- the signal handler ------------------------------------------------------

static struct Job *counter;  // the job in which the handler counts

static void OnTimer(int signal) {
  (void)signal;
  static uint64_t ticks;
  if (++ticks % kTicksPerJob == 0) {
    struct Job *const fresh = Take();
    PutBack(counter);
    counter = fresh;
  }
  counter->value = ticks;  // the corrupting write
}

// --- the program -------------------------------------------------------------

static uint64_t Work(uint64_t number) {
  uint64_t x = number * 0x9e3779b97f4a7c15 + 1;
  for (uint64_t i = 0; i < 40 + x % 101; ++i) x = x * 0x5851f42d4c957f2d + 1;
  return x;
}

__attribute__((noinline)) static void Fail(const struct Job *job,
                                           uint64_t expected) {
  printf("job %ld at %p is corrupted: %#lx instead of %#lx\n",
         (long)(job - jobs), (const void *)job, (unsigned long)job->value,
         (unsigned long)expected);
  exit(1);
}

int main(void) {
  for (int i = 0; i < kJobs; ++i) PutBack(&jobs[i]);
  counter = Take();

  struct sigaction action = {.sa_handler = OnTimer};
  sigaction(SIGALRM, &action, NULL);
  const struct itimerval every = {{0, kMicroseconds}, {0, kMicroseconds}};
  setitimer(ITIMER_REAL, &every, NULL);

  struct Job *waiting[kWaiting] = {NULL};
  for (uint64_t number = 0;; ++number) {
    struct Job **const turn = &waiting[number % kWaiting];
    if (*turn != NULL) {
      const uint64_t expected = Work(number - kWaiting);
      if ((*turn)->value != expected) Fail(*turn, expected);
      PutBack(*turn);
    }
    *turn = Take();
    (*turn)->value = Work(number);
  }
}
