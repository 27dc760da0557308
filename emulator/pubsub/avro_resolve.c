/* SPDX-License-Identifier: Apache-2.0 */
/* Schema resolution (the specification's chapter of that name): whether a
 * reader's schema takes all that a writer's makes. */
#include "common/mem.h"
#include "emulator/pubsub/avro.h"

/* Pairs of records that were compared, or are being: they may be recursive. */
struct pair {
    const struct avro_type *reader, *writer;
    struct pair *next;
};

struct resolver {
    struct pair *seen;
    struct err *err;
};

static bool resolves(struct resolver *r, const struct avro_type *reader,
                     const struct avro_type *writer);

static bool fail(struct resolver *r, const char *what, struct str name)
{
    err_set(r->err, RC_INVALID, "%s: %.*s", what,
            name.len > 200 ? 200 : (int)name.len, name.p);
    return false;
}

static struct str leaf_of(struct str full)
{
    const char *dot = memrchr(full.p, '.', full.len);

    return dot ? str_of(dot + 1, (size_t)(full.p + full.len - dot - 1)) : full;
}

static bool have_one_name(struct resolver *r, const struct avro_type *reader,
                          const struct avro_type *writer)
{
    return str_eq(leaf_of(reader->name), leaf_of(writer->name)) ||
           fail(r, "a type has another name", reader->name);
}

static const struct avro_field *field_of(const struct avro_type *t,
                                         struct str name)
{
    for (size_t i = 0; i < t->n; i++)
        if (str_eq(t->fields[i].name, name))
            return &t->fields[i];
    return NULL;
}

static bool record_resolves(struct resolver *r, const struct avro_type *reader,
                            const struct avro_type *writer)
{
    struct pair *p;

    if (!have_one_name(r, reader, writer))
        return false;
    for (p = r->seen; p; p = p->next)
        if (p->reader == reader && p->writer == writer)
            return true;
    p = MEM_NEW(struct pair);
    *p = (struct pair){reader, writer, r->seen};
    r->seen = p;
    for (size_t i = 0; i < reader->n; i++) {
        const struct avro_field *f = &reader->fields[i];
        const struct avro_field *w = field_of(writer, f->name);

        if (!w && !f->has_default)
            return fail(r, "a field without default is not in both", f->name);
        if (w && !resolves(r, f->type, w->type))
            return false;
    }
    return true;
}

static bool enum_resolves(struct resolver *r, const struct avro_type *reader,
                          const struct avro_type *writer)
{
    if (!have_one_name(r, reader, writer))
        return false;
    if (reader->has_default)
        return true;
    for (size_t i = 0; i < writer->n; i++) {
        size_t k = 0;

        while (k < reader->n && !str_eq(reader->symbols[k], writer->symbols[i]))
            k++;
        if (k == reader->n)
            return fail(r, "a symbol is not in both", writer->symbols[i]);
    }
    return true;
}

/* Numbers may widen; strings and bytes are each other's. */
static bool is_promoted(enum avro_kind reader, enum avro_kind writer)
{
    if (reader == writer)
        return true;
    if (reader >= AVRO_LONG && reader <= AVRO_DOUBLE)
        return writer >= AVRO_INT && writer < reader;
    return (reader == AVRO_BYTES && writer == AVRO_STRING) ||
           (reader == AVRO_STRING && writer == AVRO_BYTES);
}

static bool branch_resolves(struct resolver *r, const struct avro_type *reader,
                            const struct avro_type *writer)
{
    for (size_t i = 0; i < reader->n; i++)
        if (resolves(r, reader->branches[i], writer))
            return true;
    return fail(r, "a type is in no branch of the union",
                avro_type_name(writer));
}

static bool union_resolves(struct resolver *r, const struct avro_type *reader,
                           const struct avro_type *writer)
{
    for (size_t i = 0; i < writer->n; i++)
        if (!resolves(r, reader, writer->branches[i]))
            return false;
    return true;
}

static bool resolves(struct resolver *r, const struct avro_type *reader,
                     const struct avro_type *writer)
{
    if (writer->kind == AVRO_UNION)
        return union_resolves(r, reader, writer);
    if (reader->kind == AVRO_UNION)
        return branch_resolves(r, reader, writer);
    if (!is_promoted(reader->kind, writer->kind))
        return fail(r, "a type cannot be read as another",
                    avro_type_name(writer));
    switch (reader->kind) {
    case AVRO_ARRAY:
    case AVRO_MAP:
        return resolves(r, reader->branches[0], writer->branches[0]);
    case AVRO_RECORD:
        return record_resolves(r, reader, writer);
    case AVRO_ENUM:
        return enum_resolves(r, reader, writer);
    case AVRO_FIXED:
        return have_one_name(r, reader, writer) &&
               (reader->size == writer->size ||
                fail(r, "a fixed type has another size", reader->name));
    default:
        return true;
    }
}

int avro_check_resolves(const struct avro *reader, const struct avro *writer,
                        struct err *err)
{
    struct resolver r = {.err = err};
    bool ok = resolves(&r, avro_root(reader), avro_root(writer));

    while (r.seen) {
        struct pair *next = r.seen->next;

        mem_free(r.seen);
        r.seen = next;
    }
    return ok ? RC_OK : RC_INVALID;
}
