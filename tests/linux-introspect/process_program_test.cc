// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/process_program.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/linux-introspect/program_image.h"

namespace librr::linux_guest {
namespace {

constexpr uint64_t kSecondMap = ProgramImage::kFirstMap + 64;
constexpr uint64_t kNext = 24, kName = 8;

absl::StatusOr<LinuxSharedObjects> Read(const ProgramImage& image) {
  return ReadSharedObjects(image.space(), image.auxv());
}

TEST(ProcessProgram, ListsSharedObjectsByPathsThatLeadNowhereElse) {
  const auto shared = Read(ProgramImage());
  ASSERT_TRUE(shared.ok()) << shared.status();
  EXPECT_EQ(shared->debug_data, GuestVirtual(ProgramImage::kDebug));
  EXPECT_EQ(shared->program_link_map, GuestVirtual(ProgramImage::kFirstMap));
  ASSERT_EQ(shared->objects.size(), 2u) << "neither the program nor the vDSO";
  EXPECT_EQ(shared->objects[0].path, "/lib/libown.so");
  EXPECT_EQ(shared->objects[0].displacement, 0x20000u);
  EXPECT_EQ(shared->objects[0].dynamic, GuestVirtual(0x40000));
  EXPECT_EQ(shared->objects[1].path, "/etc/passwd");
}

TEST(ProcessProgram, HasNoObjectsBeforeTheLinkerHasBegun) {
  ProgramImage image;
  image.SetWord(ProgramImage::kDynamic + 8, 0);
  const auto shared = Read(image);
  ASSERT_TRUE(shared.ok()) << shared.status();
  EXPECT_EQ(shared->debug_data, GuestVirtual(0));
  EXPECT_TRUE(shared->objects.empty());
  // As the program of a static one.
  image.SetWord(ProgramImage::kDynamic, DT_NULL);
  EXPECT_TRUE(Read(image).ok());
}

TEST(ProcessProgram, CyclesEnd) {
  ProgramImage image;
  image.SetWord(kSecondMap + kNext, ProgramImage::kFirstMap);
  EXPECT_TRUE(absl::IsDataLoss(Read(image).status()));
}

TEST(ProcessProgram, WildPointersAreErrors) {
  for (const uint64_t wild :
       {uint64_t{0x7fff00000000}, uint64_t{0xffff888000000000},
        ProgramImage::kPages * 4096 - 4}) {
    ProgramImage map, name, debug, dynamic;
    map.SetWord(kSecondMap + kNext, wild);
    name.SetWord(kSecondMap + kName, wild);
    debug.SetWord(ProgramImage::kDynamic + 8, wild);
    dynamic.SetWord(ProgramImage::kHeaders + 56 + 16, wild);
    for (const ProgramImage* image : {&map, &debug, &dynamic}) {
      EXPECT_FALSE(Read(*image).ok()) << wild;
    }
    (void)Read(name);
  }
}

TEST(ProcessProgram, WhatHasNoEndIsCut) {
  ProgramImage name;
  name.SetWord(kSecondMap + kName, 0x2000);
  name.SetBytes(0x2000, std::string(0x4000, '/'));
  EXPECT_TRUE(absl::IsDataLoss(Read(name).status()));
  ProgramImage dynamic;
  for (uint64_t at = 0x2000; at < ProgramImage::kPages * 4096; at += 8)
    dynamic.SetWord(at, DT_NEEDED);
  dynamic.SetWord(ProgramImage::kHeaders + 56 + 16, 0x1000);
  EXPECT_FALSE(Read(dynamic).ok());
}

TEST(ProcessProgram, ImpossibleVectorsAreRefused) {
  const ProgramImage image;
  const std::string auxv = image.auxv();
  for (size_t size = 0; size < auxv.size() - 16; ++size) {
    EXPECT_FALSE(ReadSharedObjects(image.space(), auxv.substr(0, size)).ok());
  }
  std::string many = auxv;
  many[16 + 16 + 8 + 3] = 1;  // AT_PHNUM: 2^24
  EXPECT_FALSE(ReadSharedObjects(image.space(), many).ok());
}

TEST(ProcessProgram, ChangedBytesNeverHarm) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 3'000; ++i) {
    ProgramImage image;
    for (int changes = 0; changes < 4; ++changes) {
      image.SetWord(0x1000 + random() % 0x8f8, random() % 0x9000);
    }
    const auto shared = Read(image);
    if (!shared.ok()) continue;
    for (const auto& object : shared->objects) {
      EXPECT_EQ(object.path.find("/../"), object.path.npos);
    }
  }
}

}  // namespace
}  // namespace librr::linux_guest
