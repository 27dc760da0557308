/* SPDX-License-Identifier: Apache-2.0 */
/* In the words of the pages "TABLES view" and "TABLE_OPTIONS view". */
#include "emulator/bigquery/catalog_ddl.h"

#include <stdlib.h>

#include "common/buf.h"
#include "emulator/bigquery/sql/civil.h"

enum {
    OPTIONS_MAX = 6
};

struct options {
    struct arena *mem;
    const char **list; /* name, type, value */
    size_t n;
};

static void add(struct options *o, const char *name, const char *type,
                const char *value)
{
    o->list[o->n++] = name;
    o->list[o->n++] = type;
    o->list[o->n++] = value;
}

/* JSON's escapes are GoogleSQL's as well. */
static const char *literal(struct arena *mem, const char *s)
{
    struct buf *out = arena_buf(mem);

    buf_json_str(out, str_from(s));
    return arena_buf_take(mem, out);
}

static void add_text(struct options *o, const struct table *t,
                     const char *member, const char *name)
{
    const char *v = json_string_value(json_object_get(t->body, member));

    if (v)
        add(o, name, "STRING", literal(o->mem, v));
}

static void add_expiration(struct options *o, const struct table *t)
{
    const json_t *v = json_object_get(t->body, "expirationTime");
    char text[CIVIL_TEXT_MAX];
    int64_t ms;

    ms = json_is_string(v) ? strtoll(json_string_value(v), NULL, 10)
                           : json_integer_value(v);
    if (!ms)
        return;
    civil_format_datetime(text, ms / 1000 * 1000000, 'T');
    add(o, "expiration_timestamp", "TIMESTAMP",
        arena_printf(o->mem, "TIMESTAMP \"%s.%03dZ\"", text, (int)(ms % 1000)));
}

static void add_labels(struct options *o, const struct table *t)
{
    json_t *labels = json_object_get(t->body, "labels"), *v;
    const char *text = "[", *key;

    if (!json_object_size(labels))
        return;
    json_object_foreach(labels, key, v)
    {
        if (json_is_string(v))
            text = arena_cat(o->mem, text, text[1] ? ", " : "", "STRUCT(",
                             literal(o->mem, key), ", ",
                             literal(o->mem, json_string_value(v)), ")", NULL);
    }
    add(o, "labels", "ARRAY<STRUCT<STRING, STRING>>",
        arena_cat(o->mem, text, "]", NULL));
}

static void add_days(struct options *o, const struct table *t)
{
    double days = (double)t->part.expiration_ms / 86400e3;

    if (t->part.expiration_ms)
        add(o, "partition_expiration_days", "FLOAT64",
            arena_printf(o->mem, days == (double)(long)days ? "%.1f" : "%.15g",
                         days));
}

static void tell_options(struct arena *mem, const struct table *t,
                         struct sql_table *out)
{
    struct options o = {.mem = mem};

    o.list = ARENA_ARRAY(mem, const char *, 3 * OPTIONS_MAX);
    add_text(&o, t, "description", "description");
    add_expiration(&o, t);
    add_text(&o, t, "friendlyName", "friendly_name");
    add_labels(&o, t);
    add_days(&o, t);
    if (t->part.require_filter)
        add(&o, "require_partition_filter", "BOOL", "true");
    out->options = o.list;
    out->n_options = o.n / 3;
}

/* --- DDL ------------------------------------------------------------------ */

static void put_column(struct arena *mem, struct buf *out,
                       const struct sql_column *c)
{
    buf_printf(out, "  %.*s %s", STR_ARG(c->name),
               column_type_text(mem, c, true));
    if (c->required)
        buf_puts(out, " NOT NULL");
    if (c->default_sql)
        buf_printf(out, " DEFAULT %s", c->default_sql);
    if (c->description.len) {
        buf_puts(out, " OPTIONS(description=");
        buf_json_str(out, c->description);
        buf_putc(out, ')');
    }
}

static void put_columns(struct arena *mem, struct buf *out,
                        const struct sql_table *t)
{
    bool first = true;

    buf_puts(out, "\n(");
    for (size_t i = 0; i < t->n_columns; i++) {
        if (t->columns[i].hidden)
            continue;
        buf_puts(out, first ? "\n" : ",\n");
        put_column(mem, out, &t->columns[i]);
        first = false;
    }
    buf_puts(out, "\n)");
}

static void put_partition(struct buf *out, const struct partitioning *p)
{
    bool days = p->type && strcmp(p->type, "DAY") == 0;

    if (!p->by)
        return;
    buf_puts(out, "\nPARTITION BY ");
    if (strcmp(p->by, "_PARTITIONTIME") == 0)
        buf_printf(out,
                   days ? "_PARTITIONDATE"
                        : "TIMESTAMP_TRUNC(_PARTITIONTIME, %s)",
                   p->type);
    else if (p->kind == T_INT64)
        buf_printf(out, "RANGE_BUCKET(%s, GENERATE_ARRAY(%lld, %lld, %lld))",
                   p->by, (long long)p->start, (long long)p->end,
                   (long long)p->interval);
    else if (p->kind == T_DATE)
        buf_printf(out, days ? "%s" : "DATE_TRUNC(%s, %s)", p->by, p->type);
    else if (days)
        buf_printf(out, "DATE(%s)", p->by);
    else
        buf_printf(out, "%s_TRUNC(%s, %s)",
                   p->kind == T_DATETIME ? "DATETIME" : "TIMESTAMP", p->by,
                   p->type);
}

static void put_options(struct buf *out, const struct sql_table *t)
{
    for (size_t i = 0; i < t->n_options; i++)
        buf_printf(out, "%s  %s=%s", i ? ",\n" : "\nOPTIONS(\n",
                   t->options[3 * i], t->options[3 * i + 2]);
    buf_puts(out, t->n_options ? "\n)" : "");
}

void catalog_tell(struct arena *mem, const struct table *t,
                  struct sql_table *out)
{
    struct buf *ddl = arena_buf(mem);

    tell_options(mem, t, out);
    buf_printf(ddl, "CREATE %s `%.*s.%.*s.%.*s`",
               t->view_sql ? "VIEW" : "TABLE", STR_ARG(out->project),
               STR_ARG(out->dataset), STR_ARG(out->table));
    if (!t->view_sql)
        put_columns(mem, ddl, out);
    if (!t->view_sql)
        put_partition(ddl, &t->part);
    for (size_t i = 0; i < out->n_clustering; i++)
        buf_printf(ddl, "%s%s", i ? ", " : "\nCLUSTER BY ", out->clustering[i]);
    put_options(ddl, out);
    if (t->view_sql)
        buf_printf(ddl, "\nAS %s", t->view_sql);
    buf_putc(ddl, ';');
    out->ddl = arena_buf_take(mem, ddl);
}
