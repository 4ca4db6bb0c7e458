/*
 * The same echo as echo.c on io_uring: what a server saves, or not, over recvmmsg and sendmmsg.
 *   echo_uring [SEND [SETUP]] → prints its port on 127.0.0.1
 *
 * Requests come by one multishot recvmsg into provided buffers. SEND is how answers leave:
 *   sendmsg  one SENDMSG entry for each answer, in the same io_uring_enter that waits (default)
 *   send     one SEND entry with an address for each answer
 *   cqe      as sendmsg, with a completion for each answer that is read
 *   mmsg     sendmmsg, so that the ring only receives
 *   recvmmsg SENDMSG entries for answers, but requests by recvmmsg
 * SETUP: defer (default: SINGLE_ISSUER, DEFER_TASKRUN), coop (COOP_TASKRUN), plain, sqpoll.
 */
#define _GNU_SOURCE
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef IORING_SETUP_NO_SQARRAY
#define IORING_SETUP_NO_SQARRAY (1U << 16)
#endif

enum { BATCH = 64, BUFFERS = 256, BUFFER_BYTES = 1408, ENTRIES = 256, GROUP = 1 };
enum { RECEIVED = 1, SENT = 2 };

static unsigned char buffers[BUFFERS][BUFFER_BYTES] __attribute__((aligned(64)));
static struct io_uring_buf_ring *buffer_ring;
static struct msghdr answers[BUFFERS];
static struct iovec parts[BUFFERS];
static struct mmsghdr messages[BATCH];
static struct sockaddr_in peers[BATCH];
static uint16_t buffer_tail;

static int ring_fd, enter_fd;
static unsigned enter_flags;
static _Atomic unsigned *sq_head, *sq_tail, *cq_head, *cq_tail, *sq_flags;
static unsigned sq_mask, cq_mask, sq_entries, pending;
static struct io_uring_sqe *sqes;
static struct io_uring_cqe *cqes;

static const struct msghdr template = {.msg_namelen = sizeof(struct sockaddr_in)};

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void open_ring(unsigned flags) {
  struct io_uring_params params = {.flags = flags | IORING_SETUP_CQSIZE | IORING_SETUP_NO_SQARRAY,
                                   .cq_entries = 4 * ENTRIES,
                                   .sq_thread_idle = 50};
  ring_fd = (int)syscall(__NR_io_uring_setup, ENTRIES, &params);
  if (ring_fd < 0 && errno == EINVAL) {
    params.flags &= ~IORING_SETUP_NO_SQARRAY;
    ring_fd = (int)syscall(__NR_io_uring_setup, ENTRIES, &params);
  }
  if (ring_fd < 0) die("io_uring_setup");
  const size_t cq_bytes = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
  const size_t sq_bytes = params.sq_off.array + params.sq_entries * sizeof(unsigned);
  char *rings = mmap(NULL, cq_bytes > sq_bytes ? cq_bytes : sq_bytes, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_POPULATE, ring_fd, IORING_OFF_SQ_RING);
  sqes = mmap(NULL, params.sq_entries * sizeof *sqes, PROT_READ | PROT_WRITE,
              MAP_SHARED | MAP_POPULATE, ring_fd, IORING_OFF_SQES);
  if (rings == MAP_FAILED || sqes == MAP_FAILED) die("mmap");
  sq_head = (_Atomic unsigned *)(rings + params.sq_off.head);
  sq_tail = (_Atomic unsigned *)(rings + params.sq_off.tail);
  sq_flags = (_Atomic unsigned *)(rings + params.sq_off.flags);
  cq_head = (_Atomic unsigned *)(rings + params.cq_off.head);
  cq_tail = (_Atomic unsigned *)(rings + params.cq_off.tail);
  sq_mask = *(unsigned *)(rings + params.sq_off.ring_mask);
  cq_mask = *(unsigned *)(rings + params.cq_off.ring_mask);
  sq_entries = params.sq_entries;
  cqes = (struct io_uring_cqe *)(rings + params.cq_off.cqes);
  if (!(params.flags & IORING_SETUP_NO_SQARRAY)) {
    unsigned *array = (unsigned *)(rings + params.sq_off.array);
    for (unsigned at = 0; at < sq_entries; at += 1) array[at] = at;
  }
  struct io_uring_rsrc_update self = {.offset = (unsigned)-1, .data = (unsigned)ring_fd};
  enter_fd = ring_fd;
  if (syscall(__NR_io_uring_register, ring_fd, IORING_REGISTER_RING_FDS, &self, 1) == 1) {
    enter_fd = (int)self.offset;
    enter_flags = IORING_ENTER_REGISTERED_RING;
  }
}

static void give_back(unsigned buffer) {
  struct io_uring_buf *entry = &buffer_ring->bufs[buffer_tail++ & (BUFFERS - 1)];
  entry->addr = (uint64_t)(uintptr_t)buffers[buffer];
  entry->len = BUFFER_BYTES;
  entry->bid = (uint16_t)buffer;
}

static void publish_buffers(void) {
  atomic_store_explicit((_Atomic uint16_t *)&buffer_ring->tail, buffer_tail, memory_order_release);
}

static void register_parts(int fd) {
  buffer_ring = mmap(NULL, BUFFERS * sizeof(struct io_uring_buf), PROT_READ | PROT_WRITE,
                     MAP_ANONYMOUS | MAP_PRIVATE | MAP_POPULATE, -1, 0);
  struct io_uring_buf_reg reg = {
      .ring_addr = (uint64_t)(uintptr_t)buffer_ring, .ring_entries = BUFFERS, .bgid = GROUP};
  if (syscall(__NR_io_uring_register, ring_fd, IORING_REGISTER_PBUF_RING, &reg, 1) != 0) {
    die("IORING_REGISTER_PBUF_RING");
  }
  if (syscall(__NR_io_uring_register, ring_fd, IORING_REGISTER_FILES, &fd, 1) != 0) {
    die("IORING_REGISTER_FILES");
  }
  for (unsigned at = 0; at < BUFFERS; at += 1) give_back(at);
  publish_buffers();
}

static struct io_uring_sqe *next_sqe(uint8_t opcode, uint8_t flags, uint64_t data) {
  const unsigned tail = atomic_load_explicit(sq_tail, memory_order_relaxed);
  while (tail + pending - atomic_load_explicit(sq_head, memory_order_acquire) >= sq_entries) {
    continue;
  }
  struct io_uring_sqe *sqe = &sqes[(tail + pending) & sq_mask];
  memset(sqe, 0, sizeof *sqe);
  sqe->opcode = opcode;
  sqe->flags = flags | IOSQE_FIXED_FILE;
  sqe->user_data = data;
  pending += 1;
  return sqe;
}

static void arm(void) {
  struct io_uring_sqe *sqe = next_sqe(IORING_OP_RECVMSG, IOSQE_BUFFER_SELECT, RECEIVED);
  sqe->addr = (uint64_t)(uintptr_t)&template;
  sqe->len = 1;
  sqe->ioprio = IORING_RECV_MULTISHOT;
  sqe->buf_group = GROUP;
}

static void enter(unsigned least, bool is_polled) {
  const unsigned submit = pending;
  atomic_store_explicit(sq_tail, *sq_tail + pending, memory_order_release);
  pending = 0;
  unsigned flags = enter_flags | IORING_ENTER_GETEVENTS;
  if (is_polled) {
    atomic_thread_fence(memory_order_seq_cst);
    if (*sq_flags & IORING_SQ_NEED_WAKEUP) flags |= IORING_ENTER_SQ_WAKEUP;
  }
  if (syscall(__NR_io_uring_enter, enter_fd, submit, least, flags, NULL, 0) < 0 && errno != EINTR) {
    die("io_uring_enter");
  }
}

static void answer(const char *how, unsigned at, void *bytes, size_t length, void *peer) {
  const uint8_t flags = strcmp(how, "cqe") == 0 ? 0 : IOSQE_CQE_SKIP_SUCCESS;
  if (strcmp(how, "send") == 0) {
    struct io_uring_sqe *sqe = next_sqe(IORING_OP_SEND, flags, SENT);
    sqe->addr = (uint64_t)(uintptr_t)bytes;
    sqe->len = (unsigned)length;
    sqe->addr2 = (uint64_t)(uintptr_t)peer;
    sqe->addr_len = sizeof(struct sockaddr_in);
    sqe->msg_flags = MSG_DONTWAIT;
    return;
  }
  parts[at] = (struct iovec){.iov_base = bytes, .iov_len = length};
  answers[at] = (struct msghdr){.msg_name = peer,
                                .msg_namelen = sizeof(struct sockaddr_in),
                                .msg_iov = &parts[at],
                                .msg_iovlen = 1};
  struct io_uring_sqe *sqe = next_sqe(IORING_OP_SENDMSG, flags, SENT);
  sqe->addr = (uint64_t)(uintptr_t)&answers[at];
  sqe->len = 1;
  sqe->msg_flags = MSG_DONTWAIT;
}

static void serve_recvmmsg(int fd) {
  for (;;) {
    for (int at = 0; at < BATCH; at += 1) {
      parts[BATCH + at] = (struct iovec){.iov_base = buffers[at], .iov_len = BUFFER_BYTES};
      messages[at].msg_hdr = (struct msghdr){.msg_name = &peers[at],
                                             .msg_namelen = sizeof peers[at],
                                             .msg_iov = &parts[BATCH + at],
                                             .msg_iovlen = 1};
    }
    const int received = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
    for (int at = 0; at < received; at += 1) {
      buffers[at][2] |= 0x80;
      answer("sendmsg", (unsigned)at, buffers[at], messages[at].msg_len, &peers[at]);
    }
    enter(0, false);
  }
}

int main(int argc, char **argv) {
  const char *how = argc > 1 ? argv[1] : "sendmsg", *setup = argc > 2 ? argv[2] : "defer";
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  const int buffer_bytes = 4 << 20;
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t name_bytes = sizeof name;
  if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof name) != 0 ||
      getsockname(fd, (struct sockaddr *)&name, &name_bytes) != 0) {
    die("echo_uring");
  }
  (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes);
  (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer_bytes, sizeof buffer_bytes);
  const bool is_polled = strcmp(setup, "sqpoll") == 0;
  open_ring(is_polled                    ? IORING_SETUP_SQPOLL
            : strcmp(setup, "defer") == 0 ? IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN
            : strcmp(setup, "coop") == 0  ? IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN
                                          : 0);
  register_parts(fd);
  printf("%d\n", ntohs(name.sin_port));
  fflush(stdout);
  if (strcmp(how, "recvmmsg") == 0) serve_recvmmsg(fd);
  const bool by_mmsg = strcmp(how, "mmsg") == 0;
  unsigned held[BATCH], held_count = 0;
  arm();
  for (;;) {
    enter(1, is_polled);
    for (unsigned at = 0; at < held_count; at += 1) give_back(held[at]);
    if (held_count > 0) publish_buffers();
    held_count = 0;
    unsigned head = atomic_load_explicit(cq_head, memory_order_relaxed), count = 0;
    const unsigned tail = atomic_load_explicit(cq_tail, memory_order_acquire);
    for (; head != tail && held_count < BATCH; head += 1) {
      const struct io_uring_cqe *cqe = &cqes[head & cq_mask];
      if (cqe->user_data != RECEIVED) continue;
      if (!(cqe->flags & IORING_CQE_F_MORE)) arm();
      if (!(cqe->flags & IORING_CQE_F_BUFFER)) continue;
      const unsigned buffer = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
      unsigned char *bytes = buffers[buffer];
      struct io_uring_recvmsg_out *out = (struct io_uring_recvmsg_out *)bytes;
      void *peer = bytes + sizeof *out;
      unsigned char *payload = bytes + sizeof *out + sizeof(struct sockaddr_in);
      held[held_count++] = buffer;
      if (cqe->res < (int)(sizeof *out + sizeof(struct sockaddr_in) + 3)) continue;
      payload[2] |= 0x80;
      if (by_mmsg) {
        parts[count] = (struct iovec){.iov_base = payload, .iov_len = out->payloadlen};
        messages[count].msg_hdr = (struct msghdr){.msg_name = peer,
                                                    .msg_namelen = sizeof(struct sockaddr_in),
                                                    .msg_iov = &parts[count],
                                                    .msg_iovlen = 1};
        count += 1;
      } else {
        answer(how, buffer, payload, out->payloadlen, peer);
      }
    }
    atomic_store_explicit(cq_head, head, memory_order_release);
    for (unsigned sent = 0; sent < count;) {
      const int some = sendmmsg(fd, messages + sent, count - sent, 0);
      sent += some > 0 ? (unsigned)some : 1;
    }
  }
}
