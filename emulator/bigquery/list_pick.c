/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/list_pick.h"

#include "common/buf.h"
#include "emulator/bigquery/fields.h"
#include "emulator/bigquery/member.h"

static const struct sql_type *inner(const struct sql_type *t)
{
    return t->kind == T_ARRAY ? t->elem : t;
}

static long find_field(const struct sql_type *t, struct str name)
{
    for (size_t i = 0; i < t->n_fields; i++)
        if (str_ieq(t->fields[i].name, str_trim(name)))
            return (long)i;
    return -1;
}

static struct pick *add(struct arena *mem, struct pick **at,
                        const struct sql_type *type)
{
    if (!*at) {
        *at = ARENA_NEW(mem, struct pick);
        (*at)->type = type;
    }
    return *at;
}

/* "a.b.c"; false if there is none. */
static bool pick_path(struct str path, const struct sql_column *columns,
                      size_t n, struct arena *mem, struct pick **all)
{
    struct pick *p = NULL;
    struct str rest = path;

    while (rest.p) {
        const struct sql_type *t = p ? inner(p->type) : NULL;
        long i;

        if (p && t->kind != T_STRUCT)
            return false;
        if (p && !p->fields)
            p->fields = ARENA_ARRAY(mem, struct pick *, t->n_fields);
        i = p ? find_field(t, str_cut(&rest, '.'))
              : fields_find(columns, n, str_trim(str_cut(&rest, '.')));
        if (i < 0)
            return false;
        p = add(mem, p ? &p->fields[i] : &all[i],
                p ? t->fields[i].type : columns[i].type);
    }
    if (p)
        p->whole = true;
    return p != NULL;
}

int list_pick(struct str wanted, const struct sql_column *columns, size_t n,
              const char *table, struct arena *mem, struct pick ***out,
              struct fail *f)
{
    struct pick **all = ARENA_ARRAY(mem, struct pick *, n + 1);

    for (size_t i = 0; !wanted.len && i < n; i++)
        add(mem, &all[i], columns[i].type)->whole = true;
    while (wanted.len && wanted.p) {
        struct str one = str_cut(&wanted, ',');

        if (!pick_path(one, columns, n, mem, all))
            return fail_set(f, "invalid", "Field %.*s not found in table %s",
                            (int)(one.len > 300 ? 300 : one.len), one.p, table);
    }
    *out = all;
    return RC_OK;
}

/* --- the schema ----------------------------------------------------------- */

enum wish {
    WISH_NONE,
    WISH_SOME, /* of its fields */
    WISH_ALL
};

static enum wish wish_for(struct str wanted, struct str path)
{
    enum wish most = WISH_NONE;

    while (wanted.p && most != WISH_ALL) {
        struct str one = str_trim(str_cut(&wanted, ','));
        size_t n = one.len < path.len ? one.len : path.len;

        if (!str_ieq(str_of(one.p, n), str_of(path.p, n)))
            continue;
        if (one.len == path.len || (one.len < path.len && path.p[n] == '.'))
            most = WISH_ALL;
        else if (one.len > path.len && one.p[n] == '.')
            most = WISH_SOME;
    }
    return most;
}

static json_t *schema_of(const json_t *fields, struct str wanted,
                         struct str prefix)
{
    json_t *some = json_array(), *field, *kept;
    size_t i;

    json_array_foreach(fields, i, field)
    {
        const char *name = member_text(field, "name");
        struct buf path;
        enum wish wish;

        buf_init(&path, 64 << 10);
        buf_printf(&path, "%.*s%s%s", STR_ARG(prefix), prefix.len ? "." : "",
                   name ? name : "");
        wish = wish_for(wanted, buf_as_str(&path));
        if (wish == WISH_ALL) {
            json_array_append(some, field);
        } else if (wish == WISH_SOME) {
            kept = json_copy(field);
            json_object_set_new(kept, "fields",
                                schema_of(json_object_get(field, "fields"),
                                          wanted, buf_as_str(&path)));
            json_array_append_new(some, kept);
        }
        buf_fini(&path);
    }
    return some;
}

json_t *list_pick_schema(const json_t *fields, struct str wanted)
{
    return schema_of(fields, wanted, STR(""));
}
