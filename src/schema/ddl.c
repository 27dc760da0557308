/* SPDX-License-Identifier: Apache-2.0 */
/* Data definition by the type map; names hold no quotes (schema.c sees to it),
 * so quoting them is enough. */
#include "schema/ddl.h"

#include "common/buf.h"

static const char *column_type(const struct schema_field *f)
{
    static const char *const types[] = {
#define TYPE(name, alias, json, sqlite) sqlite,
#include "schema/types.def"
#undef TYPE
    };
    return f->mode == SCHEMA_REPEATED ? "TEXT" : types[f->type];
}

void ddl_column(const struct schema_field *f, struct buf *out)
{
    buf_printf(out, "\"%.*s\" %s%s", STR_ARG(f->name), column_type(f),
               f->mode == SCHEMA_REQUIRED ? " NOT NULL" : "");
}

bool ddl_column_is(const struct schema_field *f, struct str type, bool not_null)
{
    return str_ieq(type, str_from(column_type(f))) &&
           not_null == (f->mode == SCHEMA_REQUIRED);
}

void ddl_create(const struct schema *schema, struct str table, struct buf *out)
{
    struct str id = schema->fields[schema->id].name;
    struct str timestamp = schema->fields[schema->timestamp].name;

    buf_printf(out, "CREATE TABLE IF NOT EXISTS \"%.*s\" (", STR_ARG(table));
    for (size_t i = 0; i < schema->n_fields; i++) {
        ddl_column(&schema->fields[i], out);
        buf_puts(out, ", ");
    }
    /* Read backwards this is timestamp descending, id ascending; written in
     * the order of time it grows at its end. */
    buf_printf(out,
               "PRIMARY KEY (\"%.*s\", \"%.*s\" DESC)) WITHOUT ROWID;"
               "CREATE UNIQUE INDEX IF NOT EXISTS \"%.*s_id\" ON \"%.*s\" "
               "(\"%.*s\");",
               STR_ARG(timestamp), STR_ARG(id), STR_ARG(table), STR_ARG(table),
               STR_ARG(id));
}

/* A path of names for messages: `a.b`. */
struct place {
    char text[200];
};

static struct place inside(const struct place *outer, struct str name)
{
    struct place p = {.text = ""};
    struct str parts[] = {STR(""), STR("."), name};
    size_t at = 0;

    if (outer)
        parts[0] = str_from(outer->text);
    for (size_t i = outer ? 0 : 2; i < 3; i++) {
        size_t room = sizeof(p.text) - 1 - at;
        size_t n = parts[i].len < room ? parts[i].len : room;
        memcpy(p.text + at, parts[i].p, n);
        at += n;
    }
    return p;
}

struct comparison {
    const char *where;
    size_t *added, *n_added;
    struct err *err;
};

static int compare_fields(struct comparison *c, const struct place *outer,
                          const struct schema_field *have, size_t n_have,
                          const struct schema_field *want, size_t n_want);

static int compare_field(struct comparison *c, const struct place *place,
                         const struct schema_field *have,
                         const struct schema_field *want)
{
    if (have->type != want->type || have->mode != want->mode)
        return err_set(c->err, RC_INVALID,
                       "%s: column `%s` is %s %s in the table but %s %s in the "
                       "schema: use the schema the table was made with, or "
                       "another table",
                       c->where, place->text, schema_type_name(have->type),
                       schema_mode_name(have->mode),
                       schema_type_name(want->type),
                       schema_mode_name(want->mode));
    if (have->max_length != want->max_length ||
        have->precision != want->precision || have->scale != want->scale)
        return err_set(c->err, RC_INVALID,
                       "%s: column `%s` has other parameters (maxLength, "
                       "precision, scale) in the table than in the schema",
                       c->where, place->text);
    return compare_fields(c, place, have->fields, have->n_fields, want->fields,
                          want->n_fields);
}

static int compare_fields(struct comparison *c, const struct place *outer,
                          const struct schema_field *have, size_t n_have,
                          const struct schema_field *want, size_t n_want)
{
    for (size_t i = 0; i < n_have; i++) {
        int at = schema_find(want, n_want, have[i].name);
        struct place place = inside(outer, have[i].name);
        int rc;
        if (at < 0)
            return err_set(c->err, RC_INVALID,
                           "%s: column `%s` is in the table but not in the "
                           "schema: add it to the schema, or use another table",
                           c->where, place.text);
        rc = compare_field(c, &place, &have[i], &want[at]);
        if (rc != RC_OK)
            return rc;
    }
    for (size_t i = 0; i < n_want; i++) {
        if (schema_find(have, n_have, want[i].name) >= 0)
            continue;
        if (want[i].mode != SCHEMA_NULLABLE)
            return err_set(c->err, RC_INVALID,
                           "%s: column `%s` is new and %s: only NULLABLE "
                           "columns can be added to a table",
                           c->where, inside(outer, want[i].name).text,
                           schema_mode_name(want[i].mode));
        if (!outer) /* within a RECORD nothing needs to be done */
            c->added[(*c->n_added)++] = i;
    }
    return RC_OK;
}

int ddl_compare(const struct schema *have, const struct schema *want,
                const char *where, size_t *added, size_t *n_added,
                struct err *err)
{
    struct comparison c = {where, added, n_added, err};

    *n_added = 0;
    return compare_fields(&c, NULL, have->fields, have->n_fields, want->fields,
                          want->n_fields);
}
