/* SPDX-License-Identifier: Apache-2.0 */
/* Messages in the wire format, checked field by field. */
#include <stdio.h>

#include "common/json.h"
#include "common/mem.h"
#include "emulator/pubsub/proto_schema.h"
#include "grpc/wire.h"

struct reader {
    const struct proto_schema *s;
    unsigned depth;
    struct err *err;
};

static bool fail(struct reader *r, const char *what, const char *name)
{
    err_set(r->err, RC_INVALID, "%s: %.200s", what, name);
    return false;
}

static enum wire_type wire_type_of(enum proto_kind kind)
{
    switch (kind) {
    case PROTO_DOUBLE:
    case PROTO_FIXED64:
    case PROTO_SFIXED64:
        return WIRE_I64;
    case PROTO_FLOAT:
    case PROTO_FIXED32:
    case PROTO_SFIXED32:
        return WIRE_I32;
    case PROTO_STRING:
    case PROTO_BYTES:
    case PROTO_MESSAGE:
        return WIRE_BYTES;
    default:
        return WIRE_VARINT;
    }
}

static const struct proto_field *field_of(const struct proto_type *t,
                                          uint32_t number)
{
    for (size_t i = 0; i < t->n_fields; i++)
        if (t->fields[i].number == number)
            return &t->fields[i];
    return NULL;
}

/* In proto2 a number that the enum lacks is an unknown field. */
static bool check_enum(struct reader *r, const struct proto_field *f,
                       uint64_t value)
{
    if (r->s->is_proto3)
        return true;
    for (size_t i = 0; i < f->type->n_values; i++)
        if (f->type->values[i].number == (int32_t)value)
            return true;
    return fail(r, "Unknown value of an enum", f->name);
}

static bool check_packed(struct reader *r, const struct proto_field *f,
                         struct str bytes)
{
    struct wire w = wire_of(bytes);
    uint64_t v;

    switch (wire_type_of(f->kind)) {
    case WIRE_I64:
        return bytes.len % 8 == 0 || fail(r, "A packed field is cut", f->name);
    case WIRE_I32:
        return bytes.len % 4 == 0 || fail(r, "A packed field is cut", f->name);
    default:
        while (w.p < w.end)
            if (!wire_varint(&w, &v))
                return fail(r, "A packed field is cut", f->name);
            else if (f->kind == PROTO_ENUM && !check_enum(r, f, v))
                return false;
        return true;
    }
}

static bool check_message(struct reader *r, const struct proto_type *t,
                          struct str bytes);

static bool check_value(struct reader *r, const struct proto_field *f,
                        const struct wire_field *v)
{
    if (f->kind == PROTO_MESSAGE)
        return check_message(r, f->type, v->bytes);
    if (f->kind == PROTO_STRING && !json_is_utf8(v->bytes))
        return fail(r, "A string is not valid UTF-8", f->name);
    if (f->kind == PROTO_ENUM)
        return check_enum(r, f, v->value);
    return true;
}

static bool check_field(struct reader *r, const struct proto_field *f,
                        const struct wire_field *v)
{
    enum wire_type type = wire_type_of(f->kind);

    if (v->type == type)
        return check_value(r, f, v);
    if (v->type == WIRE_BYTES && f->label == PROTO_REPEATED)
        return check_packed(r, f, v->bytes);
    return fail(r, "A field is of another type than in the schema", f->name);
}

static bool check_required(struct reader *r, const struct proto_type *t,
                           const bool *seen)
{
    for (size_t i = 0; i < t->n_fields; i++)
        if (t->fields[i].label == PROTO_REQUIRED && !seen[i])
            return fail(r, "A required field is missing", t->fields[i].name);
    return true;
}

static bool check_fields(struct reader *r, const struct proto_type *t,
                         struct str bytes, bool *seen)
{
    struct wire w = wire_of(bytes);
    struct wire_field v;
    char number[16];

    while (wire_next(&w, &v)) {
        const struct proto_field *f = field_of(t, v.number);

        if (!f) {
            snprintf(number, sizeof(number), "%u", v.number);
            return fail(r, "The message has a field that the schema has not",
                        number);
        }
        seen[f - t->fields] = true;
        if (!check_field(r, f, &v))
            return false;
    }
    if (wire_is_bad(&w))
        return fail(r, "Not a protocol buffer message", t->name);
    return check_required(r, t, seen);
}

static bool check_message(struct reader *r, const struct proto_type *t,
                          struct str bytes)
{
    bool *seen, ok;

    if (++r->depth > PROTO_MAX_DEPTH)
        return fail(r, "The message is nested too deep", t->name);
    seen = mem_alloc(t->n_fields + 1);
    ok = check_fields(r, t, bytes, seen);
    mem_free(seen);
    r->depth--;
    return ok;
}

int proto_check_binary(const struct proto_schema *s, struct str message,
                       struct err *err)
{
    struct reader r = {.s = s, .err = err};

    return check_message(&r, s->root, message) ? RC_OK : RC_INVALID;
}
