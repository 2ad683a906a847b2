// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The sockets among open files, as /proc/net/{tcp,udp,unix,netlink} describe
// them.
//
//   LIBRR_ASSIGN_OR_RETURN(Sockets sockets, Sockets::Make(&kernel));
//   LIBRR_ASSIGN_OR_RETURN(std::optional<LinuxSocket> socket,
//                          sockets.Describe(file));
//
// Made once for a kernel; each call looks at the memory anew.
#ifndef LIBRR_LINUX_INTROSPECT_SOCKETS_H_
#define LIBRR_LINUX_INTROSPECT_SOCKETS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "librr/linux_guest.h"
#include "linux-introspect/kernel.h"

namespace librr::linux_guest {

class Sockets {
 public:
  // NotFound if the kernel lacks a member that is needed, naming it.
  static absl::StatusOr<Sockets> Make(const Kernel* kernel);

  // nullopt if the file is no socket.
  absl::StatusOr<std::optional<LinuxSocket>> Describe(
      const LinuxOpenFile& file) const;

 private:
  explicit Sockets(const Kernel* kernel) : kernel_(kernel) {}
  absl::Status DescribeInet(const Object& sock, bool is_v6,
                            LinuxSocket* socket) const;
  absl::Status DescribeUnix(const Object& sock, LinuxSocket* socket) const;
  absl::Status DescribeNetlink(const Object& sock, LinuxSocket* socket) const;
  absl::StatusOr<std::string> UnixName(uint64_t sock) const;

  const Kernel* kernel_;
  uint64_t sock_size_ = 0;
  Field file_inode_, socket_inode_;          // of file, of socket_alloc
  Field inode_number_, inode_user_, super_;  // of inode
  Field magic_;                              // of super_block
  Field socket_sock_, socket_file_;          // of socket_alloc
  Field family_, state_, port_, remote_port_, address_, remote_address_, type_,
      protocol_, received_, sent_, backlog_, owner_;            // of sock
  std::optional<Field> address6_, remote_address6_;             // of sock
  Field received_until_, read_until_, written_, acknowledged_;  // of tcp_sock
  std::optional<Field> deficit_;                                // of udp_sock
  // Of unix_sock, unix_address and netlink_sock, which may be modules.
  std::optional<Field> unix_address_, unix_peer_, unix_length_, unix_name_;
  std::optional<Field> netlink_port_, netlink_remote_;
};

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_SOCKETS_H_
