/* SPDX-License-Identifier: Apache-2.0 */
/* The only door to the heap.
 *
 * Policy by name: `mem_alloc` and its kin are for sizes that we choose; they
 * end the process when memory is gone. `mem_try_alloc` is for sizes that a
 * peer chooses; it returns NULL and the caller answers with an error.
 * Threads: any. */
#ifndef COMMON_MEM_H
#define COMMON_MEM_H

#include <stddef.h>

/* Zeroed memory; never NULL. */
void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));
/* Grows or shrinks; new bytes are undefined; never NULL for size > 0. */
void *mem_realloc(void *p, size_t size);
void *mem_dup(const void *p, size_t size);
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t len); /* adds the final NUL */
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* As above, NULL when memory is gone or `mem_fail_after` says so. Contents of
 * mem_try_alloc are undefined. */
void *mem_try_alloc(size_t size);
void *mem_try_realloc(void *p, size_t size);

void mem_free(void *p);
/* Gives unused pages back to the kernel; for after a burst, not for hot paths.
 */
void mem_trim(void);

#define MEM_NEW(type)      ((type *)mem_alloc(sizeof(type)))
#define MEM_ARRAY(type, n) ((type *)mem_alloc_array((n), sizeof(type)))
void *mem_alloc_array(size_t n, size_t size);

/* Tests only: the n-th mem_try_* call from now fails (0: none), and every one
 * after it too if `from_then_on`. */
void mem_fail_after(unsigned long n, int from_then_on);

#endif
