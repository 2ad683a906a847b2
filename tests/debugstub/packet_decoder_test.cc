// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "debugstub/packet_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace librr {
namespace {

using Kind = ReceivedUnit::Kind;

// All units, each as a letter and its payload.
std::vector<std::string> Decode(PacketDecoder* decoder,
                                std::string_view bytes) {
  decoder->Append(bytes);
  std::vector<std::string> units;
  while (const auto unit = decoder->Next()) {
    switch (unit->kind) {
      case Kind::kPacket:
        units.push_back("P:" + unit->payload);
        break;
      case Kind::kDamaged:
        units.push_back("damaged");
        break;
      case Kind::kAck:
        units.push_back("+");
        break;
      case Kind::kNak:
        units.push_back("-");
        break;
      case Kind::kInterrupt:
        units.push_back("^C");
        break;
    }
  }
  return units;
}

std::vector<std::string> Decode(std::string_view bytes) {
  PacketDecoder decoder;
  return Decode(&decoder, bytes);
}

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(PacketDecoder, PacketsAndSignsAreToldApart) {
  EXPECT_THAT(Decode("+$m10,2#2c-\x03+"),
              ElementsAre("+", "P:m10,2", "-", "^C", "+"));
}

TEST(PacketDecoder, PacketMayComeByteByByte) {
  PacketDecoder decoder;
  for (const char byte : std::string("$g#6")) {
    EXPECT_THAT(Decode(&decoder, std::string(1, byte)), IsEmpty());
  }
  EXPECT_THAT(Decode(&decoder, "7"), ElementsAre("P:g"));
}

TEST(PacketDecoder, WrongChecksumIsDamage) {
  EXPECT_THAT(Decode("$g#68$g#zz$g#67"),
              ElementsAre("damaged", "damaged", "P:g"));
}

TEST(PacketDecoder, BrokenOffPacketIsDamageAndTheNextOneCounts) {
  EXPECT_THAT(Decode("$m10$g#67"), ElementsAre("damaged", "P:g"));
}

TEST(PacketDecoder, EscapesAreTakenOut) {
  EXPECT_EQ(EncodePacket("a}b#c$d*"),
            "$a}]b}\x03"
            "c}\x04"
            "d}\x0a#ec");
  EXPECT_THAT(Decode(EncodePacket("a}b#c$d*")), ElementsAre("P:a}b#c$d*"));
}

TEST(PacketDecoder, InterruptByteInsideOfAPacketIsData) {
  EXPECT_THAT(Decode(EncodePacket(std::string("X\x03"))),
              ElementsAre(std::string("P:X\x03")));
}

TEST(PacketDecoder, TooLongPacketIsDamageAndTakesNoMemory) {
  const std::string longest(kMaxPacketSize, 'a');
  EXPECT_THAT(Decode(EncodePacket(longest)), ElementsAre("P:" + longest));
  EXPECT_THAT(Decode(EncodePacket(longest + "a") + "$g#67"),
              ElementsAre("damaged", "P:g"));
}

TEST(PacketDecoder, NoiseBetweenPacketsMeansNothing) {
  EXPECT_THAT(Decode("GET / HTTP/1.1\r\n$g#67"), ElementsAre("P:g"));
}

TEST(PacketDecoder, AnyContentSurvivesEncodingAndDecoding) {
  std::mt19937 random(1);
  for (int i = 0; i < 1000; ++i) {
    std::string content(random() % 100, '\0');
    for (char& byte : content) byte = static_cast<char>(random());
    EXPECT_THAT(Decode(EncodePacket(content)), ElementsAre("P:" + content));
  }
}

TEST(PacketDecoder, RandomBytesDoNoHarm) {
  std::mt19937 random(2);
  PacketDecoder decoder;
  const std::string alphabet =
      "$#+-}*\x03"
      "0aF";
  for (int i = 0; i < 10'000; ++i) {
    std::string bytes(random() % 50, '\0');
    for (char& byte : bytes) {
      byte = random() % 4 == 0 ? static_cast<char>(random())
                               : alphabet[random() % alphabet.size()];
    }
    Decode(&decoder, bytes);
  }
}

}  // namespace
}  // namespace librr
