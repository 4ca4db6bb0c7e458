/*
 * Batches of UDP datagrams, without Node: sockets, one blocking exchange, and a way to wake it.
 *
 * One batch serves one or more local addresses from one thread. Each address has a socket of its
 * own; a socket on 0.0.0.0 or :: learns from the kernel which address was asked (IP_PKTINFO,
 * IPV6_RECVPKTINFO), and the answer leaves from there.
 */
#ifndef MERIDIAN_BATCH_H
#define MERIDIAN_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  BATCH_MAX_SOCKETS = 256,
  BATCH_MAX_SLOTS = 256,
  /* A slot must be able to hold a whole UDP payload, and no more. */
  BATCH_MAX_SLOT_BYTES = 65536 + 64,

  /*
   * Words of one slot in `peers`, host byte order:
   *
   *   0 family (4 or 6) │ 1–4 address │ 5 port │ 6 flags │ 7 socket │ 8–11 address that was asked
   *
   * IPv4 addresses take one word, the other three are 0; IPv4-mapped ones are given as IPv4.
   */
  BATCH_PEER_WORDS = 12,
  /* Flag: the request was longer than the slot, and its tail is lost. */
  BATCH_TRUNCATED = 1,
  BATCH_LATENCY_BUCKETS = 16,
};

/* Index into `counters`; all only grow. */
enum batch_counter {
  BATCH_RECEIVED,
  BATCH_SENT,
  /* Answers that the kernel did not take: congestion, no route, the address is gone. */
  BATCH_UNSENT,
  /* Requests from port 0, or to a broadcast or multicast address: handed over with length 0. */
  BATCH_IGNORED,
  BATCH_REQUESTS_TRUNCATED,
  /* Requests that the kernel dropped because a socket's buffer was full, or damaged. */
  BATCH_KERNEL_DROPS,
  /* Exchanges that brought at least one request. */
  BATCH_BATCHES,
  /*
   * Of sampled batches: how long it took from receiving a request to handing its answer to the
   * kernel, as a sum of µs, and requests by that time: less than 4 µs, less than 8 µs, and so on.
   */
  BATCH_LATENCY_MICROS,
  BATCH_LATENCY,
  BATCH_COUNTERS = BATCH_LATENCY + BATCH_LATENCY_BUCKETS,
};

/* A local address. `octets` holds 4 or 16 in network order; `port` is in host order. */
struct batch_address {
  int family; /* 4 or 6 */
  uint8_t octets[16];
  uint16_t port; /* 0 lets the kernel choose */
  bool v6_only;
  /* A socket that is bound there already, of which the batch takes a copy; 0: none. */
  int adopted_fd;
};

struct batch_options {
  const struct batch_address *addresses;
  uint32_t address_count;
  bool reuse_port;
  /* Octets; best effort: the kernel grants what it may (SO_RCVBUFFORCE when permitted). 0: default. */
  int receive_buffer_bytes;
  int send_buffer_bytes;
  /* SO_BUSY_POLL; 0 leaves it off. */
  int busy_poll_micros;
  /* Sleep this long before receiving when the batch before was small; 0 leaves it off. */
  int sleep_micros;
  /* The longest that an exchange blocks. */
  int wait_ms;
  /* Takes requests from interfaces by AF_XDP too (xdp.h), as one of so many threads; 0: not. */
  uint32_t xdp_shares;
};

/* Memory that outlives the batch. */
struct batch_memory {
  uint8_t *slots; /* slot_count × slot_bytes */
  uint32_t slot_count;
  uint32_t slot_bytes;
  /* Octets of a slot that a message may fill, at most slot_bytes. */
  uint32_t payload_bytes;
  int32_t *lengths; /* slot_count: of the request after an exchange, of the answer before the next */
  int32_t *peers;   /* slot_count × BATCH_PEER_WORDS */
  double *counters; /* BATCH_COUNTERS; what is there already is counted on */
  /* slot_count × slot_bytes: each request as it came, since its slot is written over. */
  uint8_t *requests;
};

/* Why a batch could not be opened. */
struct batch_failure {
  int error; /* errno */
  const char *call;
  uint32_t address; /* index of the address, or address_count */
};

struct batch;

/* Opens and binds all sockets, or none: NULL with the reason in `failure`. */
struct batch *batch_open(const struct batch_options *options, const struct batch_memory *memory,
                         struct batch_failure *failure);

/* Whether AF_XDP can be had by this process on this kernel; else why not in `failure`. */
bool batch_can_xdp(struct batch_failure *failure);

/* The port that a socket is bound to. */
uint16_t batch_port(const struct batch *batch, uint32_t socket);

/* The descriptor of a socket, to hand it to another process. */
int batch_socket_fd(const struct batch *batch, uint32_t socket);

/* Requests that the last exchange brought: the most that the next one takes answers for. */
uint32_t batch_received(const struct batch *batch);

/*
 * Sends the answers in the first `answered` slots (length 0: none), then waits for requests. Returns
 * how many slots are filled, from the first on; 0 when woken or after wait_ms without any; -1 when
 * the batch was stopped and nothing is left. `answered` is at most batch_received().
 */
int batch_exchange(struct batch *batch, uint32_t answered);

/* Ends the exchange that blocks now, or the next one. From any thread. */
void batch_wake(struct batch *batch);

/* Makes exchanges return what is queued and then -1, without blocking. From any thread. */
void batch_stop(struct batch *batch);

/* Closes the sockets. From the thread that exchanges. */
void batch_close(struct batch *batch);

#endif
