// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What the numbers of sockets are called, and addresses as people write them.
// What has no name here is its number.
//
//   SocketFamilyName(10);     // "inet6"
//   Ipv4Text(0x0100007f);     // "127.0.0.1"
#ifndef LIBRR_LINUX_INTROSPECT_SOCKET_NAMES_H_
#define LIBRR_LINUX_INTROSPECT_SOCKET_NAMES_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace librr::linux_guest {

std::string SocketFamilyName(uint64_t family);
std::string SocketTypeName(uint64_t type);
// Empty for the only one of a family.
std::string SocketProtocolName(uint64_t family, uint64_t protocol);
// As the kernel names them: "ESTABLISHED", "LISTEN".
std::string TcpStateName(uint64_t state);

// An address as it is in the guest's memory, in the network's order.
std::string Ipv4Text(uint64_t address);
// 16 bytes, shortened as in RFC 5952.
std::string Ipv6Text(std::string_view bytes);

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_SOCKET_NAMES_H_
