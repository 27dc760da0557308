/* SPDX-License-Identifier: Apache-2.0 */
/* Threads of our own: with a stack as large as they need, and deaf to signals,
 * which are the loops' business. Threads: any. */
#ifndef COMMON_THREAD_H
#define COMMON_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* False: the system has no thread more. */
bool thread_start(pthread_t *thread, size_t stack_bytes,
                  void *(*run)(void *arg), void *arg);

#endif
