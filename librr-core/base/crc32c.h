// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// CRC-32C (Castagnoli): polynomial 0x1EDC6F41, reflected, as in RFC 3720
// (iSCSI), appendix B.4. Runs on any host at more than a gigabyte a second;
// needs no CPU feature.
//
//   uint32_t crc = Crc32c("123456789");  // 0xE3069283
//   crc = Crc32c("more", crc);           // as if both had been one string
#ifndef LIBRR_CORE_BASE_CRC32C_H_
#define LIBRR_CORE_BASE_CRC32C_H_

#include <cstdint>
#include <string_view>

namespace librr {

// `previous` is the CRC of the bytes before `bytes`.
uint32_t Crc32c(std::string_view bytes, uint32_t previous = 0);

}  // namespace librr

#endif  // LIBRR_CORE_BASE_CRC32C_H_
