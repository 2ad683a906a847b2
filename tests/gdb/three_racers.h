// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What is typed at the Linux guest so that three processes of the program
// racy_list.c run at once, up to the moment at which one of them finds its list
// corrupted.
#ifndef LIBRR_TESTS_GDB_THREE_RACERS_H_
#define LIBRR_TESTS_GDB_THREE_RACERS_H_

namespace librr {

inline constexpr const char* kThreeRacers = R"(expect guest>
type racy_list & racy_list & racy_list &\n
expect is corrupted
type poweroff -f\n
)";

}  // namespace librr

#endif  // LIBRR_TESTS_GDB_THREE_RACERS_H_
