/* SPDX-License-Identifier: Apache-2.0 */
/* The way in: rows as elements of insertAll, and what it says of each. */
#include <stdio.h>

#include "common/json.h"
#include "common/digest.h"
#include "store/bigquery_wire.h"

void bigquery_key(struct str id, unsigned char out[BIGQUERY_KEY_BYTES])
{
    unsigned char whole[SHA256_BYTES];

    digest_sha256(id, whole);
    memcpy(out, whole, BIGQUERY_KEY_BYTES);
}

static bool is_plain(const struct schema_field *fields, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (fields[i].type == SCHEMA_JSON ||
            !is_plain(fields[i].fields, fields[i].n_fields))
            return false;
    }
    return true;
}

bool bigquery_schema_is_plain(const struct schema *schema)
{
    return is_plain(schema->fields, schema->n_fields);
}

/* --- a row ---------------------------------------------------------------- */

/* The row's JSON was made by us: it is well-formed and fits the schema. */
static void put_object(struct buf *out, struct json_scan *s,
                       const struct schema_field *fields, size_t n);

static void put_one(struct buf *out, struct json_scan *s,
                    const struct json_token *t, const struct schema_field *f)
{
    struct str whole;

    if (f && f->type == SCHEMA_RECORD && t->kind == JSON_T_OBJECT) {
        put_object(out, s, f->fields, f->n_fields);
        return;
    }
    if (!json_scan_skip(s, t, &whole))
        return;
    if (f && f->type == SCHEMA_JSON && t->kind != JSON_T_NULL)
        buf_json_str(out, whole);
    else
        buf_str(out, whole);
}

static void put_value(struct buf *out, struct json_scan *s,
                      const struct json_token *t, const struct schema_field *f)
{
    struct json_token in;
    const char *comma = "";

    if (!f || f->mode != SCHEMA_REPEATED || t->kind != JSON_T_ARRAY) {
        put_one(out, s, t, f);
        return;
    }
    buf_putc(out, '[');
    while (json_scan_next(s, &in) > JSON_T_DONE &&
           in.kind != JSON_T_ARRAY_END) {
        buf_puts(out, comma);
        put_one(out, s, &in, f);
        comma = ",";
    }
    buf_putc(out, ']');
}

static void put_object(struct buf *out, struct json_scan *s,
                       const struct schema_field *fields, size_t n)
{
    struct json_token t;
    const char *comma = "";

    buf_putc(out, '{');
    while (json_scan_next(s, &t) == JSON_T_KEY) {
        int i = schema_find(fields, n, t.text);
        buf_puts(out, comma);
        json_put_text(out, &t);
        buf_putc(out, ':');
        json_scan_next(s, &t);
        put_value(out, s, &t, i < 0 ? NULL : &fields[i]);
        comma = ",";
    }
    buf_putc(out, '}');
}

void bigquery_put_row(struct buf *out, const struct schema *schema,
                      bool schema_is_plain, const struct row *row,
                      const unsigned char key[BIGQUERY_KEY_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    struct json_scan s;
    struct json_token t;

    buf_puts(out, "{\"insertId\":\"");
    for (size_t i = 0; i < BIGQUERY_KEY_BYTES; i++) {
        buf_putc(out, digits[key[i] >> 4]);
        buf_putc(out, digits[key[i] & 15]);
    }
    buf_puts(out, "\",\"json\":");
    if (schema_is_plain) {
        buf_str(out, row->json);
    } else {
        json_scan_init(&s, row->json);
        json_scan_next(&s, &t);
        put_object(out, &s, schema->fields, schema->n_fields);
        json_scan_fini(&s);
    }
    buf_putc(out, '}');
}

/* --- insertErrors --------------------------------------------------------- */

/* Reasons that say nothing against the row. */
static bool is_passing(const struct json_token *reason)
{
    static const char *const words[] = {
        "timeout",       "backendError",          "internalError",
        "quotaExceeded", "rateLimitExceeded",     "tableUnavailable",
        "accessDenied",  "userRateLimitExceeded", "notFound",
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (json_text_eq(reason, str_from(words[i])))
            return true;
    }
    return false;
}

static void append_text(struct bigquery_row_error *e,
                        const struct json_token *t, const char *between)
{
    char decoded[BIGQUERY_ERROR_TEXT * 2];
    struct str text = json_cut_utf8(t->text, sizeof(decoded));
    size_t at = strlen(e->text);

    if (t->escaped && text.len == t->text.len)
        text = str_of(decoded, json_decode(decoded, text));
    if (text.len == 0)
        return;
    at += (size_t)snprintf(e->text + at, sizeof(e->text) - at, "%s",
                           at ? between : "");
    if (at >= sizeof(e->text))
        return;
    text = json_cut_utf8(text, sizeof(e->text) - 1 - at);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.p[i];
        e->text[at++] = c < ' ' || c == 0x7f ? ' ' : (char)c;
    }
    e->text[at] = '\0';
}

/* The worst that was said of a row counts. */
static void worsen(struct bigquery_row_error *e, enum bigquery_verdict v)
{
    if (v > e->verdict)
        e->verdict = v;
}

/* One of a row's `errors`, after its brace. */
static bool read_error(struct json_scan *s, struct bigquery_row_error *e)
{
    struct json_token t, column = {.text = STR("")}, why = {.text = STR("")};
    struct str whole;

    while (json_scan_next(s, &t) == JSON_T_KEY) {
        struct json_token key = t;
        if (json_scan_next(s, &t) == JSON_T_ERROR)
            return false;
        if (t.kind != JSON_T_STRING) {
            if (!json_scan_skip(s, &t, &whole))
                return false;
        } else if (json_text_eq(&key, STR("reason"))) {
            worsen(e, json_text_eq(&t, STR("stopped")) ? BIGQUERY_STOPPED
                      : is_passing(&t)                 ? BIGQUERY_AGAIN
                                                       : BIGQUERY_REFUSED);
        } else if (json_text_eq(&key, STR("location"))) {
            column = t;
        } else if (json_text_eq(&key, STR("message"))) {
            why = t;
        }
    }
    append_text(e, &column, "; ");
    append_text(e, &why, ": ");
    return t.kind == JSON_T_OBJECT_END;
}

static bool read_errors(struct json_scan *s, struct bigquery_row_error *e)
{
    struct json_token t;
    struct str whole;

    while (json_scan_next(s, &t) != JSON_T_ARRAY_END) {
        if (t.kind == JSON_T_OBJECT
                ? !read_error(s, e)
                : t.kind == JSON_T_ERROR || !json_scan_skip(s, &t, &whole))
            return false;
    }
    return true;
}

/* One of insertErrors, after its brace. */
static bool read_row(struct json_scan *s, struct bigquery_row_error *e)
{
    struct json_token t;
    struct str whole;
    uint64_t index;
    bool has_index = false;

    while (json_scan_next(s, &t) == JSON_T_KEY) {
        bool is_index = json_text_eq(&t, STR("index"));
        bool is_errors = json_text_eq(&t, STR("errors"));
        if (json_scan_next(s, &t) == JSON_T_ERROR)
            return false;
        if (is_errors && t.kind == JSON_T_ARRAY) {
            if (!read_errors(s, e))
                return false;
            continue;
        }
        if (is_index && (t.kind == JSON_T_NUMBER || t.kind == JSON_T_STRING) &&
            str_to_u64(t.text, &index)) {
            e->index = (size_t)index;
            has_index = true;
        }
        if (!json_scan_skip(s, &t, &whole))
            return false;
    }
    /* proto3's JSON leaves a zero out */
    if (!has_index)
        e->index = 0;
    return t.kind == JSON_T_OBJECT_END;
}

static bool read_rows(struct json_scan *s,
                      void (*each)(const struct bigquery_row_error *e,
                                   void *arg),
                      void *arg)
{
    struct json_token t;

    while (json_scan_next(s, &t) == JSON_T_OBJECT) {
        struct bigquery_row_error e = {.verdict = BIGQUERY_STOPPED};
        if (!read_row(s, &e))
            return false;
        each(&e, arg);
    }
    return t.kind == JSON_T_ARRAY_END;
}

int bigquery_read_insert(struct str body,
                         void (*each)(const struct bigquery_row_error *e,
                                      void *arg),
                         void *arg)
{
    struct json_scan s;
    struct json_token t;
    struct str whole;
    bool fine;

    if (json_check(body, NULL, NULL) != RC_OK)
        return RC_MALFORMED; /* before anything is told */
    json_scan_init(&s, body);
    fine = json_scan_next(&s, &t) == JSON_T_OBJECT;
    while (fine && json_scan_next(&s, &t) == JSON_T_KEY) {
        bool is_errors = json_text_eq(&t, STR("insertErrors"));
        json_scan_next(&s, &t);
        fine = is_errors && t.kind == JSON_T_ARRAY
                   ? read_rows(&s, each, arg)
                   : json_scan_skip(&s, &t, &whole);
    }
    json_scan_fini(&s);
    return fine ? RC_OK : RC_MALFORMED;
}
