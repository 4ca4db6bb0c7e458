/*
 * Load for a UDP server that sends requests back with the QR bit set.
 *
 *   load PORT MILLIS CLIENTS WINDOW BYTES RATE [SERVER CLIENT]
 *
 * The server is on 127.0.0.1, and each client has an address of its own (127.1.0.1 and up), unless
 * the IPv4 addresses of the server and of all clients are given. RATE 0 is a closed loop: every client
 * keeps WINDOW requests under way. Otherwise RATE requests a second are sent whatever comes back.
 * Every answer must carry an id that is under way with its client, and the octets that were sent;
 * anything else counts as wrong. Prints one line of JSON; latencies are in microseconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { MAX_CLIENTS = 64, BATCH = 64, SLOT_BYTES = 1500, MAX_MICROS = 100000 };

struct client {
  int fd;
  uint16_t next_id;
  uint64_t sent_at[65536]; /* nanoseconds; 0 when not under way */
};

static struct client clients[MAX_CLIENTS];
static unsigned char slots[BATCH][SLOT_BYTES];
static struct iovec parts[BATCH];
static struct mmsghdr messages[BATCH];
static uint64_t latencies[MAX_MICROS + 1];
static uint64_t sent, answered, wrong, resent;
static size_t request_bytes;

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void fill(unsigned char *slot, uint16_t id) {
  slot[0] = (unsigned char)(id >> 8);
  slot[1] = (unsigned char)id;
  slot[2] = 0x01;
  for (size_t at = 3; at < request_bytes; at += 1) slot[at] = (unsigned char)(id * 31u + at);
}

static void send_some(struct client *client, int count, uint64_t now) {
  for (int at = 0; at < count; at += 1) {
    const uint16_t id = client->next_id++;
    fill(slots[at], id);
    client->sent_at[id] = now;
    parts[at] = (struct iovec){.iov_base = slots[at], .iov_len = request_bytes};
    messages[at].msg_hdr = (struct msghdr){.msg_iov = &parts[at], .msg_iovlen = 1};
  }
  const int gone = sendmmsg(client->fd, messages, (unsigned)count, 0);
  sent += gone > 0 ? (uint64_t)gone : 0;
}

static void check(struct client *client, const unsigned char *slot, size_t bytes, uint64_t now) {
  unsigned char expected[SLOT_BYTES];
  const uint16_t id = bytes < 2 ? 0 : (uint16_t)(slot[0] << 8 | slot[1]);
  fill(expected, id);
  expected[2] |= 0x80;
  if (bytes != request_bytes || client->sent_at[id] == 0 || memcmp(slot, expected, bytes) != 0) {
    wrong += 1;
    return;
  }
  const uint64_t micros = (now - client->sent_at[id]) / 1000;
  latencies[micros < MAX_MICROS ? micros : MAX_MICROS] += 1;
  client->sent_at[id] = 0;
  answered += 1;
}

/* Takes what there is of one client's answers; returns how many. */
static int take(struct client *client) {
  for (int at = 0; at < BATCH; at += 1) {
    parts[at] = (struct iovec){.iov_base = slots[at], .iov_len = SLOT_BYTES};
    messages[at].msg_hdr = (struct msghdr){.msg_iov = &parts[at], .msg_iovlen = 1};
  }
  const int received = recvmmsg(client->fd, messages, BATCH, MSG_DONTWAIT, NULL);
  const uint64_t now = now_ns();
  for (int at = 0; at < received; at += 1) check(client, slots[at], messages[at].msg_len, now);
  return received > 0 ? received : 0;
}

static uint64_t percentile(double share) {
  uint64_t left = (uint64_t)((double)answered * share);
  for (uint64_t micros = 0; micros <= MAX_MICROS; micros += 1) {
    if (latencies[micros] > left) return micros;
    left -= latencies[micros];
  }
  return MAX_MICROS;
}

static bool open_client(struct client *client, int number, int port, char **hosts) {
  struct sockaddr_in own = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(0x7f010001u + (uint32_t)number)};
  struct sockaddr_in server = {.sin_family = AF_INET,
                                     .sin_port = htons((uint16_t)port),
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  const int buffer_bytes = 4 << 20;
  if (hosts != NULL && (inet_pton(AF_INET, hosts[0], &server.sin_addr) != 1 ||
                        inet_pton(AF_INET, hosts[1], &own.sin_addr) != 1)) {
    return false;
  }
  client->fd = socket(AF_INET, SOCK_DGRAM, 0);
  (void)setsockopt(client->fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes);
  return client->fd >= 0 && bind(client->fd, (const struct sockaddr *)&own, sizeof own) == 0 &&
         connect(client->fd, (const struct sockaddr *)&server, sizeof server) == 0;
}

int main(int argc, char **argv) {
  int numbers[6];
  if (argc != 7 && argc != 9) return 2;
  for (int at = 0; at < 6; at += 1) numbers[at] = atoi(argv[at + 1]);
  const int client_count = numbers[2], window = numbers[3], rate = numbers[5];
  request_bytes = (size_t)numbers[4];
  if (client_count < 1 || client_count > MAX_CLIENTS || window < 1 || window > BATCH ||
      request_bytes < 12 || request_bytes > SLOT_BYTES || rate < 0) {
    return 2;
  }
  struct pollfd polled[MAX_CLIENTS];
  for (int at = 0; at < client_count; at += 1) {
    if (!open_client(&clients[at], at, numbers[0], argc == 9 ? argv + 7 : NULL)) {
      perror("load");
      return 1;
    }
    polled[at] = (struct pollfd){.fd = clients[at].fd, .events = POLLIN};
  }
  const uint64_t start = now_ns(), end = start + (uint64_t)numbers[1] * 1000000u;
  uint64_t due = start, quiet_since = start;
  for (int at = 0; rate == 0 && at < client_count; at += 1) send_some(&clients[at], window, start);
  for (uint64_t now = start, turn = 0; now < end; now = now_ns()) {
    struct timespec wait = {.tv_nsec = 200000000};
    if (rate > 0) {
      for (; due <= now; due += 1000000000u / (uint64_t)rate, turn += 1) {
        send_some(&clients[turn % (uint64_t)client_count], 1, now_ns());
      }
      wait.tv_nsec = (long)(due > now_ns() ? due - now_ns() : 0);
    }
    if (ppoll(polled, (nfds_t)client_count, &wait, NULL) > 0) {
      for (int at = 0; at < client_count; at += 1) {
        const int taken = polled[at].revents == 0 ? 0 : take(&clients[at]);
        if (taken > 0) quiet_since = now;
        if (taken > 0 && rate == 0) send_some(&clients[at], taken, now_ns());
      }
    } else if (rate == 0 && now - quiet_since > 200000000u) {
      for (int at = 0; at < client_count; at += 1) send_some(&clients[at], window, now);
      resent += (uint64_t)(client_count * window);
      quiet_since = now;
    }
  }
  printf("{\"sent\":%llu,\"answered\":%llu,\"wrong\":%llu,\"resent\":%llu,\"seconds\":%.6f,"
         "\"p50\":%llu,\"p99\":%llu}\n",
         (unsigned long long)sent, (unsigned long long)answered, (unsigned long long)wrong,
         (unsigned long long)resent, (double)(now_ns() - start) / 1e9,
         (unsigned long long)percentile(0.5), (unsigned long long)percentile(0.99));
  return 0;
}
