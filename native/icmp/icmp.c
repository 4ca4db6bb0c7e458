/*
 * Echo sockets for Node (Node-API 8, plain C, Linux).
 *
 *   open(family, onReply) → id; throws an Error with `code` where the process may not
 *   send(id, address, packet) → 0, or the errno
 *   close(id)
 *
 * An id stands for an unprivileged datagram socket for ICMP echo (net.ipv4.ping_group_range), else a raw
 * one (CAP_NET_RAW). One thread per socket waits for echo replies and hands each over as
 * onReply(source address, ICMP message without IP header, CLOCK_MONOTONIC in nanoseconds), so that
 * the time of arrival is told even while the event loop is busy. A socket does not keep the
 * process alive, and is closed at the latest when its environment ends.
 */
#define NAPI_VERSION 8
#include <node_api.h>

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  /* Of linux/icmp.h, which clashes with netinet/ip_icmp.h. */
  RAW_LEVEL = 255,
  RAW_ICMP_FILTER = 1,
  MAX_MESSAGE = 512,
  /* Replies that wait for the event loop; more are dropped, as by a full socket buffer. */
  MAX_QUEUED = 4096,
  MAX_SOCKETS = 16,
};

/* Of one environment; ids are places in it and begin with 1. */
struct instance {
  struct echo *echoes[MAX_SOCKETS];
};

struct echo {
  int fd;
  int wake_fd;
  int family;
  bool is_raw;
  struct echo **place;
  pthread_t thread;
  napi_threadsafe_function deliver;
};

struct reply {
  unsigned char source[16];
  size_t source_bytes;
  unsigned char message[MAX_MESSAGE];
  size_t message_bytes;
  int64_t received_ns;
};

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Reads one message into a reply; NULL when there is none, or it is none of ours. */
static struct reply *receive(const struct echo *echo) {
  unsigned char bytes[MAX_MESSAGE + 60];
  struct sockaddr_storage from;
  socklen_t from_bytes = sizeof from;
  memset(&from, 0, sizeof from);
  ssize_t got =
      recvfrom(echo->fd, bytes, sizeof bytes, MSG_DONTWAIT, (struct sockaddr *)&from, &from_bytes);
  if (got < 0) return NULL;
  size_t skip = 0;
  /* Raw IPv4 sockets hand over the IP header as well (raw(7)). */
  if (echo->is_raw && echo->family == AF_INET) {
    if (got < 20) return NULL;
    skip = (size_t)(bytes[0] & 0x0f) * 4;
  }
  if ((size_t)got < skip + 8 || (size_t)got - skip > MAX_MESSAGE) return NULL;
  int expected = echo->family == AF_INET ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;
  if (bytes[skip] != expected) return NULL;
  struct reply *reply = calloc(1, sizeof *reply);
  if (reply == NULL) return NULL;
  reply->received_ns = now_ns();
  reply->message_bytes = (size_t)got - skip;
  memcpy(reply->message, bytes + skip, reply->message_bytes);
  if (echo->family == AF_INET) {
    const struct sockaddr_in *in = (const struct sockaddr_in *)&from;
    reply->source_bytes = 4;
    memcpy(reply->source, &in->sin_addr, 4);
  } else {
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&from;
    reply->source_bytes = 16;
    memcpy(reply->source, &in6->sin6_addr, 16);
  }
  return reply;
}

static void *wait_for_replies(void *argument) {
  struct echo *echo = argument;
  struct pollfd fds[2] = {{.fd = echo->fd, .events = POLLIN},
                          {.fd = echo->wake_fd, .events = POLLIN}};
  for (;;) {
    if (poll(fds, 2, -1) < 0 && errno != EINTR) break;
    if (fds[1].revents != 0) break;
    if (fds[0].revents == 0) continue;
    struct reply *reply = receive(echo);
    if (reply == NULL) continue;
    if (napi_call_threadsafe_function(echo->deliver, reply, napi_tsfn_nonblocking) != napi_ok) {
      free(reply);
    }
  }
  return NULL;
}

/* Runs on the event loop: hands one reply to JavaScript. `env` is NULL while that is torn down. */
static void hand_over(napi_env env, napi_value on_reply, void *context, void *data) {
  (void)context;
  struct reply *reply = data;
  if (env != NULL) {
    napi_value arguments[3];
    napi_value receiver;
    void *copy;
    napi_handle_scope scope;
    if (napi_open_handle_scope(env, &scope) == napi_ok) {
      if (napi_create_buffer_copy(env, reply->source_bytes, reply->source, &copy, &arguments[0]) ==
              napi_ok &&
          napi_create_buffer_copy(env, reply->message_bytes, reply->message, &copy,
                                  &arguments[1]) == napi_ok &&
          napi_create_bigint_int64(env, reply->received_ns, &arguments[2]) == napi_ok &&
          napi_get_undefined(env, &receiver) == napi_ok) {
        napi_call_function(env, receiver, on_reply, 3, arguments, NULL);
      }
      napi_close_handle_scope(env, scope);
    }
  }
  free(reply);
}

/* Ends the thread and gives everything back. */
static void close_echo(void *data) {
  struct echo *echo = data;
  uint64_t one = 1;
  ssize_t written = write(echo->wake_fd, &one, sizeof one);
  (void)written;
  pthread_join(echo->thread, NULL);
  close(echo->fd);
  close(echo->wake_fd);
  napi_release_threadsafe_function(echo->deliver, napi_tsfn_abort);
  *echo->place = NULL;
  free(echo);
}

static napi_value fail(napi_env env, const char *code, const char *message) {
  napi_throw_error(env, code, message);
  return NULL;
}

static const char *code_of(int error) {
  return error == EACCES || error == EPERM ? "EACCES"
         : error == EAFNOSUPPORT || error == EPROTONOSUPPORT ? "EAFNOSUPPORT"
                                                               : "EIO";
}

/* Opens a socket for echo: datagram where that is allowed, else raw; -1 with errno. */
static int open_socket(int family, bool *is_raw) {
  int protocol = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
  int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
  *is_raw = false;
  int fd = socket(family, SOCK_DGRAM | flags, protocol);
  if (fd >= 0) return fd;
  int first_error = errno;
  fd = socket(family, SOCK_RAW | flags, protocol);
  if (fd < 0) {
    if (first_error == EAFNOSUPPORT) errno = first_error;
    return -1;
  }
  *is_raw = true;
  /* Only echo replies: whatever else reaches this machine is not ours to read. */
  if (family == AF_INET) {
    uint32_t filter = ~((uint32_t)1 << ICMP_ECHOREPLY);
    setsockopt(fd, RAW_LEVEL, RAW_ICMP_FILTER, &filter, sizeof filter);
  } else {
    struct icmp6_filter filter;
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
    setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter);
  }
  return fd;
}

static napi_value open_echo(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2];
  int32_t family_number;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count < 2 ||
      napi_get_value_int32(env, arguments[0], &family_number) != napi_ok ||
      (family_number != 4 && family_number != 6)) {
    return fail(env, "EINVAL", "open(4 or 6, onReply)");
  }
  struct instance *instance = NULL;
  if (napi_get_instance_data(env, (void **)&instance) != napi_ok || instance == NULL) {
    return fail(env, "EIO", "no instance");
  }
  int32_t place = 0;
  while (place < MAX_SOCKETS && instance->echoes[place] != NULL) place += 1;
  if (place == MAX_SOCKETS) return fail(env, "EMFILE", "too many echo sockets are open");
  struct echo *echo = calloc(1, sizeof *echo);
  if (echo == NULL) return fail(env, "ENOMEM", "no memory");
  echo->place = &instance->echoes[place];
  echo->family = family_number == 4 ? AF_INET : AF_INET6;
  echo->fd = open_socket(echo->family, &echo->is_raw);
  if (echo->fd < 0) {
    int error = errno;
    free(echo);
    return fail(env, code_of(error), strerror(error));
  }
  echo->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  napi_value name;
  napi_value id;
  if (echo->wake_fd < 0) goto no_event;
  if (napi_create_string_utf8(env, "meridian icmp", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_threadsafe_function(env, arguments[1], NULL, name, MAX_QUEUED, 1, NULL, NULL, NULL,
                                      hand_over, &echo->deliver) != napi_ok) {
    goto no_function;
  }
  napi_unref_threadsafe_function(env, echo->deliver);
  if (pthread_create(&echo->thread, NULL, wait_for_replies, echo) != 0) goto no_thread;
  *echo->place = echo;
  napi_add_env_cleanup_hook(env, close_echo, echo);
  napi_create_int32(env, place + 1, &id);
  return id;

no_thread:
  napi_release_threadsafe_function(echo->deliver, napi_tsfn_abort);
no_function:
  close(echo->wake_fd);
no_event:
  close(echo->fd);
  free(echo);
  return fail(env, "EIO", "the thread that waits for replies could not be started");
}

/* The socket of an id, or NULL. */
static struct echo *find(napi_env env, napi_value value) {
  struct instance *instance = NULL;
  int32_t id = 0;
  if (napi_get_instance_data(env, (void **)&instance) != napi_ok || instance == NULL) return NULL;
  if (napi_get_value_int32(env, value, &id) != napi_ok) return NULL;
  return id >= 1 && id <= MAX_SOCKETS ? instance->echoes[id - 1] : NULL;
}

static napi_value send_echo(napi_env env, napi_callback_info info) {
  size_t count = 3;
  napi_value arguments[3];
  void *address = NULL;
  void *packet = NULL;
  size_t address_bytes = 0;
  size_t packet_bytes = 0;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count < 3) {
    return fail(env, "EINVAL", "send(id, address, packet)");
  }
  const struct echo *echo = find(env, arguments[0]);
  if (echo == NULL || napi_get_buffer_info(env, arguments[1], &address, &address_bytes) != napi_ok ||
      napi_get_buffer_info(env, arguments[2], &packet, &packet_bytes) != napi_ok ||
      address_bytes != (echo->family == AF_INET ? 4u : 16u) || packet_bytes > MAX_MESSAGE) {
    return fail(env, "EINVAL", "send(open id, address of its family, packet)");
  }
  struct sockaddr_in in = {.sin_family = AF_INET};
  struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
  const struct sockaddr *to = (const struct sockaddr *)&in;
  socklen_t to_bytes = sizeof in;
  if (echo->family == AF_INET) {
    memcpy(&in.sin_addr, address, 4);
  } else {
    memcpy(&in6.sin6_addr, address, 16);
    to = (const struct sockaddr *)&in6;
    to_bytes = sizeof in6;
  }
  ssize_t sent = sendto(echo->fd, packet, packet_bytes, MSG_DONTWAIT | MSG_NOSIGNAL, to, to_bytes);
  napi_value result;
  napi_create_int32(env, sent < 0 ? errno : 0, &result);
  return result;
}

static napi_value close_id(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value arguments[1];
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count < 1) {
    return NULL;
  }
  struct echo *echo = find(env, arguments[0]);
  if (echo != NULL) {
    napi_remove_env_cleanup_hook(env, close_echo, echo);
    close_echo(echo);
  }
  return NULL;
}

static void free_instance(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  free(data);
}

static napi_value init(napi_env env, napi_value exports) {
  struct instance *instance = calloc(1, sizeof *instance);
  if (instance == NULL) return fail(env, "ENOMEM", "no memory");
  if (napi_set_instance_data(env, instance, free_instance, NULL) != napi_ok) {
    free(instance);
    return fail(env, "EIO", "icmp could not be set up");
  }
  const napi_property_descriptor functions[] = {
      {"open", NULL, open_echo, NULL, NULL, NULL, napi_default, NULL},
      {"send", NULL, send_echo, NULL, NULL, NULL, napi_default, NULL},
      {"close", NULL, close_id, NULL, NULL, NULL, napi_default, NULL},
  };
  if (napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions) !=
      napi_ok) {
    return fail(env, "EIO", "icmp could not be set up");
  }
  return exports;
}

NAPI_MODULE(NODE_GYP_MODULE_NAME, init)
