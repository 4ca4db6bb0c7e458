/* What a process that answers queries asks of the kernel and the C library besides sockets. */
#ifndef MERIDIAN_PROCESS_H
#define MERIDIAN_PROCESS_H

#include <node_api.h>
#include <stdbool.h>

/*
 * Defines two functions more:
 *
 *   shortenSlices(micros) → whether it could be done. Gives the calling thread short time slices, so
 *     that it runs soon after it wakes although others of its core are in the middle of theirs. Its
 *     share of the core stays what it was, and no rights are needed. Linux before 6.12 takes it and
 *     changes nothing.
 *   trimMemory() → whether there was any. Gives memory that was freed back (malloc_trim(3)).
 */
bool process_define(napi_env env, napi_value exports);

#endif
