// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Compiled and run in the guest: integers, SSE, x87 and libm, printed in
// hexadecimal floating point.
#include <complex.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 88172645463325252u;

static uint64_t Next(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static int Compare(const void* a, const void* b) {
  const uint64_t x = *(const uint64_t*)a;
  const uint64_t y = *(const uint64_t*)b;
  return (x > y) - (x < y);
}

static double SolveLinear(int n) {
  double* m = malloc(sizeof(double) * n * (n + 1));
  for (int i = 0; i < n * (n + 1); ++i) m[i] = (double)(Next() >> 40) / 1e5;
  for (int k = 0; k < n; ++k) {
    for (int i = k + 1; i < n; ++i) {
      const double f = m[i * (n + 1) + k] / m[k * (n + 1) + k];
      for (int j = k; j <= n; ++j) m[i * (n + 1) + j] -= f * m[k * (n + 1) + j];
    }
  }
  const double last = m[n * (n + 1) - 1] / m[n * (n + 1) - 2];
  free(m);
  return last;
}

int main(void) {
  uint64_t hash = 0;
  for (int i = 1; i < 200000; ++i) {
    const uint64_t a = Next();
    const uint64_t b = (Next() >> (i % 60)) | 1;
    hash ^= a / b + (a % b) * 31 + __builtin_popcountll(a) +
            (uint64_t)((unsigned __int128)a * b >> 64);
    hash = hash << 7 | hash >> 57;
  }
  printf("integers %016llx\n", (unsigned long long)hash);

  double d = 0.25;
  float f = 0.5f;
  long double l = 1;
  for (int i = 1; i < 20000; ++i) {
    d = sin(d * i) + sqrt(fabs(d)) / i + pow(i, 0.3) * 1e-3;
    f = sinf(f * 3.1f) + sqrtf((float)i) * 1e-3f;
    l = sinl(l) + expl(-l) + logl(1 + l * l) / i + atanl(l) * tanl(l / 7);
  }
  printf("double %a float %a long double %La\n", d, f, l);
  const double complex z = cexp(I * d) * csqrt(-2 + f * I);
  printf("complex %a %a\n", creal(z), cimag(z));
  printf("rounding %ld %ld %a %a\n", lrint(2.5), lround(2.5), rint(-0.5),
         nearbyint(1e15 + 0.5));
  printf("subnormal %a %a\n", 0x1p-1040 * 0x1.8p-20, 0x1p-1074 / 2);
  printf("scale %a %a %La\n", ldexp(d, -1060), fmod(1e300, d + 3),
         remainderl(l * 1e30L, 0.7L));
  printf("matrix %a\n", SolveLinear(60));

  enum { kCount = 50000 };
  static uint64_t values[kCount];
  for (int i = 0; i < kCount; ++i) values[i] = Next();
  qsort(values, kCount, sizeof(values[0]), Compare);
  hash = 0;
  for (int i = 0; i < kCount; ++i) hash = hash * 31 + values[i];
  printf("sorted %016llx\n", (unsigned long long)hash);
  char text[256];
  snprintf(text, sizeof(text), "%.30g|%-12s|%+08d|%#llo", d, "left", 42,
           (unsigned long long)state);
  printf("text %s %zu %s\n", text, strlen(text), strstr(text, "left"));
  printf("parsed %a %a\n", strtod("1.7976931348623157e308", NULL),
         strtod("2.4703282292062327208e-324", NULL));
  return 0;
}
