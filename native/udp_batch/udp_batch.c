/*
 * The Node-API face of batches (Node-API 8, so that one binary serves Node 20 and later).
 *
 *   open(addresses, settings, slots, lengths, peers, counters, requests) → id; ports, sockets in `addresses`
 *   exchange(id, answered) → requests received, 0 when woken or idle, -1 when stopped and drained
 *   wake(id), stop(id) → false when there is no such batch; from any thread
 *   close(id) → false when this thread has no such batch
 *   probeXdp() → undefined when AF_XDP can be had, else the call that failed and why
 *
 * Batches are known by ids in a table that all threads share, never by pointers, so that a late
 * wake or a forged id is harmless. Only the thread that opened a batch may exchange and close it.
 */
#define NAPI_VERSION 8
#include <node_api.h>
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "process.h"

enum {
  /* ids are a place in the table and a generation above it. */
  PLACE_BITS = 10,
  MAX_BATCHES = 1 << PLACE_BITS,
  MAX_GENERATION = 1 << 20,
  /* Words of one address in `addresses`: family, address words, port, v6Only, socket (0: a new one). */
  ADDRESS_WORDS = 8,
  BUFFERS = 5,
  OPEN_ARGUMENTS = 2 + BUFFERS,
};

/* Order of `settings`, an Int32Array. */
enum setting {
  SLOT_COUNT,
  SLOT_BYTES,
  PAYLOAD_BYTES,
  REUSE_PORT,
  RECEIVE_BUFFER_BYTES,
  SEND_BUFFER_BYTES,
  BUSY_POLL_MICROS,
  SLEEP_MICROS,
  WAIT_MS,
  XDP_SHARES,
  SETTINGS,
};

struct entry {
  struct batch *batch;
  napi_env owner;
  /* Keep the memory alive that the batch works on. */
  napi_ref buffers[BUFFERS];
  int32_t generation;
};

static struct entry table[MAX_BATCHES];
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;

/* The entry of an id, or NULL. The caller holds the lock. */
static struct entry *find(int32_t id) {
  if (id <= 0) return NULL;
  struct entry *entry = &table[id & (MAX_BATCHES - 1)];
  return entry->batch != NULL && entry->generation == id >> PLACE_BITS ? entry : NULL;
}

/* Gives a batch an id; 0 when the table is full. */
static int32_t enter(struct batch *batch, napi_env owner, const napi_ref *buffers) {
  int32_t id = 0;
  pthread_mutex_lock(&table_lock);
  for (int32_t place = 0; place < MAX_BATCHES && id == 0; place += 1) {
    struct entry *entry = &table[place];
    if (entry->batch != NULL) continue;
    entry->generation = entry->generation + 1 < MAX_GENERATION ? entry->generation + 1 : 1;
    entry->batch = batch;
    entry->owner = owner;
    memcpy(entry->buffers, buffers, sizeof entry->buffers);
    id = entry->generation << PLACE_BITS | place;
  }
  pthread_mutex_unlock(&table_lock);
  return id;
}

/* Takes a batch of this thread off the table: nobody can wake it any more. */
static struct batch *leave(napi_env env, int32_t id, napi_ref *buffers) {
  struct batch *batch = NULL;
  pthread_mutex_lock(&table_lock);
  struct entry *entry = find(id);
  if (entry != NULL && entry->owner == env) {
    batch = entry->batch;
    memcpy(buffers, entry->buffers, sizeof entry->buffers);
    entry->batch = NULL;
    entry->owner = NULL;
  }
  pthread_mutex_unlock(&table_lock);
  return batch;
}

/* A thread ends: its batches end with it. References die with their environment. */
static void close_all(void *env) {
  for (int32_t place = 0; place < MAX_BATCHES; place += 1) {
    struct batch *batch = NULL;
    pthread_mutex_lock(&table_lock);
    if (table[place].batch != NULL && table[place].owner == (napi_env)env) {
      batch = table[place].batch;
      table[place].batch = NULL;
      table[place].owner = NULL;
    }
    pthread_mutex_unlock(&table_lock);
    if (batch != NULL) batch_close(batch);
  }
}

/* The name of an errno as Node spells it; the ones that opening a socket can meet. */
static const char *error_name(int error) {
  switch (error) {
    case EACCES: return "EACCES";
    case EADDRINUSE: return "EADDRINUSE";
    case EBUSY: return "EBUSY";
    case EOPNOTSUPP: return "EOPNOTSUPP";
    case EADDRNOTAVAIL: return "EADDRNOTAVAIL";
    case EAFNOSUPPORT: return "EAFNOSUPPORT";
    case EINVAL: return "EINVAL";
    case EMFILE: return "EMFILE";
    case ENFILE: return "ENFILE";
    case ENOBUFS: return "ENOBUFS";
    case ENOMEM: return "ENOMEM";
    case ENOPROTOOPT: return "ENOPROTOOPT";
    case EPERM: return "EPERM";
    case EPROTONOSUPPORT: return "EPROTONOSUPPORT";
    default: return "EUNKNOWN";
  }
}

static napi_value throw_type(napi_env env, const char *message) {
  (void)napi_throw_type_error(env, "ERR_INVALID_ARG_VALUE", message);
  return NULL;
}

static void format_address(const struct batch_address *address, char *text, size_t text_bytes) {
  char host[INET6_ADDRSTRLEN] = "?";
  (void)inet_ntop(address->family == 6 ? AF_INET6 : AF_INET, address->octets, host, sizeof host);
  (void)snprintf(text, text_bytes, address->family == 6 ? "[%s]:%u" : "%s:%u", host, address->port);
}

/* Throws an Error with code, errno and syscall, as Node's own sockets do. */
static napi_value throw_failure(napi_env env, const struct batch_failure *failure,
                                const struct batch_options *options) {
  char where[64] = "UDP";
  char message[256];
  if (failure->address < options->address_count) {
    format_address(&options->addresses[failure->address], where, sizeof where);
  }
  (void)snprintf(message, sizeof message, "%s %s %s: %s", failure->call, error_name(failure->error),
                 where, strerror(failure->error));
  napi_value code, text, error, number, call;
  if (napi_create_string_utf8(env, error_name(failure->error), NAPI_AUTO_LENGTH, &code) != napi_ok ||
      napi_create_string_utf8(env, message, NAPI_AUTO_LENGTH, &text) != napi_ok ||
      napi_create_error(env, code, text, &error) != napi_ok ||
      napi_create_int32(env, -failure->error, &number) != napi_ok ||
      napi_create_string_utf8(env, failure->call, NAPI_AUTO_LENGTH, &call) != napi_ok ||
      napi_set_named_property(env, error, "errno", number) != napi_ok ||
      napi_set_named_property(env, error, "syscall", call) != napi_ok) {
    return NULL; /* an exception is pending already */
  }
  (void)napi_throw(env, error);
  return NULL;
}

/* The memory of a typed array of the given type with at least `least` elements, or NULL. */
static void *view_of(napi_env env, napi_value value, napi_typedarray_type type, size_t least,
                     bool must_be_shared, size_t *length) {
  bool is_view = false;
  napi_typedarray_type found;
  void *data = NULL;
  napi_value buffer;
  size_t offset;
  if (napi_is_typedarray(env, value, &is_view) != napi_ok || !is_view) return NULL;
  if (napi_get_typedarray_info(env, value, &found, length, &data, &buffer, &offset) != napi_ok) {
    return NULL;
  }
  if (found != type || *length < least) return NULL;
  /* Only an ArrayBuffer can be detached or shrink under us; a SharedArrayBuffer never does. */
  bool can_go = true;
  if (must_be_shared && (napi_is_arraybuffer(env, buffer, &can_go) != napi_ok || can_go)) return NULL;
  return data;
}

static bool read_address(const int32_t *words, struct batch_address *address) {
  address->family = words[0];
  if ((words[0] != 4 && words[0] != 6) || words[5] < 0 || words[5] > 65535 || words[7] < 0) return false;
  for (int word = 0; word < 4; word += 1) {
    const uint32_t raw = htonl((uint32_t)words[1 + word]);
    memcpy(address->octets + word * 4, &raw, sizeof raw);
  }
  address->port = (uint16_t)words[5];
  address->v6_only = words[6] != 0;
  address->adopted_fd = words[7];
  return true;
}

/* Reads the views that a batch works on; false when one does not fit the settings. */
static bool read_memory(napi_env env, const napi_value *views, const int32_t *settings,
                        struct batch_memory *memory) {
  const int32_t count = settings[SLOT_COUNT];
  const int32_t bytes = settings[SLOT_BYTES];
  const int32_t payload = settings[PAYLOAD_BYTES];
  if (count < 1 || count > BATCH_MAX_SLOTS || bytes < 1 || bytes > BATCH_MAX_SLOT_BYTES) return false;
  if (payload < 1 || payload > bytes) return false;
  const size_t slots = (size_t)count;
  size_t length;
  *memory = (struct batch_memory){
      .slot_count = (uint32_t)count,
      .slot_bytes = (uint32_t)bytes,
      .payload_bytes = (uint32_t)payload,
      .slots = view_of(env, views[0], napi_uint8_array, slots * (size_t)bytes, true, &length),
      .lengths = view_of(env, views[1], napi_int32_array, slots, true, &length),
      .peers = view_of(env, views[2], napi_int32_array, slots * BATCH_PEER_WORDS, true, &length),
      .counters = view_of(env, views[3], napi_float64_array, BATCH_COUNTERS, true, &length),
      .requests = view_of(env, views[4], napi_uint8_array, slots * (size_t)bytes, true, &length),
  };
  return memory->slots != NULL && memory->lengths != NULL && memory->peers != NULL &&
         memory->counters != NULL && memory->requests != NULL;
}

/* Opens a batch, keeps its memory alive and gives it an id; 0 with an exception when it cannot. */
static int32_t open_batch(napi_env env, const napi_value *views, const struct batch_options *options,
                          const struct batch_memory *memory, int32_t *words) {
  struct batch_failure failure;
  napi_ref buffers[BUFFERS] = {NULL};
  struct batch *batch = batch_open(options, memory, &failure);
  if (batch == NULL) {
    (void)throw_failure(env, &failure, options);
    return 0;
  }
  int32_t id = 0;
  bool is_kept = true;
  for (int view = 0; view < BUFFERS && is_kept; view += 1) {
    is_kept = napi_create_reference(env, views[view], 1, &buffers[view]) == napi_ok;
  }
  if (is_kept) id = enter(batch, env, buffers);
  if (id == 0) {
    for (int view = 0; view < BUFFERS; view += 1) {
      if (buffers[view] != NULL) (void)napi_delete_reference(env, buffers[view]);
    }
    batch_close(batch);
    (void)napi_throw_error(env, "EMFILE", "too many batches are open");
    return 0;
  }
  for (uint32_t at = 0; at < options->address_count; at += 1) {
    words[at * ADDRESS_WORDS + 5] = batch_port(batch, at);
    words[at * ADDRESS_WORDS + 7] = batch_socket_fd(batch, at);
  }
  return id;
}

static napi_value js_open(napi_env env, napi_callback_info info) {
  napi_value args[OPEN_ARGUMENTS];
  size_t argc = OPEN_ARGUMENTS;
  if (napi_get_cb_info(env, info, &argc, args, NULL, NULL) != napi_ok) return NULL;
  size_t word_count = 0, setting_count = 0;
  int32_t *words =
      argc < OPEN_ARGUMENTS ? NULL : view_of(env, args[0], napi_int32_array, ADDRESS_WORDS, false, &word_count);
  if (words == NULL || word_count % ADDRESS_WORDS != 0 ||
      word_count / ADDRESS_WORDS > BATCH_MAX_SOCKETS) {
    return throw_type(env, "addresses must be an Int32Array of 8 words for each address");
  }
  const int32_t *settings =
      view_of(env, args[1], napi_int32_array, SETTINGS, false, &setting_count);
  if (settings == NULL || setting_count != SETTINGS) {
    return throw_type(env, "settings must be an Int32Array of 10 words");
  }
  for (int at = 0; at < SETTINGS; at += 1) {
    if (settings[at] < 0) return throw_type(env, "settings must not be negative");
  }
  struct batch_memory memory;
  if (!read_memory(env, args + 2, settings, &memory)) {
    return throw_type(env, "slots, lengths, peers, counters and requests must be views of SharedArrayBuffers "
                           "that fit the settings");
  }
  struct batch_address addresses[BATCH_MAX_SOCKETS];
  const uint32_t address_count = (uint32_t)(word_count / ADDRESS_WORDS);
  for (uint32_t at = 0; at < address_count; at += 1) {
    if (!read_address(words + at * ADDRESS_WORDS, &addresses[at])) {
      return throw_type(env, "an address is of no family or its port out of range");
    }
  }
  const struct batch_options options = {
      .addresses = addresses,
      .address_count = address_count,
      .reuse_port = settings[REUSE_PORT] != 0,
      .receive_buffer_bytes = settings[RECEIVE_BUFFER_BYTES],
      .send_buffer_bytes = settings[SEND_BUFFER_BYTES],
      .busy_poll_micros = settings[BUSY_POLL_MICROS],
      .sleep_micros = settings[SLEEP_MICROS],
      .wait_ms = settings[WAIT_MS],
      .xdp_shares = (uint32_t)settings[XDP_SHARES],
  };
  const int32_t id = open_batch(env, args + 2, &options, &memory, words);
  napi_value result = NULL;
  if (id != 0) (void)napi_create_int32(env, id, &result);
  return result;
}

/* Reads `count` arguments that are integers; false with an exception when they are not. */
static bool read_ints(napi_env env, napi_callback_info info, size_t count, int32_t *ints) {
  napi_value args[2];
  size_t argc = 2;
  bool are_ints = napi_get_cb_info(env, info, &argc, args, NULL, NULL) == napi_ok && argc >= count;
  for (size_t at = 0; are_ints && at < count; at += 1) {
    are_ints = napi_get_value_int32(env, args[at], &ints[at]) == napi_ok;
  }
  if (!are_ints) (void)throw_type(env, "the arguments must be integers");
  return are_ints;
}

static napi_value js_exchange(napi_env env, napi_callback_info info) {
  int32_t ints[2];
  if (!read_ints(env, info, 2, ints)) return NULL;
  pthread_mutex_lock(&table_lock);
  struct entry *entry = find(ints[0]);
  struct batch *batch = entry != NULL && entry->owner == env ? entry->batch : NULL;
  pthread_mutex_unlock(&table_lock);
  /* Only this thread closes it, so that it stays while we are here. */
  if (batch == NULL) return throw_type(env, "this thread has no such batch");
  if (ints[1] < 0 || (uint32_t)ints[1] > batch_received(batch)) {
    (void)napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "more answers than requests");
    return NULL;
  }
  napi_value result = NULL;
  (void)napi_create_int32(env, batch_exchange(batch, (uint32_t)ints[1]), &result);
  return result;
}

static napi_value signal_batch(napi_env env, napi_callback_info info,
                               void (*signal)(struct batch *)) {
  int32_t id;
  if (!read_ints(env, info, 1, &id)) return NULL;
  pthread_mutex_lock(&table_lock);
  struct entry *entry = find(id);
  if (entry != NULL) signal(entry->batch);
  pthread_mutex_unlock(&table_lock);
  napi_value result = NULL;
  (void)napi_get_boolean(env, entry != NULL, &result);
  return result;
}

static napi_value js_wake(napi_env env, napi_callback_info info) {
  return signal_batch(env, info, batch_wake);
}

static napi_value js_stop(napi_env env, napi_callback_info info) {
  return signal_batch(env, info, batch_stop);
}

static napi_value js_close(napi_env env, napi_callback_info info) {
  int32_t id;
  napi_ref buffers[BUFFERS];
  if (!read_ints(env, info, 1, &id)) return NULL;
  struct batch *batch = leave(env, id, buffers);
  if (batch != NULL) {
    batch_close(batch);
    for (int view = 0; view < BUFFERS; view += 1) (void)napi_delete_reference(env, buffers[view]);
  }
  napi_value result = NULL;
  (void)napi_get_boolean(env, batch != NULL, &result);
  return result;
}

static napi_value js_probe_xdp(napi_env env, napi_callback_info info) {
  (void)info;
  struct batch_failure failure;
  char text[128];
  napi_value result = NULL;
  if (batch_can_xdp(&failure)) return NULL; /* undefined */
  (void)snprintf(text, sizeof text, "%s %s", failure.call, error_name(failure.error));
  (void)napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &result);
  return result;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"open", NULL, js_open, NULL, NULL, NULL, napi_enumerable, NULL},
      {"exchange", NULL, js_exchange, NULL, NULL, NULL, napi_enumerable, NULL},
      {"wake", NULL, js_wake, NULL, NULL, NULL, napi_enumerable, NULL},
      {"stop", NULL, js_stop, NULL, NULL, NULL, napi_enumerable, NULL},
      {"close", NULL, js_close, NULL, NULL, NULL, napi_enumerable, NULL},
      {"probeXdp", NULL, js_probe_xdp, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  if (napi_define_properties(env, exports, sizeof functions / sizeof functions[0], functions) !=
          napi_ok ||
      !process_define(env, exports) ||
      napi_add_env_cleanup_hook(env, close_all, env) != napi_ok) {
    (void)napi_throw_error(env, NULL, "udp_batch could not be set up");
    return NULL;
  }
  return exports;
}
