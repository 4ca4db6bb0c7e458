#define _GNU_SOURCE
#define NAPI_VERSION 8
#include "process.h"

#include <malloc.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* struct sched_attr of sched_setattr(2), which not all C libraries declare. */
struct thread_schedule {
  uint32_t size;
  uint32_t policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime; /* nanoseconds; of SCHED_OTHER: the slice */
  uint64_t deadline;
  uint64_t period;
};

static bool shorten_slices(uint32_t micros) {
  struct thread_schedule schedule;
  memset(&schedule, 0, sizeof schedule);
  if (syscall(SYS_sched_getattr, 0, &schedule, sizeof schedule, 0) != 0) return false;
  /* A thread of another policy (chrt) has been given it on purpose. */
  if (schedule.policy != SCHED_OTHER) return false;
  schedule.size = sizeof schedule;
  schedule.runtime = (uint64_t)micros * 1000u;
  return syscall(SYS_sched_setattr, 0, &schedule, 0) == 0;
}

static bool trim_memory(void) {
#ifdef __GLIBC__
  return malloc_trim(0) == 1;
#else
  return false;
#endif
}

static napi_value js_shorten_slices(napi_env env, napi_callback_info info) {
  napi_value micros, result = NULL;
  size_t count = 1;
  int32_t number = 0;
  if (napi_get_cb_info(env, info, &count, &micros, NULL, NULL) != napi_ok || count < 1 ||
      napi_get_value_int32(env, micros, &number) != napi_ok || number <= 0) {
    (void)napi_throw_type_error(env, "ERR_INVALID_ARG_VALUE", "the slice must be positive");
    return NULL;
  }
  (void)napi_get_boolean(env, shorten_slices((uint32_t)number), &result);
  return result;
}

static napi_value js_trim_memory(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value result = NULL;
  (void)napi_get_boolean(env, trim_memory(), &result);
  return result;
}

bool process_define(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      {"shortenSlices", NULL, js_shorten_slices, NULL, NULL, NULL, napi_enumerable, NULL},
      {"trimMemory", NULL, js_trim_memory, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  return napi_define_properties(env, exports, sizeof functions / sizeof functions[0], functions) ==
         napi_ok;
}
