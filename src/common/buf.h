/* SPDX-License-Identifier: Apache-2.0 */
/* A byte buffer that grows up to a limit fixed at birth.
 *
 * Appends never fail loudly: past the limit, or when memory is gone, the
 * buffer drops what comes and remembers it in `failed`, so a renderer checks
 * once at its end. `data` always ends in a NUL that `len` does not count
 * (NULL only while nothing was ever appended).
 * Owns `data`. Threads: one at a time. */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include "common/str.h"

struct buf {
    char *data;
    size_t len;
    size_t cap;
    size_t limit; /* largest `len` allowed */
    bool failed;
};

void buf_init(struct buf *b, size_t limit);
void buf_fini(struct buf *b);
/* Empties, keeps the memory, clears `failed`. */
void buf_reset(struct buf *b);
/* Hands the bytes over (NUL-ended, to be given to mem_free, never NULL) and
 * leaves `b` empty. */
char *buf_take(struct buf *b, size_t *len);

/* Room for `extra` more bytes; false (and `failed`) if that is not allowed. */
bool buf_reserve(struct buf *b, size_t extra);

void buf_append(struct buf *b, const void *p, size_t len);
void buf_str(struct buf *b, struct str s);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_u64(struct buf *b, uint64_t v);
void buf_i64(struct buf *b, int64_t v);
void buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* A JSON string with its quotes; escapes only what RFC 8259 demands. */
void buf_json_str(struct buf *b, struct str s);
/* Drops the first `n` bytes. */
void buf_consume(struct buf *b, size_t n);

static inline struct str buf_as_str(const struct buf *b)
{
    return (struct str){b->data ? b->data : "", b->len};
}

#endif
