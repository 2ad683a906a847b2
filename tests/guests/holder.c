// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Opens one of each kind of file and socket, says so, and sleeps: for views
// of what a process has open. The loopback interface must be up.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int Must(int result, const char* what) {
  if (result < 0) err(1, "%s", what);
  return result;
}

static void HoldFiles(void) {
  const int file = Must(open("/tmp/held", O_RDWR | O_CREAT, 0600), "/tmp/held");
  Must((int)write(file, "0123456789", 10), "write");
  Must(open("/tmp/gone", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600),
       "/tmp/gone");
  Must(unlink("/tmp/gone"), "unlink");
  Must(open("/proc", O_RDONLY | O_DIRECTORY), "/proc");
  Must(open("/dev/null", O_RDWR), "/dev/null");
  Must(open("/proc/self/ns/mnt", O_RDONLY), "/proc/self/ns/mnt");
  int ends[2];
  Must(pipe(ends), "pipe");
  Must(mkfifo("/tmp/fifo", 0600), "mkfifo");
  Must(open("/tmp/fifo", O_RDWR), "/tmp/fifo");
  Must(eventfd(3, EFD_CLOEXEC), "eventfd");
  Must(epoll_create1(0), "epoll");
  Must(memfd_create("a memfd", 0), "memfd");
  // Far behind the others: the table has to grow.
  Must(dup2(file, 200), "dup2");
}

// Listens at a port of 127.0.0.1 and is connected to from itself; of six bytes
// sent two are read.
static void HoldTcp4(void) {
  struct sockaddr_in at = {.sin_family = AF_INET,
                           .sin_port = htons(7001),
                           .sin_addr = {htonl(INADDR_LOOPBACK)}};
  const int listener = Must(socket(AF_INET, SOCK_STREAM, 0), "socket");
  Must(bind(listener, (struct sockaddr*)&at, sizeof(at)), "bind");
  Must(listen(listener, 5), "listen");
  const int client = Must(socket(AF_INET, SOCK_STREAM, 0), "socket");
  Must(connect(client, (struct sockaddr*)&at, sizeof(at)), "connect");
  const int server = Must(accept(listener, NULL, NULL), "accept");
  Must((int)send(client, "abcdef", 6, 0), "send");
  char bytes[2];
  Must((int)recv(server, bytes, sizeof(bytes), 0), "recv");
  // Waits in the queue of the listener.
  const int waiting = Must(socket(AF_INET, SOCK_STREAM, 0), "socket");
  Must(connect(waiting, (struct sockaddr*)&at, sizeof(at)), "connect");
}

static void HoldTcp6(void) {
  struct sockaddr_in6 at = {.sin6_family = AF_INET6,
                            .sin6_port = htons(7002),
                            .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  const int listener = Must(socket(AF_INET6, SOCK_STREAM, 0), "socket");
  Must(bind(listener, (struct sockaddr*)&at, sizeof(at)), "bind");
  Must(listen(listener, 5), "listen");
}

static void HoldUdp(void) {
  struct sockaddr_in at = {.sin_family = AF_INET,
                           .sin_port = htons(7003),
                           .sin_addr = {htonl(INADDR_LOOPBACK)}};
  const int server = Must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
  Must(bind(server, (struct sockaddr*)&at, sizeof(at)), "bind");
  const int client = Must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
  Must(connect(client, (struct sockaddr*)&at, sizeof(at)), "connect");
  Must((int)send(client, "abcdef", 6, 0), "send");
}

static void HoldUnix(void) {
  struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "/tmp/listener"};
  const int listener = Must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
  Must(bind(listener, (struct sockaddr*)&at, sizeof(at)), "bind");
  Must(listen(listener, 5), "listen");
  const int client = Must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
  Must(connect(client, (struct sockaddr*)&at, sizeof(at)), "connect");
  Must(accept(listener, NULL, NULL), "accept");
  struct sockaddr_un hidden = {.sun_family = AF_UNIX};
  memcpy(hidden.sun_path, "\0hidden", 7);
  const int abstract = Must(socket(AF_UNIX, SOCK_SEQPACKET, 0), "socket");
  Must(bind(abstract, (struct sockaddr*)&hidden,
            offsetof(struct sockaddr_un, sun_path) + 7),
       "bind");
  int ends[2];
  Must(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), "socketpair");
}

static void HoldNetlink(void) {
  struct sockaddr_nl at = {.nl_family = AF_NETLINK, .nl_pid = 4321};
  const int route = Must(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), "socket");
  Must(bind(route, (struct sockaddr*)&at, sizeof(at)), "bind");
}

int main(void) {
  HoldFiles();
  HoldTcp4();
  HoldTcp6();
  HoldUdp();
  HoldUnix();
  HoldNetlink();
  puts("holder: all is open");
  fflush(stdout);
  pause();
}
