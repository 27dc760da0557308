/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/sql/arena.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/mem.h"

enum {
    CHUNK = 8192,
    ALIGN = 16
};

struct arena_chunk {
    struct arena_chunk *next;
    size_t pad;
    char data[];
};

struct arena_buf {
    struct arena_buf *next;
    struct buf text;
};

void arena_init(struct arena *a)
{
    *a = (struct arena){NULL};
}

void arena_fini(struct arena *a)
{
    struct arena_chunk *c = a->head;

    for (struct arena_buf *b = a->bufs; b; b = b->next)
        buf_fini(&b->text);
    a->bufs = NULL;
    while (c) {
        struct arena_chunk *next = c->next;
        mem_free(c);
        c = next;
    }
    a->head = NULL;
    a->used = a->cap = a->total = 0;
}

static void full(struct arena *a)
{
    if (a->on_full)
        longjmp(*a->on_full, 1);
    abort();
}

void *arena_alloc(struct arena *a, size_t size)
{
    char *p;

    if (size > ARENA_LIMIT)
        full(a);
    size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (!a->head || a->cap - a->used < size) {
        size_t cap = size > CHUNK ? size : CHUNK;
        struct arena_chunk *c;
        if (a->total + cap > ARENA_LIMIT)
            full(a);
        c = mem_try_alloc(sizeof(*c) + cap);
        if (!c)
            full(a);
        c->next = a->head;
        a->head = c;
        a->used = 0;
        a->cap = cap;
        a->total += cap;
    }
    p = a->head->data + a->used;
    a->used += size;
    memset(p, 0, size);
    return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
    char *copy = arena_alloc(a, len + 1);

    if (len)
        memcpy(copy, s, len);
    return copy;
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
    char small[256];
    va_list again;
    char *out;
    int n;

    va_copy(again, ap);
    n = vsnprintf(small, sizeof(small), fmt, ap);
    if (n < 0)
        n = 0;
    if ((size_t)n < sizeof(small)) {
        out = arena_strndup(a, small, (size_t)n);
    } else {
        out = arena_alloc(a, (size_t)n + 1);
        vsnprintf(out, (size_t)n + 1, fmt, again);
    }
    va_end(again);
    return out;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    char *out;

    va_start(ap, fmt);
    out = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return out;
}

char *arena_cat(struct arena *a, const char *first, ...)
{
    size_t len = 0, at = 0;
    va_list ap;
    char *out;

    va_start(ap, first);
    for (const char *s = first; s; s = va_arg(ap, const char *))
        len += strlen(s);
    va_end(ap);
    out = arena_alloc(a, len + 1);
    va_start(ap, first);
    for (const char *s = first; s; s = va_arg(ap, const char *)) {
        size_t n = strlen(s);
        memcpy(out + at, s, n);
        at += n;
    }
    va_end(ap);
    return out;
}

struct buf *arena_buf(struct arena *a)
{
    struct arena_buf *b = ARENA_NEW(a, struct arena_buf);

    buf_init(&b->text, ARENA_LIMIT);
    b->next = a->bufs;
    a->bufs = b;
    return &b->text;
}

char *arena_buf_take(struct arena *a, struct buf *b)
{
    char *copy;

    if (b->failed)
        full(a);
    copy = arena_strndup(a, b->data, b->len);
    buf_fini(b);
    return copy;
}
