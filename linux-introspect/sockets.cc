// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/sockets.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "librr-core/base/status_macros.h"
#include "linux-introspect/socket_names.h"

namespace librr::linux_guest {
namespace {

// Linux, include/uapi/linux/magic.h, SOCKFS_MAGIC: sockets in folders (of
// which O_PATH makes an open file) are none.
constexpr uint64_t kSocketFileSystem = 0x534f434b;

// Linux, include/linux/socket.h; include/net/tcp_states.h; RFC 790.
constexpr uint64_t kUnix = 1, kInet = 2, kInet6 = 10, kNetlink = 16;
constexpr uint64_t kStream = 1, kDatagram = 2;
constexpr uint64_t kTcp = 6, kUdp = 17, kUdpLite = 136;
constexpr uint64_t kEstablished = 1, kListen = 10;

// struct sockaddr_un: the family's two bytes, then the path.
constexpr uint64_t kUnixFamily = 2, kMaxUnixName = 110;

uint16_t PortOf(uint64_t network_order) {
  return static_cast<uint16_t>(network_order >> 8 | (network_order & 0xff)
                                                        << 8);
}

std::optional<Field> Maybe(absl::StatusOr<Field> field) {
  return field.ok() ? std::optional<Field>(*field) : std::nullopt;
}

}  // namespace

absl::StatusOr<Sockets> Sockets::Make(const Kernel* kernel) {
  Sockets made(kernel);
  LIBRR_RETURN_IF_ERROR(kernel->FindFields({
      {&made.file_inode_, "file", {"f_inode"}},
      {&made.inode_number_, "inode", {"i_ino"}},
      {&made.inode_user_, "inode", {"i_uid.val", "i_uid"}},
      {&made.super_, "inode", {"i_sb"}},
      {&made.magic_, "super_block", {"s_magic"}},
      {&made.socket_inode_, "socket_alloc", {"vfs_inode"}},
      {&made.socket_sock_, "socket_alloc", {"socket.sk"}},
      {&made.socket_file_, "socket_alloc", {"socket.file"}},
      {&made.family_, "sock", {"__sk_common.skc_family"}},
      {&made.state_, "sock", {"__sk_common.skc_state"}},
      {&made.port_, "sock", {"__sk_common.skc_num"}},
      {&made.remote_port_, "sock", {"__sk_common.skc_dport"}},
      {&made.address_, "sock", {"__sk_common.skc_rcv_saddr"}},
      {&made.remote_address_, "sock", {"__sk_common.skc_daddr"}},
      {&made.type_, "sock", {"sk_type"}},
      {&made.protocol_, "sock", {"sk_protocol"}},
      {&made.received_, "sock", {"sk_backlog.rmem_alloc"}},
      {&made.sent_, "sock", {"sk_wmem_alloc"}},
      {&made.backlog_, "sock", {"sk_ack_backlog"}},
      {&made.owner_, "sock", {"sk_socket"}},
      {&made.received_until_, "tcp_sock", {"rcv_nxt"}},
      {&made.read_until_, "tcp_sock", {"copied_seq"}},
      {&made.written_, "tcp_sock", {"write_seq"}},
      {&made.acknowledged_, "tcp_sock", {"snd_una"}},
  }));
  LIBRR_ASSIGN_OR_RETURN(made.sock_size_, kernel->SizeOf("sock"));
  made.address6_ =
      Maybe(kernel->FindField("sock", "__sk_common.skc_v6_rcv_saddr"));
  made.remote_address6_ =
      Maybe(kernel->FindField("sock", "__sk_common.skc_v6_daddr"));
  made.deficit_ = Maybe(kernel->FindField("udp_sock", "forward_deficit"));
  made.unix_address_ = Maybe(kernel->FindField("unix_sock", "addr"));
  made.unix_peer_ = Maybe(kernel->FindField("unix_sock", "peer"));
  made.unix_length_ = Maybe(kernel->FindField("unix_address", "len"));
  made.unix_name_ = Maybe(kernel->FindField("unix_address", "name"));
  made.netlink_port_ = Maybe(kernel->FindField("netlink_sock", "portid"));
  made.netlink_remote_ = Maybe(kernel->FindField("netlink_sock", "dst_portid"));
  return made;
}

absl::StatusOr<std::optional<LinuxSocket>> Sockets::Describe(
    const LinuxOpenFile& file) const {
  if (file.type != 's') return std::optional<LinuxSocket>();
  LIBRR_ASSIGN_OR_RETURN(
      const uint64_t inode,
      kernel_->ReadPointer(file.file.value() + file_inode_.offset));
  LIBRR_ASSIGN_OR_RETURN(const uint64_t super,
                         kernel_->ReadPointer(inode + super_.offset));
  LIBRR_ASSIGN_OR_RETURN(
      const uint64_t magic,
      kernel_->ReadNumber(super + magic_.offset, magic_.size));
  if (magic != kSocketFileSystem) return std::optional<LinuxSocket>();
  // The inode is the second member of a struct socket_alloc.
  const uint64_t owner = inode - socket_inode_.offset;
  LIBRR_ASSIGN_OR_RETURN(const uint64_t back,
                         kernel_->ReadPointer(owner + socket_file_.offset));
  if (back != file.file.value()) {
    return absl::DataLossError(
        absl::StrFormat("the socket at 0x%x (pid %d, descriptor %d) is "
                        "corrupted: it is of another file",
                        owner, file.pid, file.fd));
  }
  LIBRR_ASSIGN_OR_RETURN(
      const uint64_t user,
      kernel_->ReadNumber(inode + inode_user_.offset, inode_user_.size));
  LIBRR_ASSIGN_OR_RETURN(const uint64_t address,
                         kernel_->ReadPointer(owner + socket_sock_.offset));
  LinuxSocket socket;
  socket.pid = file.pid;
  socket.fd = file.fd;
  socket.inode = file.inode;
  socket.uid = static_cast<uint32_t>(user);
  socket.sock = GuestVirtual(address);
  // It has been shut by the protocol.
  if (address == 0) return std::optional<LinuxSocket>(std::move(socket));
  LIBRR_ASSIGN_OR_RETURN(const Object sock,
                         kernel_->ReadObject(address, sock_size_));
  const uint64_t family = sock.Number(family_);
  socket.family = SocketFamilyName(family);
  socket.type = SocketTypeName(sock.Number(type_));
  socket.protocol = SocketProtocolName(family, sock.Number(protocol_));
  switch (family) {
    case kInet:
    case kInet6:
      LIBRR_RETURN_IF_ERROR(DescribeInet(sock, family == kInet6, &socket));
      break;
    case kUnix:
      LIBRR_RETURN_IF_ERROR(DescribeUnix(sock, &socket));
      break;
    case kNetlink:
      LIBRR_RETURN_IF_ERROR(DescribeNetlink(sock, &socket));
      break;
    default:
      break;
  }
  return std::optional<LinuxSocket>(std::move(socket));
}

absl::Status Sockets::DescribeInet(const Object& sock, bool is_v6,
                                   LinuxSocket* socket) const {
  const auto number = [&](Field field) {
    return kernel_->ReadNumber(sock.address(field), field.size);
  };
  const auto text = [&](uint64_t port, Field v4, std::optional<Field> v6) {
    return is_v6 && v6.has_value()
               ? absl::StrFormat("[%s]:%d",
                                 Ipv6Text(sock.bytes().substr(v6->offset, 16)),
                                 port)
               : absl::StrFormat("%s:%d", Ipv4Text(sock.Number(v4)), port);
  };
  const uint64_t state = sock.Number(state_);
  const uint64_t protocol = sock.Number(protocol_);
  const bool is_tcp = protocol == kTcp && sock.Number(type_) == kStream;
  socket->state = TcpStateName(state);
  socket->local = text(sock.Number(port_), address_, address6_);
  socket->remote = text(PortOf(sock.Number(remote_port_)), remote_address_,
                        remote_address6_);
  if (is_tcp) {
    // Linux 6.1, net/ipv4/tcp_ipv4.c, get_tcp4_sock().
    if (state == kListen) {
      socket->rx_queue = sock.Number(backlog_);
      return absl::OkStatus();
    }
    LIBRR_ASSIGN_OR_RETURN(const uint64_t until, number(received_until_));
    LIBRR_ASSIGN_OR_RETURN(const uint64_t read, number(read_until_));
    LIBRR_ASSIGN_OR_RETURN(const uint64_t written, number(written_));
    LIBRR_ASSIGN_OR_RETURN(const uint64_t acknowledged, number(acknowledged_));
    // Sequence numbers wrap.
    const auto unread = static_cast<int32_t>(until - read);
    socket->rx_queue = static_cast<uint64_t>(std::max(unread, 0));
    socket->tx_queue = static_cast<uint32_t>(written - acknowledged);
    return absl::OkStatus();
  }
  // net/ipv4/udp.c, udp4_format_sock(). One reference is the socket's own.
  socket->rx_queue = sock.Number(received_);
  socket->tx_queue = std::max<uint64_t>(sock.Number(sent_), 1) - 1;
  if ((protocol == kUdp || protocol == kUdpLite) &&
      sock.Number(type_) == kDatagram && deficit_.has_value()) {
    LIBRR_ASSIGN_OR_RETURN(const uint64_t deficit, number(*deficit_));
    socket->rx_queue -= std::min(socket->rx_queue, deficit);
  }
  return absl::OkStatus();
}

// Linux, net/unix/af_unix.c, unix_seq_show().
absl::StatusOr<std::string> Sockets::UnixName(uint64_t sock) const {
  LIBRR_ASSIGN_OR_RETURN(const uint64_t address,
                         kernel_->ReadPointer(sock + unix_address_->offset));
  if (address == 0) return "";
  LIBRR_ASSIGN_OR_RETURN(
      const uint64_t length,
      kernel_->ReadNumber(address + unix_length_->offset, unix_length_->size));
  if (length < kUnixFamily || length > kMaxUnixName) {
    return absl::DataLossError(absl::StrFormat(
        "the unix socket's name at 0x%x is corrupted: it has %d bytes", address,
        length));
  }
  absl::StatusOr<std::string> name = kernel_->Read(
      address + unix_name_->offset + kUnixFamily, length - kUnixFamily);
  // An abstract name begins with a zero byte and may have more of them.
  if (name.ok() && name->starts_with('\0')) {
    std::replace(name->begin(), name->end(), '\0', '@');
  } else if (name.ok()) {
    name->resize(std::min(name->size(), name->find('\0')));
  }
  return name;
}

absl::Status Sockets::DescribeUnix(const Object& sock,
                                   LinuxSocket* socket) const {
  const uint64_t state = sock.Number(state_);
  socket->state = state == kListen        ? "LISTEN"
                  : state == kEstablished ? "CONNECTED"
                                          : "UNCONNECTED";
  if (!unix_address_ || !unix_peer_ || !unix_length_ || !unix_name_) {
    return absl::OkStatus();
  }
  LIBRR_ASSIGN_OR_RETURN(socket->local, UnixName(sock.address()));
  LIBRR_ASSIGN_OR_RETURN(
      const uint64_t peer,
      kernel_->ReadPointer(sock.address() + unix_peer_->offset));
  if (peer == 0) return absl::OkStatus();
  LIBRR_ASSIGN_OR_RETURN(socket->remote, UnixName(peer));
  LIBRR_ASSIGN_OR_RETURN(const uint64_t owner,
                         kernel_->ReadPointer(peer + owner_.offset));
  // Nobody has it open any more.
  if (owner == 0) return absl::OkStatus();
  LIBRR_ASSIGN_OR_RETURN(
      socket->peer_inode,
      kernel_->ReadNumber(owner + socket_inode_.offset + inode_number_.offset,
                          inode_number_.size));
  return absl::OkStatus();
}

absl::Status Sockets::DescribeNetlink(const Object& sock,
                                      LinuxSocket* socket) const {
  if (!netlink_port_ || !netlink_remote_) return absl::OkStatus();
  const auto number = [&](Field field) {
    return kernel_->ReadNumber(sock.address(field), field.size);
  };
  LIBRR_ASSIGN_OR_RETURN(const uint64_t port, number(*netlink_port_));
  LIBRR_ASSIGN_OR_RETURN(const uint64_t remote, number(*netlink_remote_));
  socket->local = absl::StrCat(port);
  socket->remote = absl::StrCat(remote);
  return absl::OkStatus();
}

}  // namespace librr::linux_guest
