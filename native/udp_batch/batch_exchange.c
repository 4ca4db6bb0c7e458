/* Moves datagrams: sendmmsg for the answers before, recvmmsg for the next; see xdp.h too. */
#include "xdp.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * After a batch of so many, the next requests are probably there already: receive without asking
 * poll first. Then a saturated socket costs one recvmmsg and one sendmmsg per batch, and a wait,
 * which must be woken by more than the socket, costs one poll more than a blocking recvmmsg.
 */
enum { EAGER_BATCH = 4 };

/* Batches up to this size are small: with sleep_micros, more is collected before the next. */
enum { SMALL_BATCH = 16 };

/* With AF_XDP the sockets are looked at in so many exchanges at least once, however busy it is. */
enum { SOCKETS_EVERY = 8 };

/* While a device has no room for answers, how long to wait for more requests. */
enum { SENDING_WAIT_MILLIS = 1 };

/* The kernel's drops are read this often, counted in exchanges that brought something. */
enum { DROPS_EVERY = 64 };

static void sleep_for(int micros) {
  const struct timespec span = {.tv_sec = micros / 1000000, .tv_nsec = (micros % 1000000) * 1000L};
  (void)nanosleep(&span, NULL);
}

/* Gives one socket its answers, `count` headers long. What it does not take is dropped. */
static void send_run(struct batch *batch, int fd, struct mmsghdr *headers, uint32_t count) {
  bool was_refused = false;
  for (uint32_t done = 0; done < count;) {
    const int sent = sendmmsg(fd, headers + done, count - done, 0);
    if (sent > 0) {
      batch->counters[BATCH_SENT] += (uint32_t)sent;
      done += (uint32_t)sent;
      was_refused = false;
    } else if (sent < 0 && errno == EINTR) {
      continue;
    } else if (sent < 0 && errno == ECONNREFUSED && !was_refused) {
      /* The error of an earlier datagram (ICMP), reported once. */
      was_refused = true;
    } else if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      /* The send buffer stayed full for SO_SNDTIMEO: each of the rest would wait as long. */
      batch->counters[BATCH_UNSENT] += count - done;
      return;
    } else {
      /* No route, no memory, a filter, a source address that is gone: this answer's own matter. */
      batch->counters[BATCH_UNSENT] += 1;
      done += 1;
      was_refused = false;
    }
  }
}

static void send_answers(struct batch *batch, uint32_t answered) {
  const struct batch_memory *memory = &batch->memory;
  uint32_t count = 0;
  uint32_t run_socket = 0;
  for (uint32_t slot = 0; slot < answered; slot += 1) {
    const int32_t bytes = memory->lengths[slot];
    if (bytes <= 0) continue;
    if (batch->xdp != NULL && batch->xdp->socket_of[slot] != 0) continue;
    if ((uint32_t)bytes > memory->payload_bytes) {
      batch->counters[BATCH_UNSENT] += 1;
      continue;
    }
    if (batch->socket_of[slot] != run_socket) {
      send_run(batch, batch->sockets[run_socket].fd, batch->out, count);
      run_socket = batch->socket_of[slot];
      count = 0;
    }
    struct msghdr *header = &batch->out[count].msg_hdr;
    batch->iov_out[slot].iov_len = (size_t)bytes;
    header->msg_iov = &batch->iov_out[slot];
    header->msg_iovlen = 1;
    header->msg_name = &batch->peers[slot];
    header->msg_namelen = batch->in[slot].msg_hdr.msg_namelen;
    /* What was received says where from to send: only its control message, if any, goes back. */
    header->msg_controllen = batch->in[slot].msg_hdr.msg_controllen;
    header->msg_control = header->msg_controllen == 0 ? NULL : &batch->controls[slot];
    header->msg_flags = 0;
    count += 1;
  }
  send_run(batch, batch->sockets[run_socket].fd, batch->out, count);
}

/* Writes an IPv6 address as four words, or an IPv4-mapped one as IPv4; returns the family. */
static int32_t write_v6(const struct in6_addr *address, int32_t *words) {
  uint32_t raw[4];
  memcpy(raw, address, sizeof raw);
  if (IN6_IS_ADDR_V4MAPPED(address)) {
    words[0] = (int32_t)ntohl(raw[3]);
    words[1] = words[2] = words[3] = 0;
    return 4;
  }
  for (int word = 0; word < 4; word += 1) words[word] = (int32_t)ntohl(raw[word]);
  return 6;
}

static bool is_v4_multicast(int32_t word) { return ((uint32_t)word >> 28) == 14; }

/*
 * Reads which address was asked into `local`, and turns the control message into the one that makes
 * the answer leave from there, by whatever interface routing chooses. False when the request was
 * sent to many (broadcast, multicast): no server answers those, lest one forged packet make many.
 */
static bool read_asked(struct batch *batch, uint32_t slot, int32_t *local) {
  struct msghdr *header = &batch->in[slot].msg_hdr;
  struct cmsghdr *control = CMSG_FIRSTHDR(header);
  if (control == NULL || (header->msg_flags & MSG_CTRUNC) != 0) {
    header->msg_controllen = 0;
    return true;
  }
  if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
    struct in_pktinfo info;
    memcpy(&info, CMSG_DATA(control), sizeof info);
    const bool is_unicast = info.ipi_addr.s_addr == info.ipi_spec_dst.s_addr;
    local[0] = (int32_t)ntohl(info.ipi_spec_dst.s_addr);
    info.ipi_ifindex = 0;
    memcpy(CMSG_DATA(control), &info, sizeof info);
    header->msg_controllen = CMSG_SPACE(sizeof info);
    return is_unicast;
  }
  if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
    struct in6_pktinfo info;
    memcpy(&info, CMSG_DATA(control), sizeof info);
    const int32_t family = write_v6(&info.ipi6_addr, local);
    /* Link-local addresses mean something on their own link only. */
    if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) info.ipi6_ifindex = 0;
    memcpy(CMSG_DATA(control), &info, sizeof info);
    header->msg_controllen = CMSG_SPACE(sizeof info);
    return family == 4 ? !is_v4_multicast(local[0]) && local[0] != -1
                       : !IN6_IS_ADDR_MULTICAST(&info.ipi6_addr);
  }
  header->msg_controllen = 0;
  return true;
}

/* Describes a received request in `lengths` and `peers`. */
static void describe(struct batch *batch, uint32_t slot, uint32_t socket) {
  const struct batch_memory *memory = &batch->memory;
  const struct mmsghdr *header = &batch->in[slot];
  const union batch_sockaddr *peer = &batch->peers[slot];
  int32_t *words = memory->peers + (size_t)slot * BATCH_PEER_WORDS;
  uint16_t port;
  if (peer->any.sa_family == AF_INET) {
    words[0] = 4;
    words[1] = (int32_t)ntohl(peer->v4.sin_addr.s_addr);
    words[2] = words[3] = words[4] = 0;
    port = ntohs(peer->v4.sin_port);
  } else {
    words[0] = write_v6(&peer->v6.sin6_addr, words + 1);
    port = ntohs(peer->v6.sin6_port);
  }
  const bool is_truncated = (header->msg_hdr.msg_flags & MSG_TRUNC) != 0;
  words[5] = port;
  words[6] = is_truncated ? BATCH_TRUNCATED : 0;
  words[7] = (int32_t)socket;
  memcpy(words + 8, batch->sockets[socket].local, sizeof batch->sockets[socket].local);
  bool is_ours = port != 0;
  if (batch->sockets[socket].is_wildcard) is_ours &= read_asked(batch, slot, words + 8);

  const uint32_t bytes = header->msg_len < memory->payload_bytes ? header->msg_len : memory->payload_bytes;
  memory->lengths[slot] = is_ours ? (int32_t)bytes : 0;
  const size_t at = (size_t)slot * memory->slot_bytes;
  memcpy(memory->requests + at, memory->slots + at, bytes);
  batch->socket_of[slot] = (uint16_t)socket;
  if (!is_ours) batch->counters[BATCH_IGNORED] += 1;
  if (is_truncated) batch->counters[BATCH_REQUESTS_TRUNCATED] += 1;
}

/* Fills slots from `from` on with what one socket holds; returns how many. Does not block. */
static uint32_t receive_from(struct batch *batch, uint32_t socket, uint32_t from) {
  const struct batch_socket *source = &batch->sockets[socket];
  const uint32_t room = batch->memory.slot_count - from;
  for (uint32_t slot = from; slot < from + room; slot += 1) {
    struct msghdr *header = &batch->in[slot].msg_hdr;
    header->msg_namelen = sizeof batch->peers[slot];
    header->msg_control = source->is_wildcard ? &batch->controls[slot] : NULL;
    header->msg_controllen = source->is_wildcard ? sizeof batch->controls[slot] : 0;
  }
  for (int attempt = 0; attempt < 2; attempt += 1) {
    const int received = recvmmsg(source->fd, batch->in + from, room, MSG_DONTWAIT, NULL);
    if (received > 0) {
      for (uint32_t slot = from; slot < from + (uint32_t)received; slot += 1) {
        describe(batch, slot, socket);
      }
      return (uint32_t)received;
    }
    if (received == 0 || errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    /* An interruption, or the error of an earlier datagram (ICMP): ask once more. */
    if (errno == ENOMEM || errno == ENOBUFS) sleep_for(1000);
  }
  return 0;
}

/* Takes what the sockets hold, in turn; `asked_poll` leaves out those that poll found empty. */
static uint32_t receive_ready(struct batch *batch, bool asked_poll) {
  uint32_t filled = batch->xdp == NULL ? 0 : xdp_receive(batch, 0);
  uint32_t at = batch->first_socket;
  for (uint32_t tried = 0; tried < batch->socket_count; tried += 1) {
    if (filled == batch->memory.slot_count) break;
    if (!asked_poll || batch->polled[at].revents != 0) filled += receive_from(batch, at, filled);
    at = at + 1 == batch->socket_count ? 0 : at + 1;
  }
  batch->first_socket = at;
  return filled;
}

/* Takes what is probably there, without asking poll first. */
static uint32_t receive_eagerly(struct batch *batch) {
  if (batch->xdp != NULL) {
    return batch->exchanges % SOCKETS_EVERY == 0 ? 0 : xdp_receive(batch, 0);
  }
  return batch->socket_count == 1 ? receive_ready(batch, false) : 0;
}

static uint32_t wait_and_receive(struct batch *batch) {
  struct pollfd *wake = &batch->polled[batch->socket_count];
  const bool is_sending = batch->xdp != NULL && xdp_is_sending(batch);
  const int wait_ms = is_sending ? SENDING_WAIT_MILLIS : batch->wait_ms;
  const int ready = poll(batch->polled, (nfds_t)batch->polled_count, wait_ms);
  if (ready <= 0) return 0;
  if (wake->revents != 0) {
    uint64_t wakes;
    (void)!read(batch->wake_fd, &wakes, sizeof wakes);
  }
  return receive_ready(batch, true);
}

/* Of so many batches the latency of one is looked at. */
enum { SAMPLED_EVERY = 16 };

static uint64_t now_ns(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The answers of a sampled batch are with the kernel now. */
static void count_latency(struct batch *batch, uint32_t answered) {
  const uint64_t micros = (now_ns() - batch->received_ns) / 1000u;
  uint32_t bucket = 0;
  while (bucket + 1 < BATCH_LATENCY_BUCKETS && micros >> (bucket + 2) != 0) bucket += 1;
  batch->counters[BATCH_LATENCY_MICROS] += micros * answered;
  batch->counters[BATCH_LATENCY + bucket] += answered;
  batch->received_ns = 0;
}

static void publish_counters(struct batch *batch, int count) {
  for (int counter = 0; counter < count; counter += 1) {
    batch->memory.counters[counter] = (double)batch->counters[counter];
  }
}

int batch_exchange(struct batch *batch, uint32_t answered) {
  const uint32_t before = batch->received;
  if (answered > before) answered = before;
  send_answers(batch, answered);
  if (batch->xdp != NULL) xdp_send(batch, answered, before);
  if (batch->received_ns != 0) count_latency(batch, answered);
  publish_counters(batch, BATCH_COUNTERS); /* it may be long until the next request */
  uint32_t received = 0;
  bool is_over = false;
  if (atomic_load_explicit(&batch->is_stopping, memory_order_relaxed)) {
    if (batch->drain_left > 0) {
      batch->drain_left -= 1;
      received = receive_ready(batch, false);
    }
    is_over = received == 0;
  } else {
    if (batch->sleep_micros > 0 && before > 0 && before <= SMALL_BATCH) {
      sleep_for(batch->sleep_micros);
    }
    if (before >= EAGER_BATCH) received = receive_eagerly(batch);
    if (received == 0) received = wait_and_receive(batch);
  }
  batch->received = received;
  if (received > 0 && batch->exchanges % SAMPLED_EVERY == 0) batch->received_ns = now_ns();
  batch->exchanges += 1;
  batch->counters[BATCH_RECEIVED] += received;
  if (received > 0) batch->counters[BATCH_BATCHES] += 1;
  if (received == 0 || batch->exchanges % DROPS_EVERY == 0) batch_read_drops(batch);
  publish_counters(batch, BATCH_LATENCY_MICROS);
  return is_over ? -1 : (int)received;
}
