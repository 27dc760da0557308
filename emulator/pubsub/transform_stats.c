/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/pubsub/transform_stats.h"

#include "common/mem.h"

enum {
    BUCKETS = 16,
    OUTCOMES = 3
};

struct transform_stats {
    struct histogram {
        uint64_t buckets[BUCKETS + 1], n, sum_us;
    } of[OUTCOMES];
};

/* The labels status and filtered. */
static const char *const outcomes[OUTCOMES] = {
    [TRANSFORM_KEPT] = "status=\"ok\",filtered=\"false\"",
    [TRANSFORM_DROPPED] = "status=\"ok\",filtered=\"true\"",
    [TRANSFORM_FAILED] = "status=\"invalid_argument\",filtered=\"false\"",
};

/* Upper ends in microseconds: 25 us, doubled, past what a function may take. */
static uint64_t bound_us(unsigned i)
{
    return (uint64_t)25 << i;
}

void transform_stats_add(struct transform_stats **s,
                         const struct transform_job *job)
{
    if (!*s && job->n)
        *s = MEM_NEW(struct transform_stats);
    for (size_t i = 0; i < job->n; i++) {
        struct histogram *h = &(*s)->of[job->items[i].outcome];
        uint32_t took_us = job->items[i].took_us;
        unsigned at = 0;

        while (at < BUCKETS && took_us > bound_us(at))
            at++;
        h->buckets[at]++;
        h->n++;
        h->sum_us += took_us;
    }
}

static void put(const struct histogram *h, const char *family,
                const char *labels, const char *outcome, struct buf *out)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < BUCKETS; i++) {
        n += h->buckets[i];
        buf_printf(out, "%s_bucket{%s,%s,le=\"%g\"} %llu\n", family, labels,
                   outcome, (double)bound_us(i) / 1e3, (unsigned long long)n);
    }
    buf_printf(out, "%s_bucket{%s,%s,le=\"+Inf\"} %llu\n", family, labels,
               outcome, (unsigned long long)h->n);
    buf_printf(out, "%s_sum{%s,%s} %.17g\n", family, labels, outcome,
               (double)h->sum_us / 1e3);
    buf_printf(out, "%s_count{%s,%s} %llu\n", family, labels, outcome,
               (unsigned long long)h->n);
}

void transform_stats_put(const struct transform_stats *s, const char *family,
                         const char *labels, struct buf *out)
{
    for (unsigned i = 0; s && i < OUTCOMES; i++)
        if (s->of[i].n)
            put(&s->of[i], family, labels, outcomes[i], out);
}
