// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The shared library of sorted.c: the C library calls back into it.
#include <stdint.h>

uint64_t comparisons;

int CompareNumbers(const void *a, const void *b) {
  const uint64_t left = *(const uint64_t *)a;
  const uint64_t right = *(const uint64_t *)b;
  ++comparisons;
  return (left > right) - (left < right);
}
