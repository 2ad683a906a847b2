// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/socket_names.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"

namespace librr::linux_guest {
namespace {

struct Name {
  uint64_t number;
  std::string_view text;
};
// Linux, include/linux/socket.h.
constexpr Name kFamilies[] = {{1, "unix"},   {2, "inet"},       {10, "inet6"},
                              {15, "key"},   {16, "netlink"},   {17, "packet"},
                              {29, "can"},   {31, "bluetooth"}, {38, "alg"},
                              {40, "vsock"}, {44, "xdp"}};
// include/linux/net.h.
constexpr Name kTypes[] = {{1, "stream"}, {2, "dgram"},     {3, "raw"},
                           {4, "rdm"},    {5, "seqpacket"}, {6, "dccp"},
                           {10, "packet"}};
// include/uapi/linux/in.h.
constexpr Name kInet[] = {{1, "icmp"},   {2, "igmp"},      {6, "tcp"},
                          {17, "udp"},   {33, "dccp"},     {58, "icmpv6"},
                          {132, "sctp"}, {136, "udplite"}, {255, "raw"},
                          {262, "mptcp"}};
// include/uapi/linux/netlink.h.
constexpr Name kNetlink[] = {
    {0, "route"},      {2, "usersock"},   {4, "sock_diag"},
    {6, "xfrm"},       {9, "audit"},      {10, "fib_lookup"},
    {11, "connector"}, {12, "netfilter"}, {15, "kobject_uevent"},
    {16, "generic"},   {21, "crypto"}};
// include/net/tcp_states.h.
constexpr Name kTcpStates[] = {
    {1, "ESTABLISHED"}, {2, "SYN_SENT"},   {3, "SYN_RECV"},
    {4, "FIN_WAIT1"},   {5, "FIN_WAIT2"},  {6, "TIME_WAIT"},
    {7, "CLOSE"},       {8, "CLOSE_WAIT"}, {9, "LAST_ACK"},
    {10, "LISTEN"},     {11, "CLOSING"},   {12, "NEW_SYN_RECV"}};

std::string NameIn(absl::Span<const Name> names, uint64_t number) {
  for (const Name& name : names) {
    if (name.number == number) return std::string(name.text);
  }
  return absl::StrCat(number);
}

}  // namespace

std::string SocketFamilyName(uint64_t family) {
  return NameIn(kFamilies, family);
}

std::string SocketTypeName(uint64_t type) { return NameIn(kTypes, type); }

std::string SocketProtocolName(uint64_t family, uint64_t protocol) {
  switch (family) {
    case 2:
    case 10:
      return NameIn(kInet, protocol);
    case 16:
      return NameIn(kNetlink, protocol);
    default:
      return protocol == 0 ? "" : absl::StrCat(protocol);
  }
}

std::string TcpStateName(uint64_t state) { return NameIn(kTcpStates, state); }

std::string Ipv4Text(uint64_t address) {
  return absl::StrCat(address & 0xff, ".", address >> 8 & 0xff, ".",
                      address >> 16 & 0xff, ".", address >> 24 & 0xff);
}

std::string Ipv6Text(std::string_view bytes) {
  in6_addr address{};
  std::memcpy(&address, bytes.data(), std::min(bytes.size(), sizeof(address)));
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(AF_INET6, &address, text.data(), text.size());
  return text.data();
}

}  // namespace librr::linux_guest
