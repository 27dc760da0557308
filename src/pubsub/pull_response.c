/* SPDX-License-Identifier: Apache-2.0 */
#include "pubsub/pull_response.h"

#include "common/base64.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/timefmt.h"

/* While its object is open the scanner still compares keys, so an escaped key
 * is decoded when the object ends; until then its length carries this. */
#define ESCAPED_KEY ((size_t)1 << (sizeof(size_t) * 8 - 1))

struct reader {
    struct json_scan scan;
    struct pull_batch *batch;
    char *body;
    size_t cap, cap_attributes;
    bool no_memory;
};

/* The bytes behind a slice of the body, which is ours to write. */
static char *writable(struct reader *r, struct str s)
{
    return r->body + (s.p - r->body);
}

static struct str decode_text(struct reader *r, struct str text)
{
    return str_of(text.p, json_decode(writable(r, text), text));
}

static struct str string_of(struct reader *r, const struct json_token *t)
{
    return t->escaped ? decode_text(r, t->text) : t->text;
}

static bool skip(struct reader *r, const struct json_token *t)
{
    struct str ignored;

    return t->kind != JSON_T_ERROR && json_scan_skip(&r->scan, t, &ignored);
}

/* Grows `*p` to hold one element more. */
static bool grow(struct reader *r, void **p, size_t *cap, size_t n, size_t size)
{
    size_t more = *cap ? *cap * 2 : 16;
    void *bigger;

    if (n < *cap)
        return true;
    bigger = mem_try_realloc(*p, more * size);
    if (!bigger) {
        r->no_memory = true;
        return false;
    }
    *p = bigger;
    *cap = more;
    return true;
}

static bool read_attributes(struct reader *r, struct received *m)
{
    struct pull_batch *b = r->batch;
    struct json_token t;
    size_t first = b->n_attributes;
    struct message_attribute *a;

    while (json_scan_next(&r->scan, &t) == JSON_T_KEY) {
        void *list = b->attributes;
        if (!grow(r, &list, &r->cap_attributes, b->n_attributes, sizeof(*a)))
            return false;
        b->attributes = list;
        a = &b->attributes[b->n_attributes];
        a->key = t.text;
        if (t.escaped)
            a->key.len |= ESCAPED_KEY;
        if (json_scan_next(&r->scan, &t) != JSON_T_STRING)
            return false;
        a->value = string_of(r, &t);
        b->n_attributes++;
    }
    for (size_t i = first; i < b->n_attributes; i++) {
        struct str *key = &b->attributes[i].key;
        if (key->len & ESCAPED_KEY) {
            key->len &= ~ESCAPED_KEY;
            *key = decode_text(r, *key);
        }
    }
    m->message.n_attributes = b->n_attributes - first;
    return t.kind == JSON_T_OBJECT_END;
}

static struct str decode_data(struct reader *r, struct str text)
{
    size_t len;

    /* the output never overtakes the input */
    if (!base64_decode(text, writable(r, text), &len))
        return text;
    return str_of(text.p, len);
}

/* Pub/Sub's times may carry nanoseconds. */
static int64_t time_of(struct str text)
{
    char cut[TIMEFMT_MAX];
    size_t len = 0, digits = 0;
    bool in_fraction = false;
    int64_t us;

    for (size_t i = 0; i < text.len && len < sizeof(cut); i++) {
        char c = text.p[i];
        if (c == '.')
            in_fraction = true;
        else if (in_fraction && (c < '0' || c > '9'))
            in_fraction = false;
        else if (in_fraction && ++digits > 6)
            continue;
        cut[len++] = c;
    }
    return timefmt_parse(str_of(cut, len), &us, NULL) == RC_OK ? us : 0;
}

static bool read_message(struct reader *r, struct received *m)
{
    struct json_token key, t;

    while (json_scan_next(&r->scan, &key) == JSON_T_KEY) {
        json_scan_next(&r->scan, &t);
        if (t.kind == JSON_T_OBJECT && json_text_eq(&key, STR("attributes"))) {
            if (!read_attributes(r, m))
                return false;
        } else if (t.kind != JSON_T_STRING) {
            if (!skip(r, &t))
                return false;
        } else if (json_text_eq(&key, STR("data"))) {
            m->message.data = decode_data(r, string_of(r, &t));
        } else if (json_text_eq(&key, STR("messageId"))) {
            m->message.id = string_of(r, &t);
        } else if (json_text_eq(&key, STR("publishTime"))) {
            m->message.publish_us = time_of(t.text);
        } else if (json_text_eq(&key, STR("orderingKey"))) {
            m->message.ordering_key = string_of(r, &t);
        }
    }
    return key.kind == JSON_T_OBJECT_END;
}

static bool read_received(struct reader *r, struct received *m)
{
    struct json_token key, t;
    uint64_t attempt;

    while (json_scan_next(&r->scan, &key) == JSON_T_KEY) {
        json_scan_next(&r->scan, &t);
        if (t.kind == JSON_T_STRING && json_text_eq(&key, STR("ackId"))) {
            m->ack_id = string_of(r, &t);
        } else if (t.kind == JSON_T_OBJECT &&
                   json_text_eq(&key, STR("message"))) {
            if (!read_message(r, m))
                return false;
        } else if (t.kind == JSON_T_NUMBER &&
                   json_text_eq(&key, STR("deliveryAttempt"))) {
            if (str_to_u64(t.text, &attempt) && attempt < INT32_MAX)
                m->message.delivery_attempt = (int)attempt;
        } else if (!skip(r, &t)) {
            return false;
        }
    }
    return key.kind == JSON_T_OBJECT_END;
}

static bool read_list(struct reader *r)
{
    struct pull_batch *b = r->batch;
    struct json_token t;

    while (json_scan_next(&r->scan, &t) == JSON_T_OBJECT) {
        void *list = b->messages;
        struct received *m;
        if (!grow(r, &list, &r->cap, b->n, sizeof(*m)))
            return false;
        b->messages = list;
        m = &b->messages[b->n];
        *m = (struct received){.message = {.id = STR(""), .data = STR("")}};
        m->message.ordering_key = STR("");
        if (!read_received(r, m))
            return false;
        if (m->ack_id.len)
            b->n++;
        else
            b->n_attributes -= m->message.n_attributes;
    }
    return t.kind == JSON_T_ARRAY_END;
}

static bool read_answer(struct reader *r)
{
    struct json_token key, t;

    if (json_scan_next(&r->scan, &t) != JSON_T_OBJECT)
        return false;
    while (json_scan_next(&r->scan, &key) == JSON_T_KEY) {
        json_scan_next(&r->scan, &t);
        if (t.kind == JSON_T_ARRAY &&
            json_text_eq(&key, STR("receivedMessages"))) {
            if (!read_list(r))
                return false;
        } else if (!skip(r, &t)) {
            return false;
        }
    }
    return key.kind == JSON_T_OBJECT_END &&
           json_scan_next(&r->scan, &t) == JSON_T_DONE;
}

/* Arrays stay where they are from now on: pointers into them may be set. */
static void link_batch(struct pull_batch *b)
{
    struct message_attribute *a = b->attributes;

    for (size_t i = 0; i < b->n; i++) {
        struct received *m = &b->messages[i];
        m->batch = b;
        if (m->message.n_attributes == 0)
            continue;
        m->message.attributes = a;
        a += m->message.n_attributes;
    }
    b->live = b->n;
}

int pull_response_parse(char *body, size_t len, struct pull_batch **out,
                        struct err *err)
{
    struct reader r = {.body = body, .batch = MEM_NEW(struct pull_batch)};
    bool ok;

    r.batch->body = body;
    json_scan_init(&r.scan, str_of(body, len));
    ok = read_answer(&r);
    if (r.scan.no_memory)
        r.no_memory = true;
    json_scan_fini(&r.scan);
    if (!ok) {
        pull_batch_free(r.batch);
        if (r.no_memory)
            return err_set(err, RC_NOMEM,
                           "no memory for an answer of %zu "
                           "bytes",
                           len);
        return err_set(err, RC_MALFORMED,
                       "the answer is not a Pull answer: is this address a "
                       "Pub/Sub service?");
    }
    link_batch(r.batch);
    r.batch->bytes = len + r.cap * sizeof(struct received) +
                     r.cap_attributes * sizeof(struct message_attribute);
    *out = r.batch;
    return RC_OK;
}

void pull_batch_free(struct pull_batch *b)
{
    mem_free(b->messages);
    mem_free(b->attributes);
    mem_free(b->body);
    mem_free(b);
}
