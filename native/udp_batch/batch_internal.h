/* What the two halves of a batch share: opening sockets, and moving datagrams. */
#ifndef MERIDIAN_BATCH_INTERNAL_H
#define MERIDIAN_BATCH_INTERNAL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "batch.h"

union batch_sockaddr {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
};

/* Room for one control message that says which address was asked, aligned as CMSG_* demand. */
union batch_control {
  struct cmsghdr align;
  uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct batch_socket {
  int fd;
  uint16_t port;
  bool is_v6;
  /* Bound to 0.0.0.0 or ::, so that each request says which address was asked. */
  bool is_wildcard;
  /* The bound address as words of `peers` 8–11. */
  int32_t local[4];
  /* The kernel's count of drops at the last look; it wraps. */
  uint32_t drops;
};

struct batch {
  struct batch_memory memory;
  int sleep_micros;
  int wait_ms;
  int wake_fd;
  atomic_bool is_stopping;
  /* Exchanges that a stopped batch may still make. */
  uint32_t drain_left;

  uint32_t received;
  /* Where the next exchange begins to look, so that a busy socket cannot starve the others. */
  uint32_t first_socket;
  uint32_t exchanges;
  /* When the present requests were received, nanoseconds of CLOCK_MONOTONIC; 0 unless sampled. */
  uint64_t received_ns;
  uint64_t counters[BATCH_COUNTERS];

  uint32_t socket_count;
  struct batch_socket *sockets;
  struct pollfd *polled; /* the sockets, wake_fd, then those of xdp */
  uint32_t polled_count;
  struct xdp *xdp; /* NULL without AF_XDP */

  /* By slot. */
  uint16_t *socket_of;
  union batch_sockaddr *peers;
  union batch_control *controls;
  struct iovec *iov_in;
  struct iovec *iov_out;
  struct mmsghdr *in;
  struct mmsghdr *out;
};

/* Reads how much the kernel dropped into the counters. */
void batch_read_drops(struct batch *batch);

#endif
