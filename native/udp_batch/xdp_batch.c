/* Moves datagrams between the frames of AF_XDP sockets and the slots of a batch. */
#include "xdp.h"
#include "xdp_packet.h"

#include <linux/if_xdp.h>
#include <string.h>

static int32_t word_at(const uint8_t *octets) {
  uint32_t word;
  memcpy(&word, octets, sizeof word);
  return (int32_t)ntohl(word);
}

/* The host that a datagram is for; the number of hosts when it is none of ours. */
static uint32_t find_host(struct xdp *xdp, const uint8_t *frame, const struct packet *packet) {
  struct xdp_host asked;
  memset(&asked, 0, sizeof asked);
  memcpy(asked.octets, packet->source + packet->address_bytes, packet->address_bytes);
  memcpy(&asked.port, frame + packet->udp_at + 2, 2);
  asked.family = packet->family;
  if (memcmp(&asked, &xdp->hosts[xdp->last_host], sizeof asked) == 0) return xdp->last_host;
  for (uint32_t at = 0; at < xdp->host_count; at += 1) {
    if (memcmp(&asked, &xdp->hosts[at], sizeof asked) != 0) continue;
    xdp->last_host = at;
    return at;
  }
  return xdp->host_count;
}

static void write_address(const uint8_t *octets, uint32_t bytes, int32_t *words) {
  for (uint32_t at = 0; at < 16; at += 4) words[at / 4] = at < bytes ? word_at(octets + at) : 0;
}

/* Copies a request to a slot, and describes it in `lengths` and `peers`. */
static void take(struct batch *batch, uint32_t slot, const uint8_t *frame,
                 const struct packet *packet, uint32_t socket) {
  const struct batch_memory *memory = &batch->memory;
  const uint32_t most = memory->payload_bytes;
  const bool is_truncated = packet->payload_bytes > most;
  const uint32_t bytes = is_truncated ? most : packet->payload_bytes;
  const bool is_ours = packet_has_sender(frame, packet);
  const size_t at = (size_t)slot * memory->slot_bytes;
  int32_t *words = memory->peers + (size_t)slot * BATCH_PEER_WORDS;
  memcpy(memory->slots + at, frame + packet->udp_at + UDP_BYTES, bytes);
  memcpy(memory->requests + at, frame + packet->udp_at + UDP_BYTES, bytes);
  memory->lengths[slot] = is_ours ? (int32_t)bytes : 0;
  words[0] = packet->family;
  write_address(packet->source, packet->address_bytes, words + 1);
  words[5] = packet_source_port(frame, packet);
  words[6] = is_truncated ? BATCH_TRUNCATED : 0;
  words[7] = (int32_t)socket;
  write_address(packet->source + packet->address_bytes, packet->address_bytes, words + 8);
  batch->socket_of[slot] = (uint16_t)socket;
  if (!is_ours) batch->counters[BATCH_IGNORED] += 1;
  if (is_truncated) batch->counters[BATCH_REQUESTS_TRUNCATED] += 1;
}

static uint32_t receive_from(struct batch *batch, uint32_t number, uint32_t from) {
  struct xdp *xdp = batch->xdp;
  struct xdp_socket *socket = &xdp->sockets[number];
  const struct xdp_desc *requests = socket->in.entries;
  const uint32_t end = atomic_load_explicit(socket->in.producer, memory_order_acquire);
  uint32_t slot = from;
  while (socket->in_at != end && slot < batch->memory.slot_count) {
    const struct xdp_desc request = requests[socket->in_at % XDP_FRAMES];
    const uint8_t *frame = socket->frames + request.addr;
    struct packet packet;
    socket->in_at += 1;
    const uint32_t host =
        packet_read(frame, request.len, &packet) ? find_host(xdp, frame, &packet) : xdp->host_count;
    if (host == xdp->host_count) {
      batch->counters[BATCH_IGNORED] += 1;
      xdp_give_back(socket, request.addr);
      continue;
    }
    take(batch, slot, frame, &packet, xdp->socket_of_host[host]);
    xdp->socket_of[slot] = (uint16_t)(number + 1);
    xdp->frame_of[slot] = request.addr;
    xdp->frame_bytes_of[slot] = request.len;
    slot += 1;
  }
  atomic_store_explicit(socket->in.consumer, socket->in_at, memory_order_release);
  return slot - from;
}

uint32_t xdp_receive(struct batch *batch, uint32_t from) {
  uint32_t filled = 0;
  for (uint32_t at = 0; at < batch->xdp->socket_count; at += 1) {
    /* Each in turn comes first, so that a busy queue cannot starve the others. */
    const uint32_t number = (at + batch->exchanges) % batch->xdp->socket_count;
    filled += receive_from(batch, number, from + filled);
  }
  return filled;
}

/* Writes an address for a socket; IPv4 as IPv4-mapped where the socket is of IPv6. */
static void write_name(const struct packet *packet, const uint8_t *octets, bool is_v6,
                       struct in6_addr *v6, struct in_addr *v4) {
  if (!is_v6) {
    memcpy(v4, octets, 4);
  } else if (packet->family == 6) {
    memcpy(v6, octets, 16);
  } else {
    memset(v6, 0, 10);
    memset(v6->s6_addr + 10, 0xff, 2);
    memcpy(v6->s6_addr + 12, octets, 4);
  }
}

/* Sends an answer that fits no frame by the socket that the request would have come to. */
static void send_by_socket(struct batch *batch, uint32_t slot, uint32_t bytes, const uint8_t *frame,
                           const struct packet *packet) {
  const struct batch_socket *socket = &batch->sockets[batch->socket_of[slot]];
  const uint8_t *asked = packet->source + packet->address_bytes;
  union batch_sockaddr name;
  union batch_control control;
  struct iovec part = {.iov_base = batch->memory.slots + (size_t)slot * batch->memory.slot_bytes,
                       .iov_len = bytes};
  struct msghdr header = {.msg_name = &name, .msg_iov = &part, .msg_iovlen = 1};
  memset(&name, 0, sizeof name);
  memset(&control, 0, sizeof control);
  struct cmsghdr *message = &control.align;
  if (socket->is_v6) {
    struct in6_pktinfo info = {.ipi6_ifindex = 0};
    name.v6.sin6_family = AF_INET6;
    memcpy(&name.v6.sin6_port, frame + packet->udp_at, 2);
    write_name(packet, packet->source, true, &name.v6.sin6_addr, NULL);
    write_name(packet, asked, true, &info.ipi6_addr, NULL);
    header.msg_namelen = sizeof name.v6;
    header.msg_controllen = CMSG_SPACE(sizeof info);
    message->cmsg_level = IPPROTO_IPV6;
    message->cmsg_type = IPV6_PKTINFO;
    message->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(message), &info, sizeof info);
  } else {
    struct in_pktinfo info = {.ipi_ifindex = 0};
    name.v4.sin_family = AF_INET;
    memcpy(&name.v4.sin_port, frame + packet->udp_at, 2);
    write_name(packet, packet->source, false, NULL, &name.v4.sin_addr);
    write_name(packet, asked, false, NULL, &info.ipi_spec_dst);
    header.msg_namelen = sizeof name.v4;
    header.msg_controllen = CMSG_SPACE(sizeof info);
    message->cmsg_level = IPPROTO_IP;
    message->cmsg_type = IP_PKTINFO;
    message->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(message), &info, sizeof info);
  }
  header.msg_control = &control;
  const bool is_sent = sendmsg(socket->fd, &header, 0) >= 0;
  batch->counters[is_sent ? BATCH_SENT : BATCH_UNSENT] += 1;
}

/* Puts out one answer, or gives its frame back. */
static void answer(struct batch *batch, uint32_t slot, uint32_t bytes) {
  struct xdp *xdp = batch->xdp;
  struct xdp_socket *socket = &xdp->sockets[xdp->socket_of[slot] - 1];
  const uint64_t at = xdp->frame_of[slot];
  uint8_t *frame = socket->frames + at;
  struct packet packet;
  /* Nobody but us has written to the frame since it was read. */
  if (bytes == 0 || !packet_read(frame, xdp->frame_bytes_of[slot], &packet)) {
    xdp_give_back(socket, at);
    return;
  }
  const uint32_t room = XDP_FRAME_BYTES - (uint32_t)(at % XDP_FRAME_BYTES);
  const uint32_t frame_bytes = packet.udp_at + UDP_BYTES + bytes;
  if (frame_bytes > room || frame_bytes > socket->frame_limit) {
    send_by_socket(batch, slot, bytes, frame, &packet);
    xdp_give_back(socket, at);
    return;
  }
  memcpy(frame + packet.udp_at + UDP_BYTES,
         batch->memory.slots + (size_t)slot * batch->memory.slot_bytes, bytes);
  xdp->next_id += 1;
  struct xdp_desc *answers = socket->out.entries;
  answers[socket->out_at % XDP_FRAMES] =
      (struct xdp_desc){.addr = at, .len = packet_turn_round(frame, &packet, bytes, xdp->next_id)};
  socket->out_at += 1;
  batch->counters[BATCH_SENT] += 1;
}

void xdp_send(struct batch *batch, uint32_t answered, uint32_t received) {
  struct xdp *xdp = batch->xdp;
  const struct batch_memory *memory = &batch->memory;
  for (uint32_t slot = 0; slot < received; slot += 1) {
    if (xdp->socket_of[slot] == 0) continue;
    const int32_t bytes = slot < answered ? memory->lengths[slot] : 0;
    const bool is_sane = bytes >= 0 && (uint32_t)bytes <= memory->payload_bytes;
    if (!is_sane) batch->counters[BATCH_UNSENT] += 1;
    answer(batch, slot, is_sane ? (uint32_t)bytes : 0);
    xdp->socket_of[slot] = 0;
  }
  for (uint32_t at = 0; at < xdp->socket_count; at += 1) xdp_flush(&xdp->sockets[at]);
}

bool xdp_is_sending(const struct batch *batch) {
  for (uint32_t at = 0; at < batch->xdp->socket_count; at += 1) {
    const struct xdp_socket *socket = &batch->xdp->sockets[at];
    if (atomic_load_explicit(socket->out.consumer, memory_order_relaxed) != socket->out_at) {
      return true;
    }
  }
  return false;
}

void xdp_read_drops(struct batch *batch) {
  for (uint32_t at = 0; at < batch->xdp->socket_count; at += 1) {
    struct xdp_socket *socket = &batch->xdp->sockets[at];
    struct xdp_statistics statistics;
    socklen_t bytes = sizeof statistics;
    memset(&statistics, 0, sizeof statistics);
    if (getsockopt(socket->fd, SOL_XDP, XDP_STATISTICS, &statistics, &bytes) != 0) continue;
    const uint64_t drops = statistics.rx_dropped + statistics.rx_ring_full;
    batch->counters[BATCH_KERNEL_DROPS] += drops - socket->drops;
    socket->drops = drops;
  }
}
