/* SPDX-License-Identifier: Apache-2.0 */
/* JSON -> row. One pass over the text fills a slot a column; then one block is
 * allocated and the canonical record and the values are written into it.
 * Strings, integers and times, which is nearly all there is, cost no other
 * allocation. */
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base64.h"
#include "common/mem.h"
#include "common/timefmt.h"
#include "schema/value_check.h"

enum {
    INLINE_SLOTS = 32
};

enum slot_state {
    SLOT_ABSENT,
    SLOT_NULL,
    SLOT_TEXT,
    SLOT_INT,
    SLOT_OTHER
};

struct slot {
    enum slot_state state;
    struct json_token token; /* SLOT_TEXT */
    int64_t i;               /* SLOT_INT: INTEGER or TIMESTAMP */
    size_t from, len;        /* SLOT_OTHER: canonical JSON in the scratch */
};

struct parse {
    const struct schema *schema;
    struct value_check check;
    struct slot *slots;
    struct buf scratch;
    struct slot inline_slots[INLINE_SLOTS];
};

static bool take_value(struct parse *p, size_t i, const struct json_token *t)
{
    const struct schema_field *f = &p->schema->fields[i];
    struct slot *slot = &p->slots[i];

    if (t->kind != JSON_T_NULL && f->mode != SCHEMA_REPEATED) {
        if (f->type == SCHEMA_STRING && t->kind == JSON_T_STRING) {
            slot->state = SLOT_TEXT;
            slot->token = *t;
            value_check_string(&p->check, f, t);
            return true;
        }
        if (f->type == SCHEMA_TIMESTAMP && t->kind == JSON_T_STRING) {
            slot->state = SLOT_INT;
            value_check_timestamp(&p->check, t, &slot->i);
            return true;
        }
        if (f->type == SCHEMA_INTEGER && t->kind == JSON_T_NUMBER) {
            slot->state = SLOT_INT;
            value_check_integer(&p->check, t, &slot->i);
            return true;
        }
    }
    slot->state = t->kind == JSON_T_NULL ? SLOT_NULL : SLOT_OTHER;
    slot->from = p->scratch.len;
    if (!value_check_put(&p->check, f, t, &p->scratch))
        return false;
    slot->len = p->scratch.len - slot->from;
    return true;
}

static int find_column(const struct schema *schema, const struct json_token *t)
{
    char name[304];

    if (!t->escaped)
        return schema_find(schema->fields, schema->n_fields, t->text);
    if (t->text.len >= sizeof(name))
        return -1;
    return schema_find(schema->fields, schema->n_fields,
                       str_of(name, json_decode(name, t->text)));
}

/* After the opening brace, up to the closing one. False: malformed. */
static bool take_columns(struct parse *p)
{
    struct json_token t;

    while (json_scan_next(p->check.scan, &t) == JSON_T_KEY) {
        int i = find_column(p->schema, &t);
        struct str name = i < 0 ? t.text : p->schema->fields[i].name;
        size_t was = value_path_push(&p->check.path, name);
        bool fine;

        if (json_scan_next(p->check.scan, &t) == JSON_T_ERROR)
            return false;
        if (i < 0 || p->slots[i].state != SLOT_ABSENT) {
            struct str whole;
            value_refuse(&p->check,
                         i < 0 ? "is no column of the table"
                               : "is given twice (case does not count)");
            fine = json_scan_skip(p->check.scan, &t, &whole);
        } else {
            fine = take_value(p, (size_t)i, &t);
        }
        value_path_pop(&p->check.path, was);
        if (!fine)
            return false;
    }
    return t.kind != JSON_T_ERROR;
}

static void check_required(struct parse *p)
{
    for (size_t i = 0; i < p->schema->n_fields; i++) {
        const struct schema_field *f = &p->schema->fields[i];
        if (f->mode == SCHEMA_REQUIRED && p->slots[i].state == SLOT_ABSENT) {
            size_t was = value_path_push(&p->check.path, f->name);
            value_refuse(&p->check, "is required");
            value_path_pop(&p->check.path, was);
        }
    }
}

/* No C0, DEL or C1 character: ids stand in paths, logs and headers. */
static bool has_control(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 0x20 || c == 0x7f)
            return true;
        if (c == 0xc2 && i + 1 < s.len && (unsigned char)s.p[i + 1] < 0xa0)
            return true;
    }
    return false;
}

static void check_row(struct parse *p, const struct row *row,
                      const struct row_window *window)
{
    const struct schema_field *fields = p->schema->fields;
    size_t was = value_path_push(&p->check.path, fields[p->schema->id].name);

    if (row->id.len < 1 || row->id.len > ROW_ID_MAX)
        value_refuse(&p->check, "must have 1 to %d bytes", ROW_ID_MAX);
    else if (has_control(row->id))
        value_refuse(&p->check, "must not contain control characters");
    value_path_pop(&p->check.path, was);
    was = value_path_push(&p->check.path, fields[p->schema->timestamp].name);
    if (window && row->timestamp_us < window->oldest_us)
        value_refuse(&p->check, "is more than 10 years ago");
    else if (window && row->timestamp_us > window->newest_us)
        value_refuse(&p->check, "is too far in the future");
    value_path_pop(&p->check.path, was);
}

/* --- writing the row ------------------------------------------------------ */

/* Upper bound of a column's part of the block: its JSON and, where the value
 * cannot point into that, the value. */
static size_t bound_of(const struct schema_field *f, const struct slot *slot)
{
    size_t n = f->name.len * 6 + 8;

    switch (slot->state) {
    case SLOT_TEXT:
        return n + slot->token.text.len * (slot->token.escaped ? 2 : 1);
    case SLOT_INT:
        return n + TIMEFMT_MAX;
    case SLOT_OTHER:
        return n + slot->len * 2;
    default:
        return n;
    }
}

struct writer {
    char *json; /* next byte of the record */
    char *tail; /* end of the free room: values grow down from there */
};

static void put(struct writer *w, const void *p, size_t len)
{
    memcpy(w->json, p, len);
    w->json += len;
}

static void write_text(struct writer *w, const struct json_token *t,
                       struct value *v)
{
    /* The room is there and the canonical form is never longer than what was
     * written, so this buffer never grows. */
    struct buf text = {
        .data = w->json, .cap = t->text.len + 3, .limit = t->text.len + 2};

    v->kind = VALUE_TEXT;
    if (!t->escaped) {
        *w->json++ = '"';
        v->s = str_of(w->json, t->text.len);
        put(w, t->text.p, t->text.len);
        *w->json++ = '"';
        return;
    }
    json_put_text(&text, t);
    w->json += text.len;
    w->tail -= t->text.len;
    v->s = str_of(w->tail, json_decode(w->tail, t->text));
}

/* A value from its canonical JSON. */
static void write_other(struct writer *w, const struct schema_field *f,
                        struct str json, struct value *v)
{
    struct str text = str_of(w->json, json.len);

    put(w, json.p, json.len);
    v->kind = VALUE_TEXT;
    v->s = text;
    if (f->mode == SCHEMA_REPEATED || f->type == SCHEMA_JSON ||
        f->type == SCHEMA_RECORD)
        return;
    if (f->type == SCHEMA_BOOLEAN || f->type == SCHEMA_INTEGER) {
        v->kind = VALUE_INT;
        if (!str_to_i64(text, &v->i))
            v->i = text.p[0] == 't';
        return;
    }
    if (f->type == SCHEMA_FLOAT && text.p[0] != '"') {
        char number[40] = {0};
        memcpy(number, text.p, text.len < 39 ? text.len : 39);
        v->kind = VALUE_REAL;
        v->d = strtod(number, NULL);
        return;
    }
    v->s = str_of(text.p + 1, text.len - 2);
    if (f->type == SCHEMA_FLOAT) {
        v->kind = VALUE_REAL;
        v->d = v->s.p[0] == 'N' ? NAN : v->s.p[0] == '-' ? -INFINITY : INFINITY;
    } else if (f->type == SCHEMA_BYTES) {
        size_t len = 0;
        w->tail -= v->s.len;
        v->kind = VALUE_BLOB;
        base64_decode(v->s, w->tail, &len);
        v->s = str_of(w->tail, len);
    }
}

static void write_column(struct writer *w, const struct parse *p, size_t i,
                         struct value *v)
{
    const struct schema_field *f = &p->schema->fields[i];
    const struct slot *slot = &p->slots[i];
    char text[TIMEFMT_MAX];

    switch (slot->state) {
    case SLOT_TEXT:
        write_text(w, &slot->token, v);
        break;
    case SLOT_INT:
        v->kind = VALUE_INT;
        v->i = slot->i;
        if (f->type == SCHEMA_TIMESTAMP) {
            *w->json++ = '"';
            put(w, text, timefmt_format(text, slot->i));
            *w->json++ = '"';
        } else {
            put(w, text,
                (size_t)snprintf(text, sizeof(text), "%lld",
                                 (long long)slot->i));
        }
        break;
    case SLOT_OTHER:
        write_other(w, f, str_of(p->scratch.data + slot->from, slot->len), v);
        break;
    default:
        v->kind = VALUE_NULL;
        if (f->mode == SCHEMA_REPEATED) {
            v->kind = VALUE_TEXT;
            v->s = str_of(w->json, 2);
            put(w, "[]", 2);
        } else {
            put(w, "null", 4);
        }
        break;
    }
}

static struct row *write_row(const struct parse *p)
{
    size_t n = p->schema->n_fields, room = 2;
    struct writer w;
    struct row *row;
    char *from;

    for (size_t i = 0; i < n; i++)
        room += bound_of(&p->schema->fields[i], &p->slots[i]);
    row = mem_try_alloc(sizeof(*row) + n * sizeof(row->values[0]) + room);
    if (!row)
        return NULL;
    from = w.json = (char *)&row->values[n];
    w.tail = from + room;
    for (size_t i = 0; i < n; i++) {
        struct str name = p->schema->fields[i].name;
        *w.json++ = i ? ',' : '{';
        *w.json++ = '"';
        put(&w, name.p, name.len); /* a name needs no escapes */
        put(&w, "\":", 2);
        write_column(&w, p, i, &row->values[i]);
    }
    *w.json++ = '}';
    atomic_init(&row->refs, 1);
    row->n_values = n;
    row->json = str_of(from, (size_t)(w.json - from));
    row->id = row->values[p->schema->id].s;
    row->timestamp_us = row->values[p->schema->timestamp].i;
    return row;
}

/* --- entry points -----------------------------------------------------------
 */

static int malformed(const struct json_scan *s, struct reject *why)
{
    if (s->no_memory)
        return RC_NOMEM;
    *why = (struct reject){.kind = REJECT_MALFORMED};
    snprintf(why->reason, sizeof(why->reason), "no valid JSON: %s (byte %zu)",
             s->error ? s->error : "it is empty", (size_t)(s->p - s->start));
    return RC_MALFORMED;
}

struct refusals {
    struct reject *list;
    size_t n, max; /* max >= 1 */
};

/* One record that begins with `first`; scanner errors are the caller's to
 * report (RC_MALFORMED without a text). Refusals: RC_SCHEMA with `why`. */
static int parse_record(const struct schema *schema, struct json_scan *scan,
                        const struct json_token *first, size_t index,
                        const struct row_window *window, struct row **out,
                        struct refusals *why)
{
    struct parse p;
    size_t n = schema->n_fields;
    const char *from = first->text.p;
    bool fine = true;
    int rc = RC_OK;

    p.schema = schema;
    p.check = (struct value_check){
        .scan = scan, .why = why->list, .max_why = why->max};
    p.slots = n <= INLINE_SLOTS ? p.inline_slots : MEM_ARRAY(struct slot, n);
    for (size_t i = 0; i < n; i++)
        p.slots[i].state = SLOT_ABSENT;
    buf_init(&p.scratch, 8 * ROW_MAX_BYTES);
    if (index != SIZE_MAX)
        value_path_index(&p.check.path, index);
    if (first->kind != JSON_T_OBJECT) {
        struct str whole;
        value_refuse(&p.check, "a record must be a JSON object");
        fine = json_scan_skip(scan, first, &whole);
    } else {
        fine = take_columns(&p);
        if (fine)
            check_required(&p);
        if (fine && (size_t)(scan->p - from) > ROW_MAX_BYTES) {
            p.check.n_why = 0;
            value_refuse(&p.check, "a record must not exceed 1 MiB");
            why->list->kind = REJECT_TOO_LARGE;
        }
    }
    if (!fine)
        rc = RC_MALFORMED;
    else if (p.scratch.failed)
        rc = RC_NOMEM;
    else if (p.check.n_why)
        rc = why->list->kind == REJECT_TOO_LARGE ? RC_TOO_LARGE : RC_SCHEMA;
    if (rc == RC_OK) {
        struct row *row = write_row(&p);
        if (!row) {
            rc = RC_NOMEM;
        } else {
            check_row(&p, row, window);
            if (p.check.n_why) {
                row_unref(row);
                rc = RC_SCHEMA;
            } else {
                *out = row;
            }
        }
    }
    why->n = p.check.n_why;
    buf_fini(&p.scratch);
    if (p.slots != p.inline_slots)
        mem_free(p.slots);
    return rc;
}

int row_parse(const struct schema *schema, struct str json,
              const struct row_window *window, struct row **out,
              struct reject *why)
{
    struct refusals first = {.list = why, .max = 1};
    struct json_scan scan;
    struct json_token t;
    struct row *row = NULL;
    int rc;

    *out = NULL;
    *why = (struct reject){.kind = REJECT_SCHEMA};
    json_scan_init(&scan, json);
    if (json_scan_next(&scan, &t) == JSON_T_ERROR)
        rc = RC_MALFORMED;
    else
        rc = parse_record(schema, &scan, &t, SIZE_MAX, window, &row, &first);
    /* what stands behind the value makes the whole malformed */
    if (rc != RC_MALFORMED && rc != RC_NOMEM &&
        json_scan_next(&scan, &t) != JSON_T_DONE)
        rc = RC_MALFORMED;
    if (rc == RC_MALFORMED)
        rc = malformed(&scan, why);
    if (rc == RC_OK)
        *out = row;
    else
        row_unref(row);
    json_scan_fini(&scan);
    return rc;
}

struct body {
    const struct schema *schema;
    const struct row_window *window;
    struct row_list *out;
    struct reject *why;
    size_t max_why, *n_why;
    int rc; /* of the first refusal */
};

/* Takes one record of several; false ends the walk. */
static bool take_record(struct body *b, struct json_scan *scan,
                        const struct json_token *t, size_t index)
{
    struct reject spare = {.kind = REJECT_SCHEMA};
    struct refusals why = {.list = &spare, .max = 1};
    struct row *row = NULL;
    int rc;

    if (*b->n_why < b->max_why)
        why = (struct refusals){.list = b->why + *b->n_why,
                                .max = b->max_why - *b->n_why};
    rc = parse_record(b->schema, scan, t, index, b->window, &row, &why);

    if (rc == RC_OK) {
        row_list_push(b->out, row);
        return true;
    }
    if (rc == RC_MALFORMED || rc == RC_NOMEM) {
        b->rc = rc;
        return false;
    }
    if (why.list != &spare)
        *b->n_why += why.n;
    if (b->rc == RC_OK)
        b->rc = rc;
    return true;
}

static void body_malformed(struct body *b, const struct json_scan *scan,
                           size_t line)
{
    b->rc = malformed(scan, &b->why[0]);
    if (b->rc != RC_MALFORMED)
        return;
    *b->n_why = 1;
    if (line != SIZE_MAX)
        snprintf(b->why[0].field, sizeof(b->why[0].field), "[%zu]", line);
}

static void parse_json_body(struct body *b, struct str text)
{
    struct json_scan scan;
    struct json_token t;
    bool fine = true;
    size_t i = 0;

    json_scan_init(&scan, text);
    json_scan_next(&scan, &t);
    if (t.kind == JSON_T_ARRAY) {
        b->out->is_array = true;
        while (fine && json_scan_next(&scan, &t) != JSON_T_ARRAY_END) {
            if (t.kind == JSON_T_ERROR)
                fine = false;
            else
                fine = take_record(b, &scan, &t, i++);
        }
    } else {
        fine = t.kind != JSON_T_ERROR && take_record(b, &scan, &t, SIZE_MAX);
    }
    if (fine && json_scan_next(&scan, &t) != JSON_T_DONE)
        fine = false;
    if (!fine)
        body_malformed(b, &scan, SIZE_MAX);
    json_scan_fini(&scan);
}

static void parse_ndjson_body(struct body *b, struct str text)
{
    size_t i = 0;

    b->out->is_array = true;
    while (text.p && text.len) {
        struct str line = str_cut(&text, '\n');
        struct json_scan scan;
        struct json_token t;
        bool fine;

        if (line.len && line.p[line.len - 1] == '\r')
            line.len--;
        if (str_trim(line).len == 0)
            continue;
        json_scan_init(&scan, line);
        fine = json_scan_next(&scan, &t) != JSON_T_ERROR &&
               take_record(b, &scan, &t, i) &&
               json_scan_next(&scan, &t) == JSON_T_DONE;
        if (!fine)
            body_malformed(b, &scan, i);
        json_scan_fini(&scan);
        if (!fine)
            return;
        i++;
    }
}

int row_parse_body(const struct schema *schema, struct str body, bool ndjson,
                   const struct row_window *window, struct row_list *out,
                   struct reject *why, size_t max_why, size_t *n_why)
{
    struct body b = {schema, window, out, why, max_why, n_why, RC_OK};

    *out = (struct row_list){.rows = NULL};
    *n_why = 0;
    if (ndjson)
        parse_ndjson_body(&b, body);
    else
        parse_json_body(&b, body);
    if (b.rc == RC_OK && out->n == 0) {
        b.rc = ndjson ? RC_MALFORMED : RC_SCHEMA;
        why[0] =
            (struct reject){.kind = ndjson ? REJECT_MALFORMED : REJECT_SCHEMA,
                            .reason = "holds no record"};
        *n_why = 1;
    }
    if (b.rc != RC_OK) {
        bool is_array = out->is_array;
        row_list_fini(out);
        out->is_array = is_array;
    }
    return b.rc;
}
