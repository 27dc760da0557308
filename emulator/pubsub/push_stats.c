/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/pubsub/push_stats.h"

#include "common/mem.h"

static const char *const names[] = {
    [PUSH_ACK] = "ack",
    [PUSH_DEADLINE] = "deadline_exceeded",
    [PUSH_INTERNAL] = "internal",
    [PUSH_INVALID] = "invalid",
    [PUSH_REMOTE_4XX] = "remote_server_4xx",
    [PUSH_REMOTE_5XX] = "remote_server_5xx",
    [PUSH_UNREACHABLE] = "unreachable",
};

/* Google's page "Push subscriptions": these acknowledge, nothing else does. */
enum push_result push_result_of(int status)
{
    switch (status) {
    case 102:
    case 200:
    case 201:
    case 202:
    case 204:
        return PUSH_ACK;
    default:
        return status >= 500   ? PUSH_REMOTE_5XX
               : status >= 400 ? PUSH_REMOTE_4XX
                               : PUSH_INVALID;
    }
}

/* Upper ends in microseconds: 500 us, doubled. */
static uint64_t bound_us(unsigned i)
{
    return (uint64_t)500 << i;
}

static struct push_count *row_of(struct push_stats *s, enum push_result result,
                                 int code)
{
    unsigned i;

    if (!s->counts)
        s->counts =
            MEM_ARRAY(struct push_count, PUSH_STATS_CODES + PUSH_N_RESULTS);
    for (i = 0; i < s->n_counts; i++)
        if (s->counts[i].result == result && s->counts[i].code == code)
            return &s->counts[i];
    /* the rest of a result's codes share its row 0 */
    if (code && s->n_counts >= PUSH_STATS_CODES)
        return row_of(s, result, 0);
    s->n_counts++;
    s->counts[i] =
        (struct push_count){.code = (uint16_t)code, .result = (uint8_t)result};
    return &s->counts[i];
}

void push_stats_add(struct push_stats *s, enum push_result result, int code,
                    int64_t took_us)
{
    unsigned i = 0;

    row_of(s, result, code)->n++;
    while (i < PUSH_STATS_BUCKETS && (uint64_t)took_us > bound_us(i))
        i++;
    s->buckets[i]++;
    s->n++;
    s->sum_us += (uint64_t)took_us;
}

static void put_labels(struct buf *out, const char *family, const char *suffix,
                       struct str project, struct str id)
{
    buf_printf(out,
               "%s%s{project_id=\"%.*s\",subscription_id=\"%.*s\","
               "delivery_type=\"push\"",
               family, suffix, STR_ARG(project), STR_ARG(id));
}

void push_stats_put_counts(const struct push_stats *s, const char *family,
                           struct str project, struct str id, struct buf *out)
{
    for (unsigned i = 0; i < s->n_counts; i++) {
        const struct push_count *row = &s->counts[i];

        put_labels(out, family, "", project, id);
        buf_printf(out, ",response_class=\"%s\",response_code=\"%u\"} %llu\n",
                   names[row->result], (unsigned)row->code,
                   (unsigned long long)row->n);
    }
}

void push_stats_put_latencies(const struct push_stats *s, const char *family,
                              struct str project, struct str id,
                              struct buf *out)
{
    uint64_t n = 0;

    if (!s->n)
        return;
    for (unsigned i = 0; i < PUSH_STATS_BUCKETS; i++) {
        n += s->buckets[i];
        put_labels(out, family, "_bucket", project, id);
        buf_printf(out, ",le=\"%llu\"} %llu\n", (unsigned long long)bound_us(i),
                   (unsigned long long)n);
    }
    put_labels(out, family, "_bucket", project, id);
    buf_printf(out, ",le=\"+Inf\"} %llu\n", (unsigned long long)s->n);
    put_labels(out, family, "_sum", project, id);
    buf_printf(out, "} %llu\n", (unsigned long long)s->sum_us);
    put_labels(out, family, "_count", project, id);
    buf_printf(out, "} %llu\n", (unsigned long long)s->n);
}

void push_stats_fini(struct push_stats *s)
{
    mem_free(s->counts);
    s->counts = NULL;
    s->n_counts = 0;
}
