/*
 * Load for a DNS server on 127.0.0.1, and a check of every answer.
 *
 *   dns_load PORT MILLIS CLIENTS WINDOW RATE CHECK FILE
 *
 * FILE holds queries as they go out: length (2 octets, big-endian), expected RCODE, expected answer
 * records (255: any), message. Each client sends from an address of its own, 127.1.0.1, 127.1.1.1 and
 * so on. RATE 0 is a closed loop: every client keeps WINDOW queries under way. Otherwise RATE queries
 * a second leave at random moments (Poisson), whatever comes back. CHECK says what an answer must have
 * beside an id that is under way with its client, QR and the very question: `answer` the expected RCODE
 * and records, `question` no more. A query without an answer in 200 ms is lost.
 * Prints one line of JSON; latencies count from sending, in microseconds.
 */
#define _GNU_SOURCE
#include <math.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum { MAX_CLIENTS = 64, BATCH = 64, SLOT_BYTES = 1500, MAX_MICROS = 200000, IDS = 65536 };
enum { MAX_QUERIES = 1 << 17, QUERY_BYTES = 128, HEAD_BYTES = 12 };

static const uint64_t second = 1000000000u, lost_after = 200000000u;

struct query {
  uint16_t bytes;
  uint8_t rcode;
  uint8_t answers;
  uint16_t question_end;
  unsigned char message[QUERY_BYTES];
};

struct client {
  int fd;
  int under_way;
  uint16_t next_id, oldest_id;
  uint64_t sent_at[IDS]; /* nanoseconds; 0 when not under way */
  const struct query *asked[IDS];
};

static struct query queries[MAX_QUERIES];
static size_t query_count, next_query;
static struct client clients[MAX_CLIENTS];
static int client_count;
static unsigned char slots[BATCH][SLOT_BYTES];
static struct iovec parts[BATCH];
static struct mmsghdr messages[BATCH];
static uint64_t latencies[MAX_MICROS + 1];
static uint64_t sent, unsent, answered, lost, wrong, stray;
static bool checks_answer;

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * second + (uint64_t)now.tv_nsec;
}

static bool read_queries(const char *path) {
  FILE *file = fopen(path, "rb");
  unsigned char head[4];
  if (file == NULL) return false;
  while (query_count < MAX_QUERIES && fread(head, sizeof head, 1, file) == 1) {
    struct query *query = &queries[query_count++];
    *query = (struct query){.bytes = (uint16_t)(head[0] << 8 | head[1]), .rcode = head[2], .answers = head[3]};
    if (query->bytes < HEAD_BYTES + 5 || query->bytes > QUERY_BYTES) return false;
    if (fread(query->message, query->bytes, 1, file) != 1) return false;
    size_t at = HEAD_BYTES;
    while (at < query->bytes && query->message[at] != 0) at += 1u + query->message[at];
    if (at + 5 > query->bytes) return false;
    query->question_end = (uint16_t)(at + 5);
  }
  fclose(file);
  return query_count > 0;
}

static void send_some(struct client *client, int count, uint64_t now) {
  if (count > BATCH) count = BATCH;
  for (int at = 0; at < count; at += 1) {
    const struct query *query = &queries[next_query];
    next_query = next_query + 1 == query_count ? 0 : next_query + 1;
    while (client->sent_at[client->next_id] != 0) client->next_id += 1;
    const uint16_t id = client->next_id++;
    memcpy(slots[at], query->message, query->bytes);
    slots[at][0] = (unsigned char)(id >> 8);
    slots[at][1] = (unsigned char)id;
    client->sent_at[id] = now;
    client->asked[id] = query;
    parts[at] = (struct iovec){.iov_base = slots[at], .iov_len = query->bytes};
    messages[at].msg_hdr = (struct msghdr){.msg_iov = &parts[at], .msg_iovlen = 1};
  }
  client->under_way += count;
  for (int done = 0; done < count;) {
    const int gone = sendmmsg(client->fd, messages + done, (unsigned)(count - done), 0);
    if (gone > 0) done += gone;
    else done += 1, unsent += 1; /* found as lost later */
  }
  sent += (uint64_t)count;
}

static bool is_right(const struct query *query, const unsigned char *slot, size_t bytes) {
  if (bytes < query->question_end || (slot[2] & 0xf8) != 0x80) return false;
  const size_t question_bytes = (size_t)query->question_end - HEAD_BYTES;
  if (memcmp(slot + HEAD_BYTES, query->message + HEAD_BYTES, question_bytes) != 0) return false;
  if (!checks_answer) return true;
  const int answers = slot[6] << 8 | slot[7];
  return (slot[2] & 2) == 0 && (slot[3] & 15) == query->rcode &&
         (query->answers == 255 || answers == query->answers);
}

static void check(struct client *client, const unsigned char *slot, size_t bytes, uint64_t now) {
  const uint16_t id = bytes < 2 ? 0 : (uint16_t)(slot[0] << 8 | slot[1]);
  if (bytes < 2 || client->sent_at[id] == 0) {
    stray += 1; /* nobody's, or too late */
    return;
  }
  if (!is_right(client->asked[id], slot, bytes)) {
    wrong += 1;
  } else {
    const uint64_t micros = (now - client->sent_at[id]) / 1000;
    latencies[micros < MAX_MICROS ? micros : MAX_MICROS] += 1;
    answered += 1;
  }
  client->sent_at[id] = 0;
  client->under_way -= 1;
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

/* Gives up on queries that are under way for too long. */
static void give_up(struct client *client, uint64_t now) {
  for (; client->oldest_id != client->next_id; client->oldest_id += 1) {
    const uint64_t sent_at = client->sent_at[client->oldest_id];
    if (sent_at != 0 && now - sent_at < lost_after) return;
    if (sent_at == 0) continue;
    client->sent_at[client->oldest_id] = 0;
    client->under_way -= 1;
    lost += 1;
  }
}

static bool open_client(struct client *client, int number, int port) {
  const struct sockaddr_in own = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(0x7f010001u + ((uint32_t)number << 8))};
  const struct sockaddr_in server = {.sin_family = AF_INET,
                                     .sin_port = htons((uint16_t)port),
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  const int buffer_bytes = 4 << 20;
  client->fd = socket(AF_INET, SOCK_DGRAM, 0);
  (void)setsockopt(client->fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes);
  return client->fd >= 0 && bind(client->fd, (const struct sockaddr *)&own, sizeof own) == 0 &&
         connect(client->fd, (const struct sockaddr *)&server, sizeof server) == 0;
}

/* Nanoseconds to the next arrival of a Poisson process. */
static double draw_gap(int rate) {
  static uint64_t state = 0x9e3779b97f4a7c15u;
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  const double uniform = ((double)(state >> 11) + 0.5) / 9007199254740992.0; /* 2^53 */
  return -log(uniform) * 1e9 / rate;
}

static void run(uint64_t end, int window, int rate) {
  struct pollfd polled[MAX_CLIENTS];
  for (int at = 0; at < client_count; at += 1) {
    polled[at] = (struct pollfd){.fd = clients[at].fd, .events = POLLIN};
  }
  double due = (double)now_ns();
  uint64_t looked_at = 0, turn = 0;
  for (uint64_t now = now_ns(); now < end + (rate > 0 ? lost_after : 0); now = now_ns()) {
    struct timespec wait = {.tv_nsec = 50000000};
    if (now - looked_at > lost_after / 4) {
      looked_at = now;
      for (int at = 0; at < client_count; at += 1) {
        give_up(&clients[at], now);
        if (rate == 0) send_some(&clients[at], window - clients[at].under_way, now_ns());
      }
    }
    if (rate > 0) {
      for (; due <= (double)now && now < end; due += draw_gap(rate), turn += 1) {
        send_some(&clients[turn % (uint64_t)client_count], 1, now_ns());
      }
      now = now_ns();
      const double left = now < end ? due - (double)now : (double)lost_after / 4;
      wait.tv_nsec = left > 0 ? (long)fmin(left, 50e6) : 0;
    }
    if (ppoll(polled, (nfds_t)client_count, &wait, NULL) <= 0) continue;
    for (int at = 0; at < client_count; at += 1) {
      const int taken = polled[at].revents == 0 ? 0 : take(&clients[at]);
      if (taken > 0 && rate == 0) send_some(&clients[at], window - clients[at].under_way, now_ns());
    }
  }
  for (int at = 0; rate > 0 && at < client_count; at += 1) give_up(&clients[at], now_ns() + second);
}

static unsigned long long percentile(double share) {
  uint64_t left = (uint64_t)((double)answered * share);
  for (uint64_t micros = 0; micros <= MAX_MICROS; micros += 1) {
    if (latencies[micros] > left) return micros;
    left -= latencies[micros];
  }
  return MAX_MICROS;
}

static unsigned long long most(void) {
  uint64_t micros = MAX_MICROS;
  while (micros > 0 && latencies[micros] == 0) micros -= 1;
  return micros;
}

int main(int argc, char **argv) {
  int numbers[5];
  if (argc != 8) return 2;
  for (int at = 0; at < 5; at += 1) numbers[at] = atoi(argv[at + 1]);
  const int window = numbers[3], rate = numbers[4];
  client_count = numbers[2];
  checks_answer = strcmp(argv[6], "answer") == 0;
  if (client_count < 1 || client_count > MAX_CLIENTS || window < 1 || window > BATCH || rate < 0 ||
      !read_queries(argv[7])) {
    fprintf(stderr, "dns_load: wrong arguments or queries\n");
    return 2;
  }
  for (int at = 0; at < client_count; at += 1) {
    if (!open_client(&clients[at], at, numbers[0])) {
      perror("dns_load");
      return 1;
    }
  }
  const uint64_t start = now_ns(), end = start + (uint64_t)numbers[1] * 1000000u;
  run(end, window, rate);
  struct rusage usage;
  (void)getrusage(RUSAGE_SELF, &usage);
  const double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  printf("{\"sent\":%llu,\"answered\":%llu,\"lost\":%llu,\"wrong\":%llu,\"stray\":%llu,\"unsent\":%llu,"
         "\"seconds\":%.6f,\"cpuSeconds\":%.6f,\"p50\":%llu,\"p99\":%llu,\"p999\":%llu,\"max\":%llu}\n",
         (unsigned long long)sent, (unsigned long long)answered, (unsigned long long)lost,
         (unsigned long long)wrong, (unsigned long long)stray, (unsigned long long)unsent,
         (double)(now_ns() - start) / 1e9, cpu, percentile(0.5), percentile(0.99), percentile(0.999),
         most());
  return 0;
}
