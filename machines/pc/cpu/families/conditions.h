// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The sixteen condition codes by name, for Jcc, SETcc and CMOVcc: X(name, cc)
// is expanded for each. SDM vol. 1, appendix B.
#ifndef LIBRR_MACHINES_PC_CPU_FAMILIES_CONDITIONS_H_
#define LIBRR_MACHINES_PC_CPU_FAMILIES_CONDITIONS_H_

// clang-format off
#define LIBRR_CONDITIONS(X)                                              \
  X(O, 0)                                                                \
  X(No, 1)                                                               \
  X(B, 2)                                                                \
  X(Nb, 3) X(Z, 4) X(Nz, 5) X(Be, 6) X(Nbe, 7) X(S, 8) X(Ns, 9) X(P, 10) \
      X(Np, 11) X(L, 12) X(Nl, 13) X(Le, 14) X(Nle, 15)
// clang-format on

#endif  // LIBRR_MACHINES_PC_CPU_FAMILIES_CONDITIONS_H_
