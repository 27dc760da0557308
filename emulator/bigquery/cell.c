/* SPDX-License-Identifier: Apache-2.0 */
/* JSON against columns: modes, records, arrays, paths. */
#include "emulator/bigquery/cell.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/mem.h"
#include "emulator/bigquery/fields.h"
#include "emulator/bigquery/sql/fn.h"
#include "emulator/bigquery/sql/json_norm.h"

enum {
    CHUNK_BYTES = 64 << 10,
    VALUE_MAX = 64 << 20
};

/* --- memory --------------------------------------------------------------- */

struct cell_chunk {
    struct cell_chunk *next;
    char bytes[];
};

char *cell_mem_take(struct cell_mem *m, size_t len)
{
    size_t cap = len > CHUNK_BYTES / 4 ? len : CHUNK_BYTES;
    struct cell_chunk *chunk;
    char *p;

    if (!m->head || m->cap - m->used < len) {
        chunk = mem_try_alloc(sizeof(*chunk) + cap);
        if (!chunk)
            return NULL;
        chunk->next = m->head;
        m->head = chunk;
        m->used = 0;
        m->cap = cap;
    }
    p = m->head->bytes + m->used;
    m->used += len;
    return p;
}

void cell_mem_fini(struct cell_mem *m)
{
    while (m->head) {
        struct cell_chunk *next = m->head->next;

        mem_free(m->head);
        m->head = next;
    }
}

/* --- paths and refusals --------------------------------------------------- */

void cell_reader_init(struct cell_reader *r, struct json_scan *scan,
                      struct cell_mem *mem, struct cell_error *error)
{
    *r = (struct cell_reader){.scan = scan, .mem = mem, .error = error};
    buf_init(&r->scratch, VALUE_MAX);
}

void cell_reader_fini(struct cell_reader *r)
{
    buf_fini(&r->scratch);
}

size_t cell_path_push(struct cell_reader *r, struct str name)
{
    size_t was = r->path_len, room = sizeof(r->error->path) - was;
    int n;

    if (r->refused)
        return was;
    n = snprintf(r->error->path + was, room, "%s%.*s", was ? "." : "",
                 (int)(name.len > 300 ? 300 : name.len), name.p);
    r->path_len = was + ((size_t)n < room ? (size_t)n : room - 1);
    return was;
}

void cell_path_pop(struct cell_reader *r, size_t len)
{
    if (r->refused)
        return;
    r->path_len = len;
    r->error->path[len] = '\0';
}

void cell_refuse(struct cell_reader *r, const char *fmt, ...)
{
    va_list ap;

    if (r->refused)
        return;
    r->refused = true;
    va_start(ap, fmt);
    vsnprintf(r->error->text, sizeof(r->error->text), fmt, ap);
    va_end(ap);
}

/* --- values --------------------------------------------------------------- */

static bool keep(struct cell_reader *r, struct str s, struct cell *out)
{
    char *p = cell_mem_take(r->mem, s.len + 1);

    if (!p) {
        r->no_memory = true;
        return false;
    }
    memcpy(p, s.p, s.len);
    p[s.len] = '\0';
    out->s = str_of(p, s.len);
    return true;
}

bool cell_skip(struct json_scan *scan, const struct json_token *t)
{
    struct str ignored;

    return t->kind != JSON_T_ERROR && t->kind != JSON_T_DONE &&
           json_scan_skip(scan, t, &ignored);
}

static bool read_string(struct cell_reader *r, const struct sql_column *c,
                        const struct json_token *t, struct cell *out)
{
    struct str text = t->text;
    const char *bad;
    char why[400];

    if (t->escaped) {
        char *p = cell_mem_take(r->mem, text.len + 1);

        if (!p) {
            r->no_memory = true;
            return false;
        }
        text = str_of(p, json_decode(p, text));
    }
    bad = cell_from_text(c, text, r->mem, &r->scratch, out, why);
    if (bad)
        cell_refuse(r, "%s", bad);
    return true;
}

/* Any JSON value for a JSON column. */
static bool read_json(struct cell_reader *r, const struct json_token *t,
                      struct cell *out)
{
    struct buf norm;
    struct str value, number;
    bool ok;

    if (!json_scan_skip(r->scan, t, &value))
        return false;
    if (json_number_lost(value, &number)) {
        cell_refuse(r,
                    "Invalid JSON: Input number: %.*s cannot round-trip "
                    "through string representation",
                    (int)(number.len < 80 ? number.len : 80), number.p);
        return true;
    }
    buf_init(&norm, VALUE_MAX);
    json_normalize(value, &norm);
    out->kind = CELL_TEXT;
    ok = keep(r, buf_as_str(&norm), out);
    buf_fini(&norm);
    return ok;
}

static bool read_scalar(struct cell_reader *r, const struct sql_column *c,
                        const struct json_token *t, struct cell *out)
{
    const char *bad;
    char why[400];

    switch (t->kind) {
    case JSON_T_STRING:
        return read_string(r, c, t, out);
    case JSON_T_NUMBER:
        bad = cell_from_number(c, t->text, r->mem, &r->scratch, out, why);
        break;
    case JSON_T_TRUE:
    case JSON_T_FALSE:
        bad = cell_from_text(
            c, t->kind == JSON_T_TRUE ? STR("true") : STR("false"), r->mem,
            &r->scratch, out, why);
        break;
    case JSON_T_ARRAY:
        cell_refuse(r, "Array specified for non-repeated field: %s.",
                    r->error->path);
        return cell_skip(r->scan, t);
    default:
        cell_refuse(r, "This field: %s is not a record.", r->error->path);
        return cell_skip(r->scan, t);
    }
    if (bad)
        cell_refuse(r, "%s", bad);
    return true;
}

/* --- records and arrays --------------------------------------------------- */

static void put(struct buf *out, const struct sql_column *c,
                const struct cell *v)
{
    bool nested = c->type->kind == T_STRUCT || c->type->kind == T_ARRAY;
    struct value value = {.kind = (enum fn_kind)v->kind, .nested = nested};

    if (v->kind == CELL_INT)
        value.i = v->i;
    else if (v->kind == CELL_REAL)
        value.d = v->d;
    else if (v->kind != CELL_NULL)
        value.s = v->s;
    value_put(out, &value);
}

static bool read_member(struct cell_reader *r, const struct sql_column *c,
                        struct str name, struct cell *cells, bool *seen)
{
    struct json_token t;
    size_t was;
    int at = -1;
    bool ok;

    for (size_t i = 0; i < c->n_fields && at < 0; i++)
        if (str_ieq(c->fields[i].name, name))
            at = (int)i;
    json_scan_next(r->scan, &t);
    was = cell_path_push(r, name);
    if (at < 0) {
        if (!r->ignore_unknown)
            cell_refuse(r, "no such field: %s.", r->error->path);
        ok = cell_skip(r->scan, &t);
    } else {
        seen[at] = true;
        ok = cell_read(r, &c->fields[at], &t, &cells[at]);
    }
    cell_path_pop(r, was);
    return ok;
}

static void check_missing(struct cell_reader *r, const struct sql_column *c,
                          const bool *seen)
{
    for (size_t i = 0; i < c->n_fields; i++)
        if (c->fields[i].required && !seen[i]) {
            cell_path_push(r, c->fields[i].name);
            cell_refuse(r, "Missing required field: %s.", r->error->path);
        }
}

static bool read_record(struct cell_reader *r, const struct sql_column *c,
                        struct cell *out)
{
    struct cell *cells = mem_try_alloc(c->n_fields * sizeof(*cells));
    bool *seen = mem_try_alloc(c->n_fields);
    struct json_token key;
    struct buf text;
    bool ok = cells && seen;

    r->no_memory |= !ok;
    if (ok) {
        memset(cells, 0, c->n_fields * sizeof(*cells));
        memset(seen, 0, c->n_fields);
    }
    while (ok && json_scan_next(r->scan, &key) != JSON_T_OBJECT_END)
        ok = key.kind == JSON_T_KEY && read_member(r, c, key.text, cells, seen);
    if (ok) {
        check_missing(r, c, seen);
        buf_init(&text, VALUE_MAX);
        for (size_t i = 0; i < c->n_fields; i++) {
            buf_putc(&text, i ? ',' : '[');
            put(&text, &c->fields[i], &cells[i]);
        }
        buf_putc(&text, ']');
        out->kind = CELL_TEXT;
        ok = !text.failed && keep(r, buf_as_str(&text), out);
        buf_fini(&text);
    }
    mem_free(cells);
    mem_free(seen);
    return ok;
}

static bool read_value(struct cell_reader *r, const struct sql_column *c,
                       const struct json_token *t, struct cell *out)
{
    if (t->kind == JSON_T_NULL) {
        out->kind = CELL_NULL;
        if (c->required)
            cell_refuse(r,
                        "Only optional fields can be set to NULL. Field: %s; "
                        "Value: NULL",
                        r->error->path);
        return true;
    }
    if (c->type->kind == T_STRUCT && t->kind == JSON_T_OBJECT)
        return read_record(r, c, out);
    if (c->type->kind == T_STRUCT) {
        cell_refuse(r, "This field: %s is not a record.", r->error->path);
        return cell_skip(r->scan, t);
    }
    if (c->type->kind == T_JSON && r->json_objects)
        return read_json(r, t, out);
    return read_scalar(r, c, t, out);
}

static bool read_array(struct cell_reader *r, const struct sql_column *c,
                       const struct json_token *t, struct cell *out)
{
    struct sql_column one = *c;
    struct json_token item;
    struct buf text;
    bool ok = true;

    one.type = c->type->elem;
    one.required = true; /* no NULL among them */
    if (t->kind != JSON_T_ARRAY) {
        cell_refuse(r,
                    t->kind == JSON_T_NULL
                        ? "Field value of %s cannot be empty."
                        : "Repeated field %s must be given as an array.",
                    r->error->path);
        return cell_skip(r->scan, t);
    }
    buf_init(&text, VALUE_MAX);
    buf_putc(&text, '[');
    for (int n = 0; ok; n++) {
        struct cell v = {0};

        json_scan_next(r->scan, &item);
        if (item.kind == JSON_T_ARRAY_END)
            break;
        ok = item.kind != JSON_T_ERROR && read_value(r, &one, &item, &v);
        if (ok) {
            buf_puts(&text, n ? "," : "");
            put(&text, &one, &v);
        }
    }
    buf_putc(&text, ']');
    out->kind = CELL_TEXT;
    ok = ok && !text.failed && keep(r, buf_as_str(&text), out);
    buf_fini(&text);
    return ok;
}

bool cell_read(struct cell_reader *r, const struct sql_column *c,
               const struct json_token *t, struct cell *out)
{
    if (t->kind == JSON_T_ERROR)
        return false;
    if (c->type->kind == T_ARRAY)
        return read_array(r, c, t, out);
    return read_value(r, c, t, out);
}
