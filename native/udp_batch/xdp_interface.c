/* Puts a program on an interface that hands datagrams for given addresses to AF_XDP sockets. */
#include "xdp.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct xdp_interface {
  uint32_t index;
  uint32_t users; /* 0: a free place */
  uint32_t queue_count;
  uint32_t mtu;
  bool is_claimed[XDP_MAX_QUEUES];
  int sockets_map; /* queue → AF_XDP socket */
  int hosts_map;   /* struct xdp_host → 1 */
  int link;        /* keeps the program on the interface; closed with the process at the latest */
  uint32_t host_count;
  struct xdp_host hosts[XDP_MAX_HOSTS];
};

/* All threads of a process share an interface: the kernel takes one program for each. */
static struct xdp_interface interfaces[XDP_MAX_INTERFACES];
static pthread_mutex_t interfaces_lock = PTHREAD_MUTEX_INITIALIZER;

static int bpf(int command, union bpf_attr *attr) {
  return (int)syscall(__NR_bpf, command, attr, sizeof *attr);
}

static int create_map(uint32_t type, uint32_t key_bytes, uint32_t entries) {
  union bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.map_type = type;
  attr.key_size = key_bytes;
  attr.value_size = 4;
  attr.max_entries = entries;
  return bpf(BPF_MAP_CREATE, &attr);
}

static bool update_map(int map, const void *key, const void *value) {
  union bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.map_fd = (uint32_t)map;
  attr.key = (uint64_t)(uintptr_t)key;
  attr.value = (uint64_t)(uintptr_t)value;
  return bpf(BPF_MAP_UPDATE_ELEM, &attr) == 0;
}

/* A program under construction; jumps to its end, where packets pass, are filled in last. */
struct assembly {
  struct bpf_insn insns[128];
  uint32_t count;
  uint32_t passes[32];
  uint32_t pass_count;
};

static void emit(struct assembly *to, int code, int target, int source, int offset, int value) {
  to->insns[to->count++] = (struct bpf_insn){.code = (uint8_t)code,
                                             .dst_reg = (unsigned)target & 15u,
                                             .src_reg = (unsigned)source & 15u,
                                             .off = (int16_t)offset,
                                             .imm = value};
}

static void emit_pass_if(struct assembly *to, int code, int target, int source, int value) {
  to->passes[to->pass_count++] = to->count;
  emit(to, BPF_JMP | code, target, source, 0, value);
}

/* Goes on only if the packet's `size` at octet `at`, masked, is `value`. */
static void emit_expect(struct assembly *to, int size, int at, int mask, int value) {
  emit(to, BPF_LDX | BPF_MEM | size, 5, 2, at, 0);
  if (mask != 0) emit(to, BPF_ALU64 | BPF_AND | BPF_K, 5, 0, 0, mask);
  emit_pass_if(to, BPF_JNE | BPF_K, 5, 0, value);
}

/* Goes on only if the packet, from register 2 to 3, has so many octets. */
static void emit_reach(struct assembly *to, int octets) {
  emit(to, BPF_ALU64 | BPF_MOV | BPF_X, 4, 2, 0, 0);
  emit(to, BPF_ALU64 | BPF_ADD | BPF_K, 4, 0, 0, octets);
  emit_pass_if(to, BPF_JGT | BPF_X, 4, 3, 0);
}

/* Copies from the packet into the struct xdp_host on the stack. */
static void emit_copy(struct assembly *to, int size, int from, int field) {
  emit(to, BPF_LDX | BPF_MEM | size, 5, 2, from, 0);
  emit(to, BPF_STX | BPF_MEM | size, 10, 5, -(int)sizeof(struct xdp_host) - 4 + field, 0);
}

static void emit_map(struct assembly *to, int map) {
  emit(to, BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, map);
  emit(to, 0, 0, 0, 0, 0);
}

/*
 * Ethernet to us alone, IPv4 without options and fragments or IPv6 without extension headers, UDP,
 * and an address and port in the map: to the socket of the packet's queue, or on, if there is none.
 */
static void assemble(struct assembly *to, const struct xdp_interface *interface) {
  enum { HOST_AT = -(int)sizeof(struct xdp_host) - 4 };
  emit(to, BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0);
  emit(to, BPF_LDX | BPF_MEM | BPF_W, 2, 6, offsetof(struct xdp_md, data), 0);
  emit(to, BPF_LDX | BPF_MEM | BPF_W, 3, 6, offsetof(struct xdp_md, data_end), 0);
  emit_reach(to, 14 + 20 + 8);
  emit_expect(to, BPF_B, 0, 1, 0);
  for (int at = 0; at < (int)sizeof(struct xdp_host); at += 4) {
    emit(to, BPF_ST | BPF_MEM | BPF_W, 10, 0, HOST_AT + at, 0);
  }
  emit(to, BPF_LDX | BPF_MEM | BPF_H, 5, 2, 12, 0);
  const uint32_t to_v6 = to->count;
  emit(to, BPF_JMP | BPF_JEQ | BPF_K, 5, 0, 0, htons(0x86dd));
  emit_pass_if(to, BPF_JNE | BPF_K, 5, 0, htons(0x0800));

  emit_expect(to, BPF_B, 14, 0, 0x45);
  emit_expect(to, BPF_B, 14 + 9, 0, IPPROTO_UDP);
  emit_expect(to, BPF_H, 14 + 6, htons(0x3fff), 0);
  emit_copy(to, BPF_W, 14 + 16, 0);
  emit_copy(to, BPF_H, 14 + 20 + 2, offsetof(struct xdp_host, port));
  emit(to, BPF_ST | BPF_MEM | BPF_H, 10, 0, HOST_AT + (int)offsetof(struct xdp_host, family), 4);
  const uint32_t to_look = to->count;
  emit(to, BPF_JMP | BPF_JA, 0, 0, 0, 0);

  to->insns[to_v6].off = (int16_t)(to->count - to_v6 - 1);
  emit_reach(to, 14 + 40 + 8);
  emit_expect(to, BPF_B, 14, 0xf0, 0x60);
  emit_expect(to, BPF_B, 14 + 6, 0, IPPROTO_UDP);
  for (int word = 0; word < 16; word += 4) emit_copy(to, BPF_W, 14 + 24 + word, word);
  emit_copy(to, BPF_H, 14 + 40 + 2, offsetof(struct xdp_host, port));
  emit(to, BPF_ST | BPF_MEM | BPF_H, 10, 0, HOST_AT + (int)offsetof(struct xdp_host, family), 6);

  to->insns[to_look].off = (int16_t)(to->count - to_look - 1);
  emit_map(to, interface->hosts_map);
  emit(to, BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0);
  emit(to, BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, HOST_AT);
  emit(to, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem);
  emit_pass_if(to, BPF_JEQ | BPF_K, 0, 0, 0);
  emit_map(to, interface->sockets_map);
  emit(to, BPF_LDX | BPF_MEM | BPF_W, 2, 6, offsetof(struct xdp_md, rx_queue_index), 0);
  emit(to, BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, XDP_PASS);
  emit(to, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_redirect_map);
  emit(to, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);

  for (uint32_t at = 0; at < to->pass_count; at += 1) {
    to->insns[to->passes[at]].off = (int16_t)(to->count - to->passes[at] - 1);
  }
  emit(to, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, XDP_PASS);
  emit(to, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static int load_program(const struct xdp_interface *interface) {
  struct assembly assembly = {.count = 0};
  assemble(&assembly, interface);
  union bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.prog_type = BPF_PROG_TYPE_XDP;
  attr.insns = (uint64_t)(uintptr_t)assembly.insns;
  attr.insn_cnt = assembly.count;
  attr.license = (uint64_t)(uintptr_t)"MIT";
  memcpy(attr.prog_name, "meridian_dns", sizeof "meridian_dns");
  return bpf(BPF_PROG_LOAD, &attr);
}

/* In the driver where that can, else behind it. */
static int attach(uint32_t index, int program) {
  const uint32_t modes[] = {XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE};
  int link = -1;
  for (int mode = 0; mode < 2 && link < 0; mode += 1) {
    if (mode > 0 && errno == EBUSY) break;
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.link_create.prog_fd = (uint32_t)program;
    attr.link_create.target_ifindex = index;
    attr.link_create.attach_type = BPF_XDP;
    attr.link_create.flags = modes[mode];
    link = bpf(BPF_LINK_CREATE, &attr);
  }
  return link;
}

/* Reads how many queues packets come by, and the longest packet. */
static void measure(struct xdp_interface *interface) {
  struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
  struct ifreq request;
  interface->queue_count = 1;
  interface->mtu = 1280;
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  memset(&request, 0, sizeof request);
  if (fd >= 0 && if_indextoname(interface->index, request.ifr_name) != NULL) {
    if (ioctl(fd, SIOCGIFMTU, &request) == 0) interface->mtu = (uint32_t)request.ifr_mtu;
    request.ifr_data = (void *)&channels;
    if (ioctl(fd, SIOCETHTOOL, &request) == 0) {
      const uint32_t queues = channels.combined_count + channels.rx_count;
      if (queues > 0) interface->queue_count = queues < XDP_MAX_QUEUES ? queues : XDP_MAX_QUEUES;
    }
  }
  if (fd >= 0) (void)close(fd);
}

static void clear(struct xdp_interface *interface) {
  const int fds[] = {interface->link, interface->hosts_map, interface->sockets_map};
  for (int at = 0; at < 3; at += 1) {
    if (fds[at] >= 0) (void)close(fds[at]);
  }
  interface->users = 0;
}

/* Makes a free place an interface with a program; false with errno and the name of the call. */
static bool prepare(struct xdp_interface *interface, const char **call) {
  const uint32_t one = 1;
  measure(interface);
  *call = "bpf(BPF_MAP_CREATE)";
  interface->sockets_map = create_map(BPF_MAP_TYPE_XSKMAP, 4, XDP_MAX_QUEUES);
  interface->hosts_map = create_map(BPF_MAP_TYPE_HASH, sizeof(struct xdp_host), XDP_MAX_HOSTS);
  if (interface->sockets_map < 0 || interface->hosts_map < 0) return false;
  *call = "bpf(BPF_MAP_UPDATE_ELEM)";
  for (uint32_t at = 0; at < interface->host_count; at += 1) {
    if (!update_map(interface->hosts_map, &interface->hosts[at], &one)) return false;
  }
  *call = "bpf(BPF_PROG_LOAD)";
  const int program = load_program(interface);
  if (program < 0) return false;
  *call = "bpf(BPF_LINK_CREATE)";
  interface->link = attach(interface->index, program);
  const int error = errno;
  (void)close(program);
  errno = error;
  return interface->link >= 0;
}

struct xdp_interface *xdp_enter(uint32_t index, const struct xdp_host *hosts, uint32_t host_count,
                                const char **call) {
  struct xdp_interface *found = NULL, *empty = NULL;
  pthread_mutex_lock(&interfaces_lock);
  for (int at = 0; at < XDP_MAX_INTERFACES; at += 1) {
    if (interfaces[at].users == 0) empty = &interfaces[at];
    if (interfaces[at].users > 0 && interfaces[at].index == index) found = &interfaces[at];
  }
  if (found != NULL) {
    /* The program of one set of addresses cannot tell whose another's would be. */
    const bool is_same = found->host_count == host_count &&
                         memcmp(found->hosts, hosts, host_count * sizeof *hosts) == 0;
    errno = EALREADY;
    *call = "sharing an interface";
    if (!is_same) found = NULL;
  } else if (empty == NULL || host_count > XDP_MAX_HOSTS) {
    errno = ENFILE;
    *call = "taking an interface";
  } else {
    memset(empty, 0, sizeof *empty);
    empty->index = index;
    empty->link = empty->hosts_map = empty->sockets_map = -1;
    empty->host_count = host_count;
    memcpy(empty->hosts, hosts, host_count * sizeof *hosts);
    if (prepare(empty, call)) {
      found = empty;
    } else {
      const int error = errno;
      clear(empty);
      errno = error;
    }
  }
  if (found != NULL) found->users += 1;
  pthread_mutex_unlock(&interfaces_lock);
  return found;
}

void xdp_leave(struct xdp_interface *interface) {
  pthread_mutex_lock(&interfaces_lock);
  interface->users -= 1;
  if (interface->users == 0) clear(interface);
  pthread_mutex_unlock(&interfaces_lock);
}

int xdp_claim(struct xdp_interface *interface) {
  int queue = -1;
  pthread_mutex_lock(&interfaces_lock);
  for (uint32_t at = 0; at < interface->queue_count && queue < 0; at += 1) {
    if (!interface->is_claimed[at]) queue = (int)at;
  }
  if (queue >= 0) interface->is_claimed[queue] = true;
  pthread_mutex_unlock(&interfaces_lock);
  return queue;
}

void xdp_unclaim(struct xdp_interface *interface, uint32_t queue) {
  pthread_mutex_lock(&interfaces_lock);
  interface->is_claimed[queue] = false;
  pthread_mutex_unlock(&interfaces_lock);
}

uint32_t xdp_queues(const struct xdp_interface *interface) { return interface->queue_count; }
uint32_t xdp_mtu(const struct xdp_interface *interface) { return interface->mtu; }
uint32_t xdp_index(const struct xdp_interface *interface) { return interface->index; }

bool xdp_direct(struct xdp_interface *interface, uint32_t queue, int fd) {
  return update_map(interface->sockets_map, &queue, &fd);
}

bool batch_can_xdp(struct batch_failure *failure) {
  *failure = (struct batch_failure){.call = "socket(AF_XDP)"};
  const int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
  int map = -1;
  if (fd >= 0) {
    failure->call = "bpf(BPF_MAP_CREATE)";
    map = create_map(BPF_MAP_TYPE_XSKMAP, 4, 1);
  }
  failure->error = errno;
  const bool is_available = map >= 0;
  if (fd >= 0) (void)close(fd);
  if (map >= 0) (void)close(map);
  return is_available;
}
