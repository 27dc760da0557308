/* SPDX-License-Identifier: Apache-2.0 */
/* Names of types into pointers, by the language's scoping; names and numbers
 * that collide. */
#include <ctype.h>

#include "common/mem.h"
#include "emulator/pubsub/names.h"
#include "emulator/pubsub/proto_parse.h"

struct linker {
    struct proto_schema *s;
    struct names types;
    struct err *err;
};

static bool fail(struct linker *l, const struct proto_type *t, const char *what,
                 const char *name)
{
    err_set(l->err, RC_INVALID, "Protocol buffer: %.200s: %s: %.100s", t->name,
            what, name);
    return false;
}

/* Looked for in the innermost scope first, then in those around it. */
static const struct proto_type *
find(const struct linker *l, const struct proto_type *in, const char *name)
{
    struct str scope = str_from(in->name);

    if (*name == '.')
        return names_find(&l->types, str_from(name + 1));
    for (;;) {
        char *full = scope.len ? mem_printf("%.*s.%s", STR_ARG(scope), name)
                               : mem_strdup(name);
        const struct proto_type *t = names_find(&l->types, str_from(full));
        const char *dot;

        mem_free(full);
        if (t || !scope.len)
            return t;
        dot = memrchr(scope.p, '.', scope.len);
        scope.len = dot ? (size_t)(dot - scope.p) : 0;
    }
}

/* "foo_bar" becomes "fooBar". */
static char *json_name(const char *name)
{
    char *out = mem_strdup(name), *to = out;
    bool upper = false;

    for (const char *p = name; *p; p++) {
        if (*p != '_')
            *to++ = upper ? (char)toupper((uint8_t)*p) : *p;
        upper = *p == '_';
    }
    *to = '\0';
    return out;
}

static bool link_field(struct linker *l, const struct proto_type *t,
                       struct proto_field *f)
{
    if (!f->json_name)
        f->json_name = json_name(f->name);
    if (f->kind != PROTO_NAMED)
        return true;
    f->type = find(l, t, f->type_name);
    if (!f->type)
        return fail(l, t, "unknown type", f->type_name);
    f->kind = f->type->is_enum ? PROTO_ENUM : PROTO_MESSAGE;
    return true;
}

static bool is_reserved(const struct proto_type *t, int64_t number,
                        const char *name)
{
    for (size_t i = 0; i < t->n_reserved; i++)
        if (number >= t->reserved[i].from && number <= t->reserved[i].to)
            return true;
    for (size_t i = 0; i < t->n_reserved_names; i++)
        if (strcmp(t->reserved_names[i], name) == 0)
            return true;
    return false;
}

/* In `set`, or added to it. */
static bool is_taken(struct names *set, const char *name)
{
    if (names_find(set, str_from(name)))
        return true;
    names_add(set, name, set);
    return false;
}

static bool check_fields(struct linker *l, struct proto_type *t)
{
    struct names names = {0}, json = {0};
    bool ok = true;

    for (size_t i = 0; ok && i < t->n_fields; i++) {
        struct proto_field *f = &t->fields[i];

        ok = link_field(l, t, f);
        if (ok && (is_taken(&names, f->name) || is_taken(&json, f->json_name)))
            ok = fail(l, t, "a name is there twice", f->name);
        if (ok && is_reserved(t, f->number, f->name))
            ok = fail(l, t, "a field is reserved", f->name);
        for (size_t k = 0; ok && k < i; k++)
            if (t->fields[k].number == f->number)
                ok = fail(l, t, "a number is there twice", f->name);
    }
    names_fini(&names);
    names_fini(&json);
    return ok;
}

static bool check_values(struct linker *l, const struct proto_type *t)
{
    struct names names = {0};
    bool ok = t->n_values > 0 || fail(l, t, "an enum without values", "");

    if (ok && l->s->is_proto3 && t->values[0].number != 0)
        ok = fail(l, t, "the first value of a proto3 enum must be zero",
                  t->values[0].name);
    for (size_t i = 0; ok && i < t->n_values; i++) {
        const struct proto_value *v = &t->values[i];

        if (is_taken(&names, v->name))
            ok = fail(l, t, "a name is there twice", v->name);
        if (ok && is_reserved(t, v->number, v->name))
            ok = fail(l, t, "a value is reserved", v->name);
        for (size_t k = 0; ok && !t->allow_alias && k < i; k++)
            if (t->values[k].number == v->number)
                ok = fail(l, t, "a number is there twice", v->name);
    }
    names_fini(&names);
    return ok;
}

int proto_link(struct proto_schema *s, struct err *err)
{
    struct linker l = {.s = s, .err = err};
    bool ok = true;

    for (const struct proto_type *t = s->types; ok && t; t = t->next) {
        if (names_find(&l.types, str_from(t->name)))
            ok = fail(&l, t, "a type is defined twice", "");
        else
            names_add(&l.types, t->name, (void *)(uintptr_t)t);
    }
    for (struct proto_type *t = s->types; ok && t; t = t->next)
        ok = t->is_enum ? check_values(&l, t) : check_fields(&l, t);
    names_fini(&l.types);
    return ok ? RC_OK : RC_INVALID;
}
