// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Work for a Linux guest to do. Prints what it did, which is the same wherever
// it runs.
//
//   workload sha256 MIB     hashes MIB mebibytes of a fixed pattern (FIPS
//   180-4) workload exec N         starts N processes, one after the other
//   workload fork N         the same without exec
//   workload copy MIB       copies MIB mebibytes to and fro in blocks
//   workload float N        sums a series of N terms in double precision
//   workload spin N         goes N times round a loop of one line
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint32_t kRound[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t RotateRight(uint32_t x, int n) {
  return (x >> n) | (x << (32 - n));
}

static void HashBlock(uint32_t state[8], const uint8_t *block) {
  uint32_t w[64];
  for (int i = 0; i < 16; ++i) {
    w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
           (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
  }
  for (int i = 16; i < 64; ++i) {
    const uint32_t s0 = RotateRight(w[i - 15], 7) ^ RotateRight(w[i - 15], 18) ^
                        (w[i - 15] >> 3);
    const uint32_t s1 = RotateRight(w[i - 2], 17) ^ RotateRight(w[i - 2], 19) ^
                        (w[i - 2] >> 10);
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  uint32_t v[8];
  memcpy(v, state, sizeof v);
  for (int i = 0; i < 64; ++i) {
    const uint32_t s1 =
        RotateRight(v[4], 6) ^ RotateRight(v[4], 11) ^ RotateRight(v[4], 25);
    const uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
    const uint32_t t1 = v[7] + s1 + choice + kRound[i] + w[i];
    const uint32_t s0 =
        RotateRight(v[0], 2) ^ RotateRight(v[0], 13) ^ RotateRight(v[0], 22);
    const uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
    memmove(v + 1, v, 7 * sizeof v[0]);
    v[4] += t1;
    v[0] = t1 + s0 + majority;
  }
  for (int i = 0; i < 8; ++i) state[i] += v[i];
}

static void Sha256(long mib) {
  static uint8_t chunk[1 << 20];
  uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  for (size_t i = 0; i < sizeof chunk; ++i)
    chunk[i] = (uint8_t)(i * 7 + i / 251);
  for (long i = 0; i < mib; ++i) {
    for (size_t at = 0; at < sizeof chunk; at += 64)
      HashBlock(state, chunk + at);
  }
  uint8_t last[64] = {0x80};
  const uint64_t bits = (uint64_t)mib << 23;
  for (int i = 0; i < 8; ++i) last[56 + i] = (uint8_t)(bits >> (56 - 8 * i));
  HashBlock(state, last);
  printf("sha256 of %ld MiB: ", mib);
  for (int i = 0; i < 8; ++i) printf("%08x", state[i]);
  printf("\n");
}

static void StartProcesses(const char *self, long count, int with_exec) {
  long sum = 0;
  for (long i = 0; i < count; ++i) {
    char code[16];
    snprintf(code, sizeof code, "%ld", i % 100);
    const pid_t child = fork();
    if (child == 0) {
      if (with_exec) {
        execl(self, self, "exit", code, (char *)NULL);
        _exit(127);
      }
      _exit((int)(i % 100));
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
      perror("workload");
      exit(1);
    }
    sum += WEXITSTATUS(status);
  }
  printf("%s of %ld processes: exit codes add up to %ld\n",
         with_exec ? "fork and exec" : "fork", count, sum);
}

static void Copy(long mib) {
  enum { kSize = 1 << 20 };
  char *from = malloc(kSize);
  char *to = malloc(kSize);
  if (from == NULL || to == NULL) {
    perror("workload");
    exit(1);
  }
  memset(from, 0x5a, kSize);
  uint32_t sum = 0;
  for (long i = 0; i < mib; ++i) {
    from[i % kSize] = (char)i;
    memcpy(to, from, kSize);
    memmove(from + 1, to, kSize - 1);
    sum = sum * 31 + (uint8_t)from[(i * 4099) % kSize];
  }
  printf("copy of %ld MiB: %08x\n", mib, (unsigned)sum);
  free(from);
  free(to);
}

static void Float(long terms) {
  double sum = 0;
  for (long i = 0; i < terms; ++i) {
    const double sign = i % 2 == 0 ? 1.0 : -1.0;
    sum += sign / (2.0 * (double)i + 1.0);
  }
  printf("series of %ld terms: %.17g\n", terms, 4 * sum);
}

// Debuggers go over the loop in one step; they know it by its two lines.
static __attribute__((noinline)) void Spin(long rounds) {
  volatile uint64_t x = 1;
  for (long i = 0; i < rounds; ++i) x = x * 3 + 1;  // at: loop
  const uint64_t last = x;                          // at: spun
  printf("spin of %ld rounds: %016llx\n", rounds, (unsigned long long)last);
}

int main(int argc, char **argv) {
  const char *what = argc == 3 ? argv[1] : "";
  const long count = argc == 3 ? atol(argv[2]) : 0;
  if (strcmp(what, "sha256") == 0) {
    Sha256(count);
  } else if (strcmp(what, "exec") == 0) {
    StartProcesses("/proc/self/exe", count, 1);
  } else if (strcmp(what, "fork") == 0) {
    StartProcesses("/proc/self/exe", count, 0);
  } else if (strcmp(what, "copy") == 0) {
    Copy(count);
  } else if (strcmp(what, "float") == 0) {
    Float(count);
  } else if (strcmp(what, "spin") == 0) {
    Spin(count);
  } else if (strcmp(what, "exit") == 0) {
    return (int)count;
  } else {
    fprintf(stderr, "use: workload sha256|exec|fork|copy|float|spin NUMBER\n");
    return 2;
  }
  return 0;
}
