// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A session over the fake target, without sockets.
//
//   SessionFixture fixture;
//   EXPECT_EQ(fixture.Ask("qC"), "QC1");
#ifndef LIBRR_TESTS_DEBUGSTUB_SESSION_FIXTURE_H_
#define LIBRR_TESTS_DEBUGSTUB_SESSION_FIXTURE_H_

#include "tests/debugstub/fake_target.h"
#include "tests/debugstub/session_client.h"

namespace librr {

struct FakeTargetMember {
  FakeTarget target;
};

class SessionFixture : public FakeTargetMember, public SessionClient {
 public:
  explicit SessionFixture(
      const FakeOptions& options = {},
      DebugArchitecture architecture = DebugArchitecture::kAmd64)
      : FakeTargetMember{FakeTarget(options)},
        SessionClient(&target, architecture) {}
};

}  // namespace librr

#endif  // LIBRR_TESTS_DEBUGSTUB_SESSION_FIXTURE_H_
