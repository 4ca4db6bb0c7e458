/* Opens the sockets and the memory of a batch, and closes them. */
#include "xdp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#ifndef IP_PMTUDISC_OMIT
#define IP_PMTUDISC_OMIT 5
#endif
#ifndef IPV6_PMTUDISC_OMIT
#define IPV6_PMTUDISC_OMIT 5
#endif
#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

/* How long a full send buffer may hold up a batch before its answers are dropped. */
static const struct timeval send_timeout = {.tv_sec = 0, .tv_usec = 20000};

/* Exchanges after a stop: enough for a full receive buffer, and an end under sustained load. */
static const uint32_t drain_exchanges = 512;

static int set_int(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value);
}

/* Asks for more than net.core.[rw]mem_max when the process may, else for what it may. */
static void set_buffer(int fd, int force_name, int name, int bytes) {
  if (bytes > 0 && set_int(fd, SOL_SOCKET, force_name, bytes) != 0) {
    (void)set_int(fd, SOL_SOCKET, name, bytes);
  }
}

static bool is_zero(const uint8_t *octets, size_t count) {
  for (size_t at = 0; at < count; at += 1) {
    if (octets[at] != 0) return false;
  }
  return true;
}

static int32_t word_at(const uint8_t *octets) {
  uint32_t word;
  memcpy(&word, octets, sizeof word);
  return (int32_t)ntohl(word);
}

/* Sets what a socket needs, and first what only an unbound one takes; else the name of the call. */
static const char *set_options(int fd, const struct batch_address *address, bool is_wildcard,
                               const struct batch_options *options) {
  const bool is_v6 = address->family == 6;
  const bool is_bound = address->adopted_fd > 0;
  if (!is_bound && is_v6 && set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, address->v6_only) != 0) {
    return "setsockopt(IPV6_V6ONLY)";
  }
  if (!is_bound && options->reuse_port && set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1) != 0) {
    return "setsockopt(SO_REUSEPORT)";
  }
  if (is_wildcard) {
    const int failed = is_v6 ? set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
                             : set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
    if (failed) return is_v6 ? "setsockopt(IPV6_RECVPKTINFO)" : "setsockopt(IP_PKTINFO)";
  }
  if (options->busy_poll_micros > 0 &&
      set_int(fd, SOL_SOCKET, SO_BUSY_POLL, options->busy_poll_micros) != 0) {
    return "setsockopt(SO_BUSY_POLL)";
  }
  if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &send_timeout, sizeof send_timeout) != 0) {
    return "setsockopt(SO_SNDTIMEO)";
  }
  set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, options->receive_buffer_bytes);
  set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, options->send_buffer_bytes);
  /* Forged "fragmentation needed" must not make us fragment (RFC 9715 §3.1): ignore path MTUs. */
  (void)set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
  if (is_v6) (void)set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
  return NULL;
}

/* What the kernel has dropped at a socket since it was opened; 0 where it does not say. */
static uint32_t count_drops(int fd) {
  uint32_t info[SK_MEMINFO_VARS];
  socklen_t bytes = sizeof info;
  if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &bytes) != 0) return 0;
  return bytes < (SK_MEMINFO_DROPS + 1) * sizeof info[0] ? 0 : info[SK_MEMINFO_DROPS];
}

/* Opens one socket; on failure returns the name of the call, with errno set. */
static const char *open_socket(struct batch_socket *opened, const struct batch_address *address,
                               const struct batch_options *options) {
  const bool is_v6 = address->family == 6;
  const size_t octets = is_v6 ? 16 : 4;
  const bool is_bound = address->adopted_fd > 0;
  opened->fd = is_bound ? fcntl(address->adopted_fd, F_DUPFD_CLOEXEC, 3)
                        : socket(is_v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);
  if (opened->fd < 0) return is_bound ? "fcntl(F_DUPFD_CLOEXEC)" : "socket";
  opened->is_v6 = is_v6;
  opened->is_wildcard = is_zero(address->octets, octets);
  for (size_t word = 0; word < octets / 4; word += 1) {
    opened->local[word] = word_at(address->octets + word * 4);
  }
  const char *failed = set_options(opened->fd, address, opened->is_wildcard, options);
  if (failed != NULL) return failed;
  /* What was dropped before a socket came here is not ours to count. */
  if (is_bound) opened->drops = count_drops(opened->fd);

  union batch_sockaddr name;
  socklen_t name_bytes = is_v6 ? sizeof name.v6 : sizeof name.v4;
  memset(&name, 0, sizeof name);
  if (is_v6) {
    name.v6.sin6_family = AF_INET6;
    name.v6.sin6_port = htons(address->port);
    memcpy(&name.v6.sin6_addr, address->octets, 16);
  } else {
    name.v4.sin_family = AF_INET;
    name.v4.sin_port = htons(address->port);
    memcpy(&name.v4.sin_addr, address->octets, 4);
  }
  if (!is_bound && bind(opened->fd, &name.any, name_bytes) != 0) return "bind";
  name_bytes = sizeof name;
  if (getsockname(opened->fd, &name.any, &name_bytes) != 0) return "getsockname";
  opened->port = ntohs(is_v6 ? name.v6.sin6_port : name.v4.sin_port);
  return NULL;
}

/* Points the headers of every slot at its memory, once. */
static void tie_slots(struct batch *batch) {
  const struct batch_memory *memory = &batch->memory;
  for (uint32_t slot = 0; slot < memory->slot_count; slot += 1) {
    uint8_t *bytes = memory->slots + (size_t)slot * memory->slot_bytes;
    batch->iov_in[slot] = (struct iovec){.iov_base = bytes, .iov_len = memory->payload_bytes};
    batch->iov_out[slot] = (struct iovec){.iov_base = bytes, .iov_len = 0};
    batch->in[slot].msg_hdr.msg_iov = &batch->iov_in[slot];
    batch->in[slot].msg_hdr.msg_iovlen = 1;
    batch->in[slot].msg_hdr.msg_name = &batch->peers[slot];
  }
}

/* A thread that takes the place of a dead one counts on from where that was. */
static void read_counters(struct batch *batch) {
  for (int counter = 0; counter < BATCH_COUNTERS; counter += 1) {
    const double count = batch->memory.counters[counter];
    const bool is_count = count >= 0 && count <= 9007199254740992.0; /* 2^53; false for NaN */
    batch->counters[counter] = is_count ? (uint64_t)count : 0;
  }
}

static bool allocate(struct batch *batch) {
  const uint32_t slots = batch->memory.slot_count;
  batch->sockets = calloc(batch->socket_count, sizeof *batch->sockets);
  batch->polled = calloc((size_t)batch->socket_count + 1 + XDP_MAX_QUEUES, sizeof *batch->polled);
  batch->socket_of = calloc(slots, sizeof *batch->socket_of);
  batch->peers = calloc(slots, sizeof *batch->peers);
  batch->controls = calloc(slots, sizeof *batch->controls);
  batch->iov_in = calloc(slots, sizeof *batch->iov_in);
  batch->iov_out = calloc(slots, sizeof *batch->iov_out);
  for (uint32_t at = 0; batch->sockets != NULL && at < batch->socket_count; at += 1) {
    batch->sockets[at].fd = -1;
  }
  batch->in = calloc(slots, sizeof *batch->in);
  batch->out = calloc(slots, sizeof *batch->out);
  return batch->sockets != NULL && batch->polled != NULL && batch->socket_of != NULL &&
         batch->peers != NULL && batch->controls != NULL && batch->iov_in != NULL &&
         batch->iov_out != NULL && batch->in != NULL && batch->out != NULL;
}

static bool is_sane(const struct batch_options *options, const struct batch_memory *memory) {
  return options->address_count >= 1 && options->address_count <= BATCH_MAX_SOCKETS &&
         memory->slot_count >= 1 && memory->slot_count <= BATCH_MAX_SLOTS &&
         memory->slot_bytes <= BATCH_MAX_SLOT_BYTES && memory->payload_bytes >= 1 &&
         memory->payload_bytes <= memory->slot_bytes && options->wait_ms >= 1;
}

struct batch *batch_open(const struct batch_options *options, const struct batch_memory *memory,
                         struct batch_failure *failure) {
  *failure = (struct batch_failure){.error = EINVAL, .call = "open", .address = options->address_count};
  if (!is_sane(options, memory)) return NULL;
  struct batch *batch = calloc(1, sizeof *batch);
  if (batch == NULL) {
    failure->error = ENOMEM;
    return NULL;
  }
  batch->memory = *memory;
  batch->sleep_micros = options->sleep_micros;
  batch->wait_ms = options->wait_ms;
  batch->wake_fd = -1;
  batch->drain_left = drain_exchanges;
  batch->socket_count = options->address_count;
  atomic_init(&batch->is_stopping, false);
  if (!allocate(batch)) {
    batch_close(batch);
    failure->error = ENOMEM;
    return NULL;
  }
  tie_slots(batch);
  read_counters(batch);

  failure->call = "eventfd";
  batch->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  bool is_open = batch->wake_fd >= 0;
  for (uint32_t at = 0; is_open && at < batch->socket_count; at += 1) {
    failure->address = at;
    failure->call = open_socket(&batch->sockets[at], &options->addresses[at], options);
    is_open = failure->call == NULL;
    batch->polled[at] = (struct pollfd){.fd = batch->sockets[at].fd, .events = POLLIN};
  }
  if (!is_open) {
    failure->error = errno;
    batch_close(batch);
    return NULL;
  }
  batch->polled[batch->socket_count] = (struct pollfd){.fd = batch->wake_fd, .events = POLLIN};
  batch->polled_count = batch->socket_count + 1;
  if (options->xdp_shares > 0) {
    if (!xdp_open(batch, options, failure)) {
      batch_close(batch);
      return NULL;
    }
    batch->polled_count += batch->xdp->socket_count;
  }
  return batch;
}

uint16_t batch_port(const struct batch *batch, uint32_t socket) {
  return batch->sockets[socket].port;
}

int batch_socket_fd(const struct batch *batch, uint32_t socket) {
  return batch->sockets[socket].fd;
}

uint32_t batch_received(const struct batch *batch) { return batch->received; }

void batch_wake(struct batch *batch) {
  const uint64_t one = 1;
  /* EAGAIN says that 2^64 wakes are pending, which will do. */
  while (write(batch->wake_fd, &one, sizeof one) < 0 && errno == EINTR) continue;
}

void batch_stop(struct batch *batch) {
  atomic_store(&batch->is_stopping, true);
  batch_wake(batch);
}

void batch_read_drops(struct batch *batch) {
  for (uint32_t at = 0; at < batch->socket_count; at += 1) {
    struct batch_socket *socket = &batch->sockets[at];
    const uint32_t drops = count_drops(socket->fd);
    batch->counters[BATCH_KERNEL_DROPS] += drops - socket->drops;
    socket->drops = drops;
  }
  if (batch->xdp != NULL) xdp_read_drops(batch);
}

void batch_close(struct batch *batch) {
  xdp_close(batch);
  for (uint32_t at = 0; batch->sockets != NULL && at < batch->socket_count; at += 1) {
    if (batch->sockets[at].fd >= 0) close(batch->sockets[at].fd);
  }
  if (batch->wake_fd >= 0) close(batch->wake_fd);
  free(batch->sockets);
  free(batch->polled);
  free(batch->socket_of);
  free(batch->peers);
  free(batch->controls);
  free(batch->iov_in);
  free(batch->iov_out);
  free(batch->in);
  free(batch->out);
  free(batch);
}
