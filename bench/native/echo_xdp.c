/*
 * The same echo as echo.c on AF_XDP: takes datagrams to one port off an interface before the
 * kernel's IP does, and sends them back as frames. For IPv4 without options, one queue, copy mode.
 *   echo_xdp INTERFACE PORT [drv|skb] → prints the port
 * Needs root; meant for a veth pair, see docs/decisions/0004-af-xdp-and-not-io-uring.md.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <poll.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FRAMES = 4096, FRAME_BYTES = 2048, RING = 2048, BATCH = 64 };
/* Octets before the payload: Ethernet, IPv4 without options, UDP. */
enum { ETHERNET = 14, IP = 20, UDP = 8, HEADERS = ETHERNET + IP + UDP };

struct ring {
  _Atomic uint32_t *producer, *consumer, *flags;
  void *entries;
};

static unsigned char *frames;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static int bpf(int command, union bpf_attr *attr) {
  return (int)syscall(__NR_bpf, command, attr, sizeof *attr);
}

#define INSN(op, dst, src, offset, value)                         \
  ((struct bpf_insn){.code = (op), .dst_reg = (dst), .src_reg = (src), .off = (offset), \
                     .imm = (value)})
#define LOAD(size, dst, src, offset) INSN(BPF_LDX | BPF_MEM | (size), dst, src, offset, 0)
#define PASS_UNLESS(reg, value, insns) INSN(BPF_JMP | BPF_JNE | BPF_K, reg, 0, insns, value)

/* A program that hands UDP over IPv4 to `port` to the socket in the map, and passes on the rest. */
static int load_program(int map, uint16_t port) {
  enum { PASS = 23 };
  const struct bpf_insn program[] = {
      /* 0 */ INSN(BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0),
      /* 1 */ LOAD(BPF_W, 2, 6, offsetof(struct xdp_md, data)),
      /* 2 */ LOAD(BPF_W, 3, 6, offsetof(struct xdp_md, data_end)),
      /* 3 */ INSN(BPF_ALU64 | BPF_MOV | BPF_X, 4, 2, 0, 0),
      /* 4 */ INSN(BPF_ALU64 | BPF_ADD | BPF_K, 4, 0, 0, HEADERS),
      /* 5 */ INSN(BPF_JMP | BPF_JGT | BPF_X, 4, 3, PASS - 6, 0),
      /* 6 */ LOAD(BPF_H, 5, 2, 12),
      /* 7 */ PASS_UNLESS(5, htons(0x0800), PASS - 8),
      /* 8 */ LOAD(BPF_B, 5, 2, ETHERNET),
      /* 9 */ PASS_UNLESS(5, 0x45, PASS - 10),
      /* 10 */ LOAD(BPF_B, 5, 2, ETHERNET + 9),
      /* 11 */ PASS_UNLESS(5, IPPROTO_UDP, PASS - 12),
      /* 12 */ LOAD(BPF_H, 5, 2, ETHERNET + 6),
      /* 13 */ INSN(BPF_ALU64 | BPF_AND | BPF_K, 5, 0, 0, htons(0x3fff)),
      /* 14 */ PASS_UNLESS(5, 0, PASS - 15),
      /* 15 */ LOAD(BPF_H, 5, 2, ETHERNET + IP + 2),
      /* 16 */ PASS_UNLESS(5, htons(port), PASS - 17),
      /* 17 */ INSN(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, map),
      /* 18 */ INSN(0, 0, 0, 0, 0),
      /* 19 */ LOAD(BPF_W, 2, 6, offsetof(struct xdp_md, rx_queue_index)),
      /* 20 */ INSN(BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, XDP_PASS),
      /* 21 */ INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_redirect_map),
      /* 22 */ INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
      /* 23 */ INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, XDP_PASS),
      /* 24 */ INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
  };
  static char log[16384];
  union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_XDP,
                         .insns = (uint64_t)(uintptr_t)program,
                         .insn_cnt = sizeof program / sizeof program[0],
                         .license = (uint64_t)(uintptr_t)"Dual BSD/GPL",
                         .log_buf = (uint64_t)(uintptr_t)log,
                         .log_size = sizeof log,
                         .log_level = 1};
  const int loaded = bpf(BPF_PROG_LOAD, &attr);
  if (loaded < 0) {
    fprintf(stderr, "%s\n", log);
    die("BPF_PROG_LOAD");
  }
  return loaded;
}

static struct ring map_ring(int fd, const struct xdp_ring_offset *at, size_t entry_bytes,
                            uint64_t offset) {
  char *memory = mmap(NULL, at->desc + RING * entry_bytes, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_POPULATE, fd, (off_t)offset);
  if (memory == MAP_FAILED) die("mmap");
  return (struct ring){(_Atomic uint32_t *)(memory + at->producer),
                       (_Atomic uint32_t *)(memory + at->consumer),
                       (_Atomic uint32_t *)(memory + at->flags), memory + at->desc};
}

/* Turns a request's frame into its answer's: ends swapped, so that no checksum changes but one. */
static void turn_round(unsigned char *frame) {
  unsigned char *ip = frame + ETHERNET, *udp = ip + IP;
  unsigned char kept[6];
  memcpy(kept, frame, 6);
  memcpy(frame, frame + 6, 6);
  memcpy(frame + 6, kept, 6);
  memcpy(kept, ip + 12, 4);
  memcpy(ip + 12, ip + 16, 4);
  memcpy(ip + 16, kept, 4);
  memcpy(kept, udp, 2);
  memcpy(udp, udp + 2, 2);
  memcpy(udp + 2, kept, 2);
  memset(udp + 6, 0, 2); /* no checksum: allowed over IPv4 */
  udp[UDP + 2] |= 0x80;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  const unsigned interface = if_nametoindex(argv[1]);
  const uint16_t port = (uint16_t)atoi(argv[2]);
  const int is_generic = argc > 3 && strcmp(argv[3], "skb") == 0;
  const int fd = socket(AF_XDP, SOCK_RAW, 0);
  if (fd < 0) die("socket(AF_XDP)");
  frames = mmap(NULL, (size_t)FRAMES * FRAME_BYTES, PROT_READ | PROT_WRITE,
                MAP_ANONYMOUS | MAP_PRIVATE | MAP_POPULATE, -1, 0);
  struct xdp_umem_reg umem = {.addr = (uint64_t)(uintptr_t)frames,
                              .len = (uint64_t)FRAMES * FRAME_BYTES,
                              .chunk_size = FRAME_BYTES};
  const int size = RING;
  struct xdp_mmap_offsets offsets;
  socklen_t offsets_bytes = sizeof offsets;
  if (setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &umem, sizeof umem) != 0 ||
      setsockopt(fd, SOL_XDP, XDP_UMEM_FILL_RING, &size, sizeof size) != 0 ||
      setsockopt(fd, SOL_XDP, XDP_UMEM_COMPLETION_RING, &size, sizeof size) != 0 ||
      setsockopt(fd, SOL_XDP, XDP_RX_RING, &size, sizeof size) != 0 ||
      setsockopt(fd, SOL_XDP, XDP_TX_RING, &size, sizeof size) != 0 ||
      getsockopt(fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &offsets_bytes) != 0) {
    die("setsockopt(SOL_XDP)");
  }
  struct ring fill = map_ring(fd, &offsets.fr, sizeof(uint64_t), XDP_UMEM_PGOFF_FILL_RING);
  struct ring done = map_ring(fd, &offsets.cr, sizeof(uint64_t), XDP_UMEM_PGOFF_COMPLETION_RING);
  struct ring in = map_ring(fd, &offsets.rx, sizeof(struct xdp_desc), XDP_PGOFF_RX_RING);
  struct ring out = map_ring(fd, &offsets.tx, sizeof(struct xdp_desc), XDP_PGOFF_TX_RING);
  uint64_t *fill_frames = fill.entries, *done_frames = done.entries;
  struct xdp_desc *requests = in.entries, *answers = out.entries;
  for (uint32_t at = 0; at < RING; at += 1) fill_frames[at] = (uint64_t)at * FRAME_BYTES;
  atomic_store(fill.producer, RING);
  const struct sockaddr_xdp name = {.sxdp_family = AF_XDP,
                                    .sxdp_ifindex = interface,
                                    .sxdp_flags = XDP_COPY | XDP_USE_NEED_WAKEUP};
  if (bind(fd, (const struct sockaddr *)&name, sizeof name) != 0) die("bind");

  union bpf_attr attr = {
      .map_type = BPF_MAP_TYPE_XSKMAP, .key_size = 4, .value_size = 4, .max_entries = 1};
  const int map = bpf(BPF_MAP_CREATE, &attr);
  const uint32_t zero = 0;
  attr = (union bpf_attr){.map_fd = (uint32_t)map,
                          .key = (uint64_t)(uintptr_t)&zero,
                          .value = (uint64_t)(uintptr_t)&fd};
  if (map < 0 || bpf(BPF_MAP_UPDATE_ELEM, &attr) != 0) die("BPF_MAP_TYPE_XSKMAP");
  attr = (union bpf_attr){0};
  attr.link_create.prog_fd = (uint32_t)load_program(map, port);
  attr.link_create.target_ifindex = interface;
  attr.link_create.attach_type = BPF_XDP;
  attr.link_create.flags = is_generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
  if (bpf(BPF_LINK_CREATE, &attr) < 0) die("BPF_LINK_CREATE");
  printf("%d\n", port);
  fflush(stdout);

  uint32_t in_at = 0, out_at = 0, done_at = 0, fill_at = RING;
  for (;;) {
    uint32_t count = atomic_load_explicit(in.producer, memory_order_acquire) - in_at;
    if (count == 0) {
      struct pollfd polled = {.fd = fd, .events = POLLIN};
      (void)poll(&polled, 1, 200);
      continue;
    }
    if (count > BATCH) count = BATCH;
    for (uint32_t at = 0; at < count; at += 1) {
      const struct xdp_desc request = requests[in_at++ & (RING - 1)];
      turn_round(frames + request.addr);
      answers[out_at++ & (RING - 1)] = (struct xdp_desc){.addr = request.addr, .len = request.len};
    }
    atomic_store_explicit(in.consumer, in_at, memory_order_release);
    atomic_store_explicit(out.producer, out_at, memory_order_release);
    while (atomic_load_explicit(out.consumer, memory_order_acquire) != out_at) {
      if (sendto(fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 && errno != EAGAIN && errno != EBUSY &&
          errno != ENOBUFS) {
        die("sendto");
      }
    }
    const uint32_t done_end = atomic_load_explicit(done.producer, memory_order_acquire);
    while (done_at != done_end) {
      fill_frames[fill_at++ & (RING - 1)] =
          done_frames[done_at++ & (RING - 1)] & ~(uint64_t)(FRAME_BYTES - 1);
    }
    atomic_store_explicit(done.consumer, done_at, memory_order_release);
    atomic_store_explicit(fill.producer, fill_at, memory_order_release);
  }
}
