/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that lives as long as one statement: everything that lexer, parser
 * and binder make goes into one arena and dies with it.
 *
 * A statement's text is capped by the caller, and what is made of it is
 * capped here (ARENA_LIMIT): past that the arena jumps to the handler that
 * sql_prepare set, so the code in between needs no checks. Owns its chunks.
 * Threads: one at a time. */
#ifndef EMULATOR_BIGQUERY_SQL_ARENA_H
#define EMULATOR_BIGQUERY_SQL_ARENA_H

#include <setjmp.h>
#include <stdarg.h>

#include "common/str.h"

enum {
    ARENA_LIMIT = 256 << 20
};

struct arena_chunk;
struct arena_buf;
struct buf;

struct arena {
    struct arena_chunk *head;
    size_t used, cap; /* of the head chunk */
    size_t total;
    struct arena_buf *bufs;
    jmp_buf *on_full; /* NULL: memory gone ends the process */
};

void arena_init(struct arena *a);
void arena_fini(struct arena *a);

/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *a, size_t size);
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
/* All of the given texts, one behind the other; the last argument is NULL. */
char *arena_cat(struct arena *a, const char *first, ...)
    __attribute__((sentinel));

/* A buffer that dies with the arena at the latest, so that a jump out of the
 * code that fills it loses nothing. */
struct buf *arena_buf(struct arena *a);
/* Its text, moved into the arena; ends `b`. */
char *arena_buf_take(struct arena *a, struct buf *b);

static inline struct str arena_str(struct arena *a, struct str s)
{
    return (struct str){arena_strndup(a, s.p, s.len), s.len};
}

#define ARENA_NEW(a, type)      ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_alloc((a), (n) * sizeof(type)))

#endif
