/* SPDX-License-Identifier: Apache-2.0 */
#include "pubsub/publish_body.h"

#include <stdio.h>

#include "common/base64.h"
#include "common/json.h"

size_t publish_size(const struct publish *p)
{
    size_t size = p->data.len + p->ordering_key.len + 32;

    for (size_t i = 0; i < p->n_attributes; i++)
        size += p->attributes[i].key.len + p->attributes[i].value.len + 8;
    return size;
}

static void put_message(struct buf *out, const struct publish *p)
{
    buf_puts(out, "{\"data\":\"");
    base64_append(out, p->data);
    buf_putc(out, '"');
    for (size_t i = 0; i < p->n_attributes; i++) {
        buf_puts(out, i ? "," : ",\"attributes\":{");
        buf_json_str(out, p->attributes[i].key);
        buf_putc(out, ':');
        buf_json_str(out, p->attributes[i].value);
    }
    if (p->n_attributes)
        buf_putc(out, '}');
    if (p->ordering_key.len) {
        buf_puts(out, ",\"orderingKey\":");
        buf_json_str(out, p->ordering_key);
    }
    buf_putc(out, '}');
}

void publish_body(struct buf *out, const struct publish *first)
{
    buf_puts(out, "{\"messages\":[");
    for (const struct publish *p = first; p; p = p->next) {
        if (p != first)
            buf_putc(out, ',');
        put_message(out, p);
    }
    buf_puts(out, "]}");
}

static bool read_ids(struct json_scan *s, struct publish **at)
{
    struct json_token t;

    while (json_scan_next(s, &t) == JSON_T_STRING && *at) {
        snprintf((*at)->id, sizeof((*at)->id), "%.*s", STR_ARG(t.text));
        *at = (*at)->next;
    }
    return t.kind == JSON_T_ARRAY_END && !*at;
}

int publish_read_ids(struct str answer, struct publish *first)
{
    struct json_scan s;
    struct json_token key, t;
    struct str ignored;
    bool found = false, ok;

    json_scan_init(&s, answer);
    ok = json_scan_next(&s, &t) == JSON_T_OBJECT;
    while (ok && json_scan_next(&s, &key) == JSON_T_KEY) {
        json_scan_next(&s, &t);
        if (t.kind == JSON_T_ARRAY && json_text_eq(&key, STR("messageIds")))
            ok = found = read_ids(&s, &first);
        else
            ok = t.kind != JSON_T_ERROR && json_scan_skip(&s, &t, &ignored);
    }
    json_scan_fini(&s);
    return ok && found ? RC_OK : RC_MALFORMED;
}
