/*
 * AF_XDP beside the sockets of a batch: an interface hands over the datagrams for our addresses
 * before the kernel's IP sees them, and takes whole frames as answers.
 *
 * What the program on the interface does not take goes on to the sockets as ever: loopback,
 * fragments, IP options and extension headers, VLANs, link-local addresses, broadcast, and
 * addresses that the machine got later. So a batch with AF_XDP serves everything that one without serves.
 */
#ifndef MERIDIAN_XDP_H
#define MERIDIAN_XDP_H

#include "batch_internal.h"

enum {
  XDP_MAX_INTERFACES = 16,
  XDP_MAX_QUEUES = 64,
  /* Local addresses and ports of one interface. */
  XDP_MAX_HOSTS = 1024,
};

/* What the program looks up: where a datagram goes. As on the wire; IPv4 fills 4 octets of 16. */
struct xdp_host {
  uint8_t octets[16];
  uint16_t port;   /* network order */
  uint16_t family; /* 4 or 6 */
};

/* An interface with our program on it, shared by the batches of all threads. */
struct xdp_interface;

/* A ring that is shared with the kernel; its entries are counted by numbers that wrap. */
struct xdp_ring {
  _Atomic uint32_t *producer;
  _Atomic uint32_t *consumer;
  _Atomic uint32_t *flags;
  void *entries;
  void *map;
  size_t map_bytes;
};

/*
 * A socket on one queue of an interface. Its frames go round: the kernel fills one with a request
 * (fill, in), it lies with a slot, and is given back, at once or as an answer (out, done, fill).
 */
struct xdp_socket {
  int fd;
  struct xdp_interface *interface;
  uint32_t queue;
  /* Most octets of a frame that is sent. */
  uint32_t frame_limit;
  uint8_t *frames;
  struct xdp_ring fill, done, in, out;
  /* Our ends of the rings. */
  uint32_t fill_at, done_at, in_at, out_at;
  /* The kernel's count of drops at the last look. */
  uint64_t drops;
};

/* What a batch knows of its frames. */
struct xdp {
  struct xdp_socket sockets[XDP_MAX_QUEUES];
  uint32_t socket_count;
  struct xdp_interface *interfaces[XDP_MAX_INTERFACES];
  uint32_t interface_count;
  /* What our interfaces take, and which socket of the batch that would be. */
  struct xdp_host hosts[XDP_MAX_HOSTS];
  uint16_t socket_of_host[XDP_MAX_HOSTS];
  uint32_t host_count;
  /* The host of the request before: most often that of the next. */
  uint32_t last_host;
  uint16_t next_id;
  /* By slot: number of the socket that its frame belongs to, plus 1; 0 without a frame. */
  uint16_t *socket_of;
  uint64_t *frame_of;
  uint32_t *frame_bytes_of;
};

/*
 * Takes a share of the queues of the interfaces that have the batch's addresses: one of `shares`
 * threads. False with the reason in `failure` when an interface cannot be had at all; fine without
 * any when there is none but loopback, or other threads have taken all queues.
 */
bool xdp_open(struct batch *batch, const struct batch_options *options,
              struct batch_failure *failure);

/* Gives queues and interfaces back. */
void xdp_close(struct batch *batch);

/* Fills slots from `from` on with requests; returns how many. Does not block. */
uint32_t xdp_receive(struct batch *batch, uint32_t from);

/* Sends the answers of those of the first `answered` slots that have frames; forgets all frames. */
void xdp_send(struct batch *batch, uint32_t answered, uint32_t received);

/* Whether answers wait for room in a device's queue. */
bool xdp_is_sending(const struct batch *batch);

/* Adds what the kernel dropped to the counters. */
void xdp_read_drops(struct batch *batch);

/* xdp_interface.c: one program on an interface. */

/*
 * The interface, with the program on it; NULL with errno and the name of the call. EALREADY: this
 * process has it for other addresses.
 */
struct xdp_interface *xdp_enter(uint32_t index, const struct xdp_host *hosts, uint32_t host_count,
                                const char **call);
void xdp_leave(struct xdp_interface *interface);
/* A queue that nobody has, or -1. */
int xdp_claim(struct xdp_interface *interface);
void xdp_unclaim(struct xdp_interface *interface, uint32_t queue);
uint32_t xdp_queues(const struct xdp_interface *interface);
uint32_t xdp_mtu(const struct xdp_interface *interface);
uint32_t xdp_index(const struct xdp_interface *interface);
/* Makes the program hand a queue's datagrams to a socket; false with errno. */
bool xdp_direct(struct xdp_interface *interface, uint32_t queue, int fd);

/* xdp_socket.c: frames and rings of one queue. */

/* False with errno and the name of the call. */
bool xdp_socket_open(struct xdp_socket *opened, const char **call);
void xdp_socket_close(struct xdp_socket *opened);
void xdp_give_back(struct xdp_socket *socket, uint64_t frame);
/* Tells the kernel of frames given back and answers put out. */
void xdp_flush(struct xdp_socket *socket);

enum { XDP_FRAMES = 2048, XDP_FRAME_BYTES = 2048 };

#endif
