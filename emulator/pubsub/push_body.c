/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/pubsub/push_body.h"

#include <stdio.h>

#include "common/base64.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/timefmt.h"
#include "emulator/pubsub/message.h"
#include "grpc/wire.h"

#define PREFIX "x-goog-pubsub-"

/* "2025-01-14T12:00:00.408Z" */
static const char *stamp(char out[TIMEFMT_MAX], int64_t us)
{
    char whole[TIMEFMT_MAX];

    timefmt_format_z(whole, us - us % US_PER_S);
    snprintf(out, TIMEFMT_MAX, "%.19s.%03dZ", whole,
             (int)(us % US_PER_S / 1000));
    return out;
}

static void put_attributes(struct buf *out, struct str message)
{
    struct wire w = wire_of(message);
    struct attribute a;
    bool any = false;

    buf_puts(out, "\"attributes\":{");
    while (message_next_attribute(&w, &a)) {
        if (any)
            buf_putc(out, ',');
        any = true;
        buf_json_str(out, a.key);
        buf_putc(out, ':');
        buf_json_str(out, a.value);
    }
    buf_putc(out, '}');
}

void push_body_wrap(struct buf *out, const struct push_message *m)
{
    struct str data = message_data(m->message);
    struct str key = message_ordering_key(m->message);
    unsigned long long id = (unsigned long long)m->id;
    char when[TIMEFMT_MAX];

    buf_putc(out, '{');
    if (m->attempt)
        buf_printf(out, "\"deliveryAttempt\":%u,", m->attempt);
    buf_puts(out, "\"message\":{");
    put_attributes(out, m->message);
    if (data.len) {
        buf_puts(out, ",\"data\":\"");
        base64_append(out, data);
        buf_putc(out, '"');
    }
    buf_printf(out, ",\"messageId\":\"%llu\",\"message_id\":\"%llu\"", id, id);
    if (key.len) {
        buf_puts(out, ",\"orderingKey\":");
        buf_json_str(out, key);
    }
    stamp(when, m->publish_us);
    buf_printf(out, ",\"publishTime\":\"%s\",\"publish_time\":\"%s\"}", when,
               when);
    buf_puts(out, ",\"subscription\":");
    buf_json_str(out, str_from(m->subscription));
    buf_puts(out, "}\n");
}

/* --- fields --------------------------------------------------------------- */

/* token of RFC 9110 section 5.6.2 */
static bool is_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.p[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
            !(c >= 'A' && c <= 'Z') && (!c || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return name.len > 0;
}

static bool is_value(struct str value)
{
    for (size_t i = 0; i < value.len; i++)
        if (((unsigned char)value.p[i] < ' ' && value.p[i] != '\t') ||
            value.p[i] == 0x7f)
            return false;
    return true;
}

/* Ours to set: where the message goes, how it is framed, who sends it. */
static bool is_reserved(struct str name)
{
    static const char *const names[] = {"authorization",
                                        "connection",
                                        "content-length",
                                        "expect",
                                        "host",
                                        "keep-alive",
                                        "te",
                                        "trailer",
                                        "upgrade",
                                        "transfer-encoding",
                                        "user-agent"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (str_ieq(name, str_from(names[i])))
            return true;
    return str_starts(name, STR("proxy-"));
}

static void put(struct push_fields *f, struct str name, struct str value)
{
    struct http_call_field *row = &f->rows[f->n];

    if (!is_name(name) || !is_value(value) || is_reserved(name))
        return;
    row->name = mem_printf("%.*s", STR_ARG(name));
    row->value = mem_printf("%.*s", STR_ARG(value));
    f->n++;
}

void push_fields_put(struct push_fields *f, const struct push_message *m)
{
    enum {
        OWN = 4
    };
    struct wire w = wire_of(m->message), count = w;
    struct str key = message_ordering_key(m->message);
    struct attribute a;
    char text[TIMEFMT_MAX];
    size_t most = OWN;

    while (message_next_attribute(&count, &a))
        most++;
    f->rows = MEM_ARRAY(struct http_call_field, most);
    put(f, STR(PREFIX "subscription-name"), str_from(m->subscription));
    snprintf(text, sizeof(text), "%llu", (unsigned long long)m->id);
    put(f, STR(PREFIX "message-id"), str_from(text));
    put(f, STR(PREFIX "publish-time"), str_from(stamp(text, m->publish_us)));
    if (key.len)
        put(f, STR(PREFIX "ordering-key"), key);
    while (message_next_attribute(&w, &a))
        put(f, a.key, a.value);
}

void push_fields_fini(struct push_fields *f)
{
    for (size_t i = 0; i < f->n; i++) {
        mem_free((char *)(uintptr_t)f->rows[i].name);
        mem_free((char *)(uintptr_t)f->rows[i].value);
    }
    mem_free(f->rows);
    *f = (struct push_fields){0};
}
