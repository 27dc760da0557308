/* SPDX-License-Identifier: Apache-2.0 */
/* Chunked bitmap above a frontier; see the header for why. */
#include "emulator/pubsub/ackset.h"

#include "common/buf.h"
#include "common/mem.h"
#include "grpc/wire.h"

enum {
    CHUNK_BITS = 4096,
    CHUNK_WORDS = CHUNK_BITS / 64
};

struct ackset_chunk {
    unsigned n_set;
    uint64_t words[CHUNK_WORDS];
};

/* Stands for a chunk whose bits are all set; NULL for one with none. */
static struct ackset_chunk *const full =
    (struct ackset_chunk *)(uintptr_t)sizeof(void *);

void ackset_init(struct ackset *a, uint64_t frontier)
{
    *a = (struct ackset){.frontier = frontier, .base = frontier / CHUNK_BITS};
}

static void chunk_free(struct ackset_chunk *c)
{
    if (c != full)
        mem_free(c);
}

void ackset_fini(struct ackset *a)
{
    for (size_t i = 0; i < a->n; i++)
        chunk_free(a->dir[i]);
    mem_free(a->dir);
    *a = (struct ackset){0};
}

void ackset_copy(struct ackset *to, const struct ackset *from)
{
    *to = *from;
    to->cap = from->n;
    to->dir = from->n ? MEM_ARRAY(struct ackset_chunk *, from->n) : NULL;
    for (size_t i = 0; i < from->n; i++) {
        struct ackset_chunk *c = from->dir[i];

        to->dir[i] = c && c != full ? mem_dup(c, sizeof(*c)) : c;
    }
}

static struct ackset_chunk *chunk_at(const struct ackset *a, uint64_t number)
{
    if (number < a->base)
        return full;
    return number - a->base < a->n ? a->dir[number - a->base] : NULL;
}

bool ackset_has(const struct ackset *a, uint64_t seq)
{
    const struct ackset_chunk *c;

    if (seq < a->frontier)
        return true;
    c = chunk_at(a, seq / CHUNK_BITS);
    if (!c || c == full)
        return c == full;
    return c->words[seq % CHUNK_BITS / 64] >> (seq % 64) & 1;
}

static void dir_grow(struct ackset *a, size_t n)
{
    if (n > a->cap) {
        a->cap = n < 8 ? 8 : n * 2;
        a->dir = mem_realloc(a->dir, a->cap * sizeof(*a->dir));
    }
    for (; a->n < n; a->n++)
        a->dir[a->n] = NULL;
}

/* Bits [from, to) of one word. */
static uint64_t mask_of(unsigned from, unsigned to)
{
    uint64_t upper = to == 64 ? ~0ULL : (1ULL << to) - 1;

    return upper & ~((1ULL << from) - 1);
}

/* Sets or clears bits [from, to) of a chunk; returns what it has become. */
static struct ackset_chunk *chunk_fill(struct ackset_chunk *c, unsigned from,
                                       unsigned to, bool value)
{
    if (c == (value ? full : NULL) || from == to)
        return c;
    if (from == 0 && to == CHUNK_BITS) {
        chunk_free(c);
        return value ? full : NULL;
    }
    if (!c || c == full) {
        bool was_full = c == full;

        c = MEM_NEW(struct ackset_chunk);
        if (was_full) {
            memset(c->words, 0xff, sizeof(c->words));
            c->n_set = CHUNK_BITS;
        }
    }
    for (unsigned w = from / 64; w <= (to - 1) / 64; w++) {
        unsigned lo = w == from / 64 ? from % 64 : 0;
        unsigned hi = w == (to - 1) / 64 ? (to - 1) % 64 + 1 : 64;
        uint64_t mask = mask_of(lo, hi);
        unsigned had = (unsigned)__builtin_popcountll(c->words[w] & mask);

        if (value) {
            c->words[w] |= mask;
            c->n_set += hi - lo - had;
        } else {
            c->words[w] &= ~mask;
            c->n_set -= had;
        }
    }
    if (c->n_set == 0 || c->n_set == CHUNK_BITS) {
        bool is_full = c->n_set != 0;

        mem_free(c);
        return is_full ? full : NULL;
    }
    return c;
}

static void fill(struct ackset *a, uint64_t from, uint64_t to, bool value)
{
    if (from >= to)
        return;
    dir_grow(a, (size_t)((to - 1) / CHUNK_BITS - a->base + 1));
    for (uint64_t n = from / CHUNK_BITS; n <= (to - 1) / CHUNK_BITS; n++) {
        struct ackset_chunk **c = &a->dir[n - a->base];
        unsigned lo = n == from / CHUNK_BITS ? from % CHUNK_BITS : 0;
        unsigned hi = n == (to - 1) / CHUNK_BITS
                          ? (unsigned)((to - 1) % CHUNK_BITS) + 1
                          : CHUNK_BITS;

        *c = chunk_fill(*c, lo, hi, value);
    }
}

/* First bit >= from of a chunk whose value is not `value`, or CHUNK_BITS. */
static unsigned chunk_run(const struct ackset_chunk *c, unsigned from,
                          bool value)
{
    uint64_t flip = value ? ~0ULL : 0;

    if (!c || c == full)
        return (c == full) == value ? CHUNK_BITS : from;
    for (unsigned w = from / 64; w < CHUNK_WORDS; w++) {
        uint64_t word = c->words[w] ^ flip;

        if (w == from / 64)
            word &= ~0ULL << (from % 64);
        if (word)
            return w * 64 + (unsigned)__builtin_ctzll(word);
    }
    return CHUNK_BITS;
}

/* First number in [from, limit] at which the value is not `value`. */
static uint64_t run_end(const struct ackset *a, uint64_t from, uint64_t limit,
                        bool value)
{
    while (from < limit) {
        const struct ackset_chunk *c = chunk_at(a, from / CHUNK_BITS);
        unsigned at = from % CHUNK_BITS;
        unsigned end = chunk_run(c, at, value);

        from += end - at;
        if (end < CHUNK_BITS)
            break;
        if (!value && from / CHUNK_BITS >= a->base + a->n)
            return limit;
    }
    return from < limit ? from : limit;
}

/* Moves the frontier over what follows it, frees the chunks below. */
static void advance(struct ackset *a)
{
    uint64_t end = (a->base + a->n) * CHUNK_BITS;
    uint64_t base;
    size_t drop;

    if (a->frontier < end)
        a->frontier = run_end(a, a->frontier, end, true);
    base = a->frontier / CHUNK_BITS;
    if (base == a->base)
        return;
    drop = base - a->base < a->n ? (size_t)(base - a->base) : a->n;
    for (size_t i = 0; i < drop; i++)
        chunk_free(a->dir[i]);
    a->n -= drop;
    memmove(a->dir, a->dir + drop, a->n * sizeof(*a->dir));
    a->base = base;
}

bool ackset_add(struct ackset *a, uint64_t seq)
{
    if (ackset_has(a, seq))
        return false;
    fill(a, seq, seq + 1, true);
    if (seq == a->frontier)
        advance(a);
    return true;
}

void ackset_add_range(struct ackset *a, uint64_t from, uint64_t to)
{
    if (from < a->frontier)
        from = a->frontier;
    if (from >= to)
        return;
    if (from > a->frontier) {
        fill(a, from, to, true);
        return;
    }
    /* Nothing that is whole below the new frontier is ever allocated. */
    if (to / CHUNK_BITS > a->base) {
        size_t drop = (size_t)(to / CHUNK_BITS - a->base);

        for (size_t i = 0; i < a->n && i < drop; i++)
            chunk_free(a->dir[i]);
        drop = drop < a->n ? drop : a->n;
        a->n -= drop;
        if (a->n > 0) /* else there may be no directory */
            memmove(a->dir, a->dir + drop, a->n * sizeof(*a->dir));
        a->base = to / CHUNK_BITS;
        from = a->base * CHUNK_BITS;
    }
    a->frontier = to;
    if (a->n > 0)
        fill(a, from, to, true);
    advance(a);
}

void ackset_remove_range(struct ackset *a, uint64_t from, uint64_t to)
{
    if (from >= to)
        return;
    if (from < a->frontier) {
        uint64_t base = from / CHUNK_BITS;
        size_t more = (size_t)(a->base - base);

        /* Below the frontier bits need not be there: write them now. */
        fill(a, a->base * CHUNK_BITS, a->frontier, true);
        dir_grow(a, a->n + more);
        memmove(a->dir + more, a->dir, (a->n - more) * sizeof(*a->dir));
        for (size_t i = 0; i < more; i++)
            a->dir[i] = full;
        a->base = base;
        a->frontier = from;
    }
    fill(a, from, to, false);
    if (from / CHUNK_BITS == a->base)
        fill(a, a->base * CHUNK_BITS, a->frontier, true);
}

bool ackset_has_range(const struct ackset *a, uint64_t from, uint64_t to)
{
    return ackset_next_free(a, from, to) == to;
}

uint64_t ackset_next_free(const struct ackset *a, uint64_t from, uint64_t limit)
{
    if (from < a->frontier)
        from = a->frontier;
    return from >= limit ? limit : run_end(a, from, limit, true);
}

uint64_t ackset_count_free(const struct ackset *a, uint64_t from, uint64_t to)
{
    uint64_t count = 0;

    for (from = ackset_next_free(a, from, to); from < to;) {
        uint64_t end = run_end(a, from, to, false);

        count += end - from;
        from = ackset_next_free(a, end, to);
    }
    return count;
}

uint64_t ackset_end(const struct ackset *a)
{
    for (size_t i = a->n; i-- > 0;) {
        const struct ackset_chunk *c = a->dir[i];
        uint64_t from = (a->base + i) * CHUNK_BITS;
        int w = CHUNK_WORDS - 1;

        if (c == full)
            return from + CHUNK_BITS > a->frontier ? from + CHUNK_BITS
                                                   : a->frontier;
        while (c && w >= 0 && !c->words[w])
            w--;
        if (!c || w < 0)
            continue;
        from += (uint64_t)w * 64 + 64 - (unsigned)__builtin_clzll(c->words[w]);
        return from > a->frontier ? from : a->frontier;
    }
    return a->frontier;
}

void ackset_save(const struct ackset *a, struct buf *out)
{
    uint64_t end = (a->base + a->n) * CHUNK_BITS;
    uint64_t at = a->frontier;

    wire_put_varint(out, a->frontier);
    while (at < end) {
        uint64_t from = run_end(a, at, end, false);
        uint64_t to;

        if (from >= end)
            break;
        to = run_end(a, from, end, true);
        wire_put_varint(out, from - at);
        wire_put_varint(out, to - from);
        at = to;
    }
}

int ackset_load(struct ackset *a, struct str bytes)
{
    struct wire w = wire_of(bytes);
    uint64_t at, gap, run;

    if (!wire_varint(&w, &at))
        return RC_MALFORMED;
    ackset_init(a, at);
    while (w.p < w.end) {
        const uint64_t most = ACKSET_SPAN_MAX;

        if (!wire_varint(&w, &gap) || !wire_varint(&w, &run) || gap > most ||
            run > most || run == 0 || at + gap + run - a->frontier > most) {
            ackset_fini(a);
            return RC_MALFORMED;
        }
        ackset_add_range(a, at + gap, at + gap + run);
        at += gap + run;
    }
    return RC_OK;
}
