/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/requests.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/timefmt.h"
#include "emulator/clock.h"

enum {
    SERVICE_MAX = 12,
    METHOD_MAX = 80,
    RESOURCE_MAX = 160,
    LINE_MAX_BYTES = 4096
};

struct kept {
    const char *transport, *fault;
    int64_t at_us, took_us;
    uint64_t n;
    int status, http_status;
    unsigned char service_len, method_len, resource_len;
    char service[SERVICE_MAX], method[METHOD_MAX], resource[RESOURCE_MAX];
};

struct requests {
    struct vclock *clock;
    uint64_t total;
    struct requests_watch *watches;
    struct kept *ring; /* made with the first note */
};

struct requests *requests_new(struct vclock *clock)
{
    struct requests *r = MEM_NEW(struct requests);

    r->clock = clock;
    return r;
}

void requests_free(struct requests *r)
{
    if (!r)
        return;
    mem_free(r->ring);
    mem_free(r);
}

static unsigned char keep(char *to, size_t max, struct str from)
{
    struct str s = json_cut_utf8(from, max);

    if (s.len)
        memcpy(to, s.p, s.len);
    return (unsigned char)s.len;
}

static void put_text(struct buf *out, const char *name, const char *p,
                     size_t len)
{
    buf_printf(out, ",\"%s\":", name);
    /* a client's bytes: shown only when they are text */
    buf_json_str(out, json_is_utf8(str_of(p, len)) ? str_of(p, len)
                                                   : STR("(not UTF-8)"));
}

static void put_line(struct buf *out, const struct kept *k)
{
    char time[TIMEFMT_MAX];

    buf_puts(out, "{\"time\":\"");
    buf_append(out, time, timefmt_format_z(time, k->at_us));
    buf_putc(out, '"');
    put_text(out, "service", k->service, k->service_len);
    put_text(out, "method", k->method, k->method_len);
    put_text(out, "resource", k->resource, k->resource_len);
    buf_printf(out, ",\"transport\":\"%s\",\"code\":%d", k->transport,
               k->status);
    if (k->http_status)
        buf_printf(out, ",\"http_status\":%d", k->http_status);
    buf_printf(out, ",\"duration_us\":%lld", (long long)k->took_us);
    if (k->n)
        buf_printf(out, ",\"n\":%llu", (unsigned long long)k->n);
    if (k->fault)
        buf_printf(out, ",\"fault\":\"%s\"", k->fault);
    buf_putc(out, '}');
}

static void tell(struct requests *r, const struct kept *k)
{
    struct requests_watch *next;
    struct buf line;

    buf_init(&line, LINE_MAX_BYTES);
    put_line(&line, k);
    for (struct requests_watch *w = r->watches; w; w = next) {
        next = w->next;
        w->noted(w, buf_as_str(&line));
    }
    buf_fini(&line);
}

void requests_add(struct requests *r, const struct request_note *note)
{
    struct kept *k;

    if (!r->ring)
        r->ring = MEM_ARRAY(struct kept, REQUESTS_RING);
    k = &r->ring[r->total++ % REQUESTS_RING];
    k->transport = note->transport;
    k->fault = note->fault;
    k->at_us = vclock_now_us(r->clock);
    k->took_us = clock_mono_us() - note->start_us;
    k->n = note->n;
    k->status = note->status;
    k->http_status = note->http_status;
    k->service_len = keep(k->service, SERVICE_MAX, note->service);
    k->method_len = keep(k->method, METHOD_MAX, note->method);
    k->resource_len = keep(k->resource, RESOURCE_MAX, note->resource);
    if (r->watches)
        tell(r, k);
}

uint64_t requests_total(const struct requests *r)
{
    return r->total;
}

void requests_render_json(const struct requests *r, size_t limit,
                          struct buf *out)
{
    uint64_t n = r->total < REQUESTS_RING ? r->total : REQUESTS_RING;

    n = n < limit ? n : limit;
    buf_puts(out, "{\"requests\":[");
    for (uint64_t i = r->total - n; i < r->total; i++) {
        if (i != r->total - n)
            buf_putc(out, ',');
        put_line(out, &r->ring[i % REQUESTS_RING]);
    }
    buf_puts(out, "]}\n");
}

void requests_clear(struct requests *r)
{
    r->total = 0;
}

void requests_watch(struct requests *r, struct requests_watch *watch)
{
    watch->next = r->watches;
    r->watches = watch;
}

void requests_unwatch(struct requests *r, struct requests_watch *watch)
{
    struct requests_watch **at = &r->watches;

    while (*at && *at != watch)
        at = &(*at)->next;
    if (*at)
        *at = watch->next;
}
