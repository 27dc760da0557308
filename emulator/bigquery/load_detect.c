/* SPDX-License-Identifier: Apache-2.0 */
/* autodetect: a schema from what the first rows look like. */
#include <stdio.h>

#include "common/mem.h"
#include "emulator/bigquery/csv.h"
#include "emulator/bigquery/fields.h"
#include "emulator/bigquery/load.h"

enum {
    SAMPLE_ROWS = 500,
    SAMPLE_BYTES = 1 << 20
};

/* What a text may be, the narrowest first. */
static const enum sql_type_kind guesses[] = {
    T_BOOL, T_INT64, T_FLOAT64, T_DATE, T_DATETIME, T_TIMESTAMP, T_STRING};

static bool can_be(enum sql_type_kind kind, struct str text)
{
    struct sql_column c = {.type = type_scalar(kind)};
    struct cell_mem mem = {0};
    struct buf scratch;
    struct cell cell;
    char why[400];
    bool ok;

    if (kind == T_STRING)
        return true;
    if (kind == T_BOOL)
        return str_ieq(text, STR("true")) || str_ieq(text, STR("false"));
    if ((kind == T_TIMESTAMP || kind == T_DATETIME) &&
        (text.len < 10 || !memchr(text.p, '-', text.len)))
        return false;
    if (kind == T_DATETIME && (text.p[text.len - 1] | 0x20) == 'z')
        return false;
    buf_init(&scratch, 4096);
    ok = !cell_from_text(&c, text, &mem, &scratch, &cell, why);
    cell_mem_fini(&mem);
    buf_fini(&scratch);
    return ok;
}

static enum sql_type_kind guess(struct str text)
{
    for (size_t i = 0; i < sizeof(guesses) / sizeof(guesses[0]); i++)
        if (can_be(guesses[i], text))
            return guesses[i];
    return T_STRING;
}

/* The narrowest that holds both. */
static enum sql_type_kind join(enum sql_type_kind a, enum sql_type_kind b)
{
    if (a == T_NULLTYPE || a == b)
        return b;
    if (b == T_NULLTYPE)
        return a;
    if ((a == T_INT64 && b == T_FLOAT64) || (a == T_FLOAT64 && b == T_INT64))
        return T_FLOAT64;
    if ((a == T_DATE || a == T_DATETIME || a == T_TIMESTAMP) &&
        (b == T_DATE || b == T_DATETIME || b == T_TIMESTAMP))
        return a == T_TIMESTAMP || b == T_TIMESTAMP ? T_TIMESTAMP : T_DATETIME;
    return T_STRING;
}

static json_t *field(const char *name, enum sql_type_kind kind, bool repeated)
{
    if (kind == T_NULLTYPE)
        kind = T_STRING;
    return json_pack("{s:s, s:s, s:s}", "name", name, "type",
                     type_legacy_name(kind), "mode",
                     repeated ? "REPEATED" : "NULLABLE");
}

/* --- CSV ------------------------------------------------------------------ */

/* A name that may be a column's. */
static char *clean_name(struct str text, size_t at)
{
    char *name = text.len ? mem_strndup(text.p, text.len)
                          : mem_printf("string_field_%zu", at);

    for (char *p = name; *p; p++)
        if (!(*p >= '0' && *p <= '9') &&
            !((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z') &&
            (unsigned char)*p < 0x80)
            *p = '_';
    return name;
}

struct csv_sample {
    enum sql_type_kind *first, *rest; /* of the first row, of the others */
    char **names;
    size_t n, rows;
};

static void see_row(struct csv_sample *s, const struct csv *c)
{
    for (size_t i = 0; i < c->n && i < s->n; i++) {
        struct str text = csv_field(c, i);
        enum sql_type_kind kind = text.len ? guess(text) : T_NULLTYPE;

        if (s->rows == 0) {
            s->first[i] = kind;
            s->names[i] = clean_name(text, i);
        } else {
            s->rest[i] = join(s->rest[i], kind);
        }
    }
    s->rows++;
}

static bool has_header(const struct load *l, const struct csv_sample *s)
{
    bool texts = true, differ = false;

    if (l->skip > 0)
        return true; /* the last skipped line names the columns */
    for (size_t i = 0; i < s->n; i++) {
        texts &= s->first[i] == T_STRING;
        differ |= s->rest[i] != T_STRING && s->rest[i] != T_NULLTYPE;
    }
    return texts && differ;
}

static json_t *csv_fields(struct load *l, struct csv_sample *s)
{
    bool header = has_header(l, s);
    json_t *list = json_array();
    char name[40];

    if (header && l->skip == 0)
        l->skip = 1;
    for (size_t i = 0; i < s->n; i++) {
        enum sql_type_kind kind =
            header ? s->rest[i] : join(s->first[i], s->rest[i]);

        snprintf(name, sizeof(name), "%s_field_%zu",
                 kind == T_INT64     ? "int64"
                 : kind == T_FLOAT64 ? "double"
                 : kind == T_BOOL    ? "bool"
                                     : "string",
                 i);
        json_array_append_new(
            list,
            field(header && s->names[i] ? s->names[i] : name, kind, false));
    }
    return list;
}

static json_t *detect_csv(struct load *l)
{
    struct csv_sample s = {0};
    json_t *list = json_array();
    int64_t skip = l->skip - 1;
    struct csv c;

    csv_init(&c, l->data);
    c.delimiter = l->delimiter;
    c.quote = l->quote;
    c.newlines = l->newlines;
    while (s.rows < SAMPLE_ROWS && csv_next(&c)) {
        if (skip-- > 0)
            continue;
        if (!s.n) {
            s.n = c.n;
            s.first = MEM_ARRAY(enum sql_type_kind, s.n + 1);
            s.rest = MEM_ARRAY(enum sql_type_kind, s.n + 1);
            s.names = MEM_ARRAY(char *, s.n + 1);
        }
        see_row(&s, &c);
    }
    csv_fini(&c);
    if (s.n) {
        json_decref(list);
        list = csv_fields(l, &s);
    }
    for (size_t i = 0; i < s.n; i++)
        mem_free(s.names[i]);
    mem_free(s.names);
    mem_free(s.first);
    mem_free(s.rest);
    return list;
}

/* --- JSON ----------------------------------------------------------------- */

static void see_object(json_t *list, json_t *object);

static enum sql_type_kind kind_of(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_TRUE:
    case JSON_FALSE:
        return T_BOOL;
    case JSON_INTEGER:
        return T_INT64;
    case JSON_REAL:
        return T_FLOAT64;
    case JSON_STRING: {
        enum sql_type_kind kind = guess(str_from(json_string_value(v)));

        /* numbers in quotes are texts to JSON */
        return kind == T_INT64 || kind == T_FLOAT64 || kind == T_BOOL ? T_STRING
                                                                      : kind;
    }
    case JSON_OBJECT:
        return T_STRUCT;
    default:
        return T_NULLTYPE;
    }
}

static void see_value(json_t *list, const char *name, json_t *v)
{
    bool repeated = json_is_array(v);
    json_t *one = repeated ? json_array_get(v, 0) : v, *f, *known = NULL;
    enum sql_type_kind kind = one ? kind_of(one) : T_NULLTYPE;
    size_t i;

    json_array_foreach(list, i, f)
    {
        if (!strcasecmp(json_string_value(json_object_get(f, "name")), name))
            known = f;
    }
    if (kind == T_NULLTYPE)
        return;
    if (!known) {
        known = field(name, kind, repeated);
        if (kind == T_STRUCT)
            json_object_set_new(known, "fields", json_array());
        json_array_append_new(list, known);
    } else if (kind != T_STRUCT) {
        const char *was = json_string_value(json_object_get(known, "type"));

        json_object_set_new(known, "type",
                            json_string(type_legacy_name(
                                join(type_by_name(str_from(was)), kind))));
    }
    if (kind == T_STRUCT)
        see_object(json_object_get(known, "fields"), one);
}

static void see_object(json_t *list, json_t *object)
{
    const char *key;
    json_t *v;

    json_object_foreach(object, key, v) see_value(list, key, v);
}

static json_t *detect_json(struct load *l)
{
    struct str rest = l->data;
    json_t *list = json_array();
    size_t rows = 0;

    while (rest.p && rest.len && rows < SAMPLE_ROWS &&
           (size_t)(rest.p - l->data.p) < SAMPLE_BYTES) {
        struct str line = str_cut(&rest, '\n');
        json_t *row = json_loadb(line.p, line.len, 0, NULL);

        if (json_is_object(row)) {
            see_object(list, row);
            rows++;
        }
        json_decref(row);
    }
    return list;
}

json_t *load_detect(struct load *l)
{
    json_t *list = l->csv ? detect_csv(l) : detect_json(l);

    if (json_array_size(list) == 0) {
        json_decref(list);
        fail_set(&l->job->fail, "invalid",
                 "Failed to detect a schema: the data holds no rows, and no "
                 "schema was given");
        return NULL;
    }
    return json_pack("{s:o}", "fields", list);
}
