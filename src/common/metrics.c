/* SPDX-License-Identifier: Apache-2.0 */
/* Series and what is added to them. The page is in metrics_page.c.
 *
 * A series has SHARDS copies of its cells, each on cache lines of its own; a
 * thread adds to the copy of the CPU that it runs on. Which copy is only a
 * matter of speed: the additions are atomic, so a thread that is moved between
 * choosing and adding is still counted. */
#include "common/metrics_priv.h"

#include <sched.h>
#include <string.h>

#include "common/mem.h"
#include "common/str.h"

/* Upper bounds in microseconds; 0.1 and 1 are what the alerts ask for. */
const int64_t metric_bounds_us[METRIC_N_BOUNDS] = {
    50,      100,     250,      500,      1000,     2500,   5000,
    10000,   25000,   50000,    100000,   250000,   500000, 1000000,
    2500000, 5000000, 10000000, 30000000, 60000000,
};

const struct metric_info metric_infos[METRICS_N_FAMILIES] = {
#define METRIC(id, kind, name, labels, cap, help)                              \
    {METRIC_IS_##kind, name, labels, cap, help},
#include "common/metrics.def"
#undef METRIC
};

struct metrics *metrics_new(const char *system, const char *region)
{
    struct metrics *m = MEM_NEW(struct metrics);

    m->system = mem_strdup(system);
    m->region = mem_strdup(region);
    pthread_mutex_init(&m->lock, NULL);
    return m;
}

void metrics_free(struct metrics *m)
{
    if (!m)
        return;
    for (int f = 0; f < METRICS_N_FAMILIES; f++) {
        while (m->first[f]) {
            struct metric *s = m->first[f];
            m->first[f] = s->next;
            mem_free(s->labels);
            mem_free(s->memory);
        }
    }
    pthread_mutex_destroy(&m->lock);
    mem_free(m->system);
    mem_free(m->region);
    mem_free(m);
}

static size_t n_labels(const char *names)
{
    size_t n = names[0] != '\0';

    for (; *names; names++)
        n += *names == ',';
    return n;
}

/* The label values behind each other, each ended by a NUL. */
static char *join(const char *const *labels, size_t n, size_t *len)
{
    size_t size = 0;
    char *text, *at;

    for (size_t i = 0; i < n; i++)
        size += strlen(labels[i]) + 1;
    at = text = mem_alloc(size + 1);
    for (size_t i = 0; i < n; i++) {
        size_t part = strlen(labels[i]) + 1;
        memcpy(at, labels[i], part);
        at += part;
    }
    *len = size;
    return text;
}

static struct metric *find(struct metrics *m, enum metric_family family,
                           const char *text, size_t len)
{
    struct metric *s = m->first[family];

    while (s && (s->labels_len != len || memcmp(s->labels, text, len) != 0))
        s = s->next;
    return s;
}

static struct metric *add_series(struct metrics *m, enum metric_family family,
                                 char *text, size_t len)
{
    size_t shards =
        metric_infos[family].kind == METRIC_IS_GAUGE ? 1 : METRIC_SHARDS;
    size_t size = sizeof(struct metric) + shards * sizeof(struct metric_shard);
    void *memory = mem_alloc(size + METRIC_LINE);
    struct metric *s, **last = &m->first[family];
    uintptr_t at =
        ((uintptr_t)memory + METRIC_LINE - 1) & ~(uintptr_t)(METRIC_LINE - 1);

    s = (struct metric *)at;
    s->memory = memory;
    s->labels = text;
    s->labels_len = len;
    s->mask = (unsigned)shards - 1;
    while (*last)
        last = &(*last)->next;
    *last = s;
    m->n[family]++;
    return s;
}

struct metric *metrics_get(struct metrics *m, enum metric_family family,
                           const char *const *labels)
{
    static const char *const others[] = {"other", "other", "other", "other"};
    const struct metric_info *info = &metric_infos[family];
    size_t n = n_labels(info->labels), len;
    struct metric *s;
    char *text = join(labels, n, &len);

    pthread_mutex_lock(&m->lock);
    s = find(m, family, text, len);
    /* the series of the others is one more than the cap */
    if (!s && m->n[family] >= info->cap) {
        mem_free(text);
        text = join(others, n, &len);
        s = find(m, family, text, len);
    }
    if (s)
        mem_free(text);
    else
        s = add_series(m, family, text, len);
    pthread_mutex_unlock(&m->lock);
    return s;
}

static struct metric_shard *shard(struct metric *s)
{
    return &s->shards[(unsigned)sched_getcpu() & s->mask];
}

void metric_add(struct metric *s, uint64_t n)
{
    atomic_fetch_add_explicit(&shard(s)->sum, n, memory_order_relaxed);
}

void metric_set(struct metric *s, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    atomic_store_explicit(&s->shards[0].sum, bits, memory_order_relaxed);
}

void metric_observe_us(struct metric *s, int64_t us)
{
    struct metric_shard *at = shard(s);
    unsigned i = 0;

    if (us < 0)
        us = 0; /* clocks of two machines may disagree */
    while (i < METRIC_N_BOUNDS && us > metric_bounds_us[i])
        i++;
    atomic_fetch_add_explicit(&at->buckets[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&at->sum, (uint64_t)us, memory_order_relaxed);
}
