// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A position-independent program with shared libraries, for debuggers: sorts
// numbers with the C library's qsort() and a function of a library of its own,
// and then waits.
//
//   sorted NAME     prints "NAME has sorted" with the smallest number
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { kNumbers = 500, kRounds = 20 };

int CompareNumbers(const void *a, const void *b);

uint64_t numbers[kNumbers];

__attribute__((noinline)) static void Fill(uint64_t seed) {
  for (int i = 0; i < kNumbers; ++i) {
    seed = seed * 0x5851f42d4c957f2d + 0x14057b7ef767814f;
    numbers[i] = seed >> 8;
  }
}

__attribute__((noinline)) static void Sort(uint64_t seed) {
  Fill(seed);
  qsort(numbers, kNumbers, sizeof(numbers[0]), CompareNumbers);
}

int main(int argc, char **argv) {
  for (int round = 0; round < kRounds; ++round) Sort((uint64_t)round);
  printf("%s has sorted; the smallest is %lu\n", argc > 1 ? argv[1] : "sorted",
         (unsigned long)numbers[0]);
  fflush(stdout);
  for (;;) pause();
}
