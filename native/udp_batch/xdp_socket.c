/* Opens an AF_XDP socket on one queue, and moves frames through its rings. */
#include "xdp.h"

#include <errno.h>
#include <linux/if_xdp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#ifndef XDP_MAX_TX_SKB_BUDGET
#define XDP_MAX_TX_SKB_BUDGET 9
#endif

/* A queue whose last socket was just closed is given free by the kernel a little later. */
enum { BIND_ATTEMPTS = 100, BIND_PAUSE_MILLIS = 10 };

static bool map_ring(int fd, const struct xdp_ring_offset *at, size_t entry_bytes, off_t offset,
                     struct xdp_ring *ring) {
  ring->map_bytes = at->desc + XDP_FRAMES * entry_bytes;
  ring->map =
      mmap(NULL, ring->map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);
  if (ring->map == MAP_FAILED) {
    ring->map = NULL;
    return false;
  }
  uint8_t *bytes = ring->map;
  ring->producer = (_Atomic uint32_t *)(void *)(bytes + at->producer);
  ring->consumer = (_Atomic uint32_t *)(void *)(bytes + at->consumer);
  ring->flags = (_Atomic uint32_t *)(void *)(bytes + at->flags);
  ring->entries = bytes + at->desc;
  return true;
}

static int set_xdp(int fd, int name, const void *value, socklen_t bytes) {
  return setsockopt(fd, SOL_XDP, name, value, bytes);
}

static bool open_rings(struct xdp_socket *opened, const char **call) {
  const int size = XDP_FRAMES, budget = BATCH_MAX_SLOTS;
  const int fd = opened->fd;
  struct xdp_umem_reg frames;
  memset(&frames, 0, sizeof frames);
  frames.addr = (uint64_t)(uintptr_t)opened->frames;
  frames.len = (uint64_t)XDP_FRAMES * XDP_FRAME_BYTES;
  frames.chunk_size = XDP_FRAME_BYTES;
  *call = "setsockopt(XDP_UMEM_REG)";
  if (set_xdp(fd, XDP_UMEM_REG, &frames, sizeof frames) != 0) return false;
  *call = "setsockopt(XDP_RX_RING)";
  if (set_xdp(fd, XDP_UMEM_FILL_RING, &size, sizeof size) != 0 ||
      set_xdp(fd, XDP_UMEM_COMPLETION_RING, &size, sizeof size) != 0 ||
      set_xdp(fd, XDP_RX_RING, &size, sizeof size) != 0 ||
      set_xdp(fd, XDP_TX_RING, &size, sizeof size) != 0) {
    return false;
  }
  /* A whole batch by one call, in kernels that know this (6.17); else one call for 32 answers. */
  (void)set_xdp(fd, XDP_MAX_TX_SKB_BUDGET, &budget, sizeof budget);
  struct xdp_mmap_offsets offsets;
  socklen_t offsets_bytes = sizeof offsets;
  *call = "getsockopt(XDP_MMAP_OFFSETS)";
  if (getsockopt(fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &offsets_bytes) != 0) return false;
  const size_t frame_entry = sizeof(uint64_t), packet_entry = sizeof(struct xdp_desc);
  *call = "mmap(AF_XDP)";
  return map_ring(fd, &offsets.fr, frame_entry, (off_t)XDP_UMEM_PGOFF_FILL_RING, &opened->fill) &&
         map_ring(fd, &offsets.cr, frame_entry, (off_t)XDP_UMEM_PGOFF_COMPLETION_RING,
                  &opened->done) &&
         map_ring(fd, &offsets.rx, packet_entry, XDP_PGOFF_RX_RING, &opened->in) &&
         map_ring(fd, &offsets.tx, packet_entry, (off_t)XDP_PGOFF_TX_RING, &opened->out);
}

static bool bind_queue(const struct xdp_socket *opened) {
  struct sockaddr_xdp name;
  memset(&name, 0, sizeof name);
  name.sxdp_family = AF_XDP;
  name.sxdp_ifindex = xdp_index(opened->interface);
  name.sxdp_queue_id = opened->queue;
  name.sxdp_flags = XDP_USE_NEED_WAKEUP; /* without copies where the driver can */
  const struct timespec pause = {.tv_nsec = BIND_PAUSE_MILLIS * 1000000L};
  for (int attempt = 0; attempt < BIND_ATTEMPTS; attempt += 1) {
    const struct sockaddr *address = (const struct sockaddr *)(const void *)&name;
    if (bind(opened->fd, address, sizeof name) == 0) return true;
    if (errno != EBUSY) return false;
    (void)nanosleep(&pause, NULL);
  }
  return false;
}

bool xdp_socket_open(struct xdp_socket *opened, const char **call) {
  *call = "mmap";
  opened->fd = -1;
  opened->frames = mmap(NULL, (size_t)XDP_FRAMES * XDP_FRAME_BYTES, PROT_READ | PROT_WRITE,
                        MAP_ANONYMOUS | MAP_PRIVATE | MAP_POPULATE, -1, 0);
  if (opened->frames == MAP_FAILED) {
    opened->frames = NULL;
    return false;
  }
  *call = "socket(AF_XDP)";
  opened->fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (opened->fd < 0 || !open_rings(opened, call)) return false;
  for (uint64_t frame = 0; frame < XDP_FRAMES; frame += 1) {
    xdp_give_back(opened, frame * XDP_FRAME_BYTES);
  }
  atomic_store_explicit(opened->fill.producer, opened->fill_at, memory_order_release);
  const uint32_t room = xdp_mtu(opened->interface) + 14;
  opened->frame_limit = room < XDP_FRAME_BYTES ? room : XDP_FRAME_BYTES;
  *call = "bind(AF_XDP)";
  if (!bind_queue(opened)) return false;
  *call = "bpf(BPF_MAP_UPDATE_ELEM)";
  return xdp_direct(opened->interface, opened->queue, opened->fd);
}

void xdp_socket_close(struct xdp_socket *opened) {
  struct xdp_ring *rings[] = {&opened->fill, &opened->done, &opened->in, &opened->out};
  /* The kernel takes a closed socket out of the program's map: the queue's packets pass again. */
  if (opened->fd >= 0) (void)close(opened->fd);
  for (int at = 0; at < 4; at += 1) {
    if (rings[at]->map != NULL) (void)munmap(rings[at]->map, rings[at]->map_bytes);
  }
  if (opened->frames != NULL) (void)munmap(opened->frames, (size_t)XDP_FRAMES * XDP_FRAME_BYTES);
}

void xdp_give_back(struct xdp_socket *socket, uint64_t frame) {
  uint64_t *entries = socket->fill.entries;
  entries[socket->fill_at % XDP_FRAMES] = frame / XDP_FRAME_BYTES * XDP_FRAME_BYTES;
  socket->fill_at += 1;
}

/* Makes the kernel send what is put out, as far as the device takes it. */
static void push(struct xdp_socket *socket) {
  for (uint32_t left = XDP_FRAMES + 1;;) {
    const uint32_t now =
        socket->out_at - atomic_load_explicit(socket->out.consumer, memory_order_acquire);
    /* No progress: the device's queue is full. The rest goes with the next batch. */
    if (now == 0 || now >= left) return;
    left = now;
    if ((atomic_load(socket->out.flags) & XDP_RING_NEED_WAKEUP) == 0) return;
    (void)!sendto(socket->fd, NULL, 0, MSG_DONTWAIT, NULL, 0);
  }
}

void xdp_flush(struct xdp_socket *socket) {
  atomic_store_explicit(socket->out.producer, socket->out_at, memory_order_release);
  push(socket);
  const uint32_t end = atomic_load_explicit(socket->done.producer, memory_order_acquire);
  const uint64_t *done = socket->done.entries;
  while (socket->done_at != end) {
    xdp_give_back(socket, done[socket->done_at % XDP_FRAMES]);
    socket->done_at += 1;
  }
  atomic_store_explicit(socket->done.consumer, socket->done_at, memory_order_release);
  atomic_store_explicit(socket->fill.producer, socket->fill_at, memory_order_release);
  if ((atomic_load(socket->fill.flags) & XDP_RING_NEED_WAKEUP) != 0) {
    (void)!recvfrom(socket->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
  }
}
