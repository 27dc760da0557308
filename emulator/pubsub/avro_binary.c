/* SPDX-License-Identifier: Apache-2.0 */
/* Messages in Avro's binary encoding, checked without decoding them. */
#include "common/json.h"
#include "emulator/pubsub/avro.h"

enum {
    FREE_VALUES = 100000 /* that take no bytes: nulls, empty records */
};

struct reader {
    const uint8_t *p, *end;
    size_t n_free;
    unsigned depth;
    struct err *err;
};

static bool fail(struct reader *r, const char *what)
{
    err_set(r->err, RC_INVALID, "%s", what);
    return false;
}

/* Zig-zag; at most ten bytes. */
static bool read_long(struct reader *r, int64_t *out)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t c;

        if (r->p == r->end)
            return fail(r, "Not enough data to parse for schema.");
        c = *r->p++;
        if (shift == 63 && c > 1)
            break;
        v |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80) {
            *out = (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
            return true;
        }
    }
    return fail(r, "A number has more than 64 bits.");
}

static bool skip(struct reader *r, uint64_t n)
{
    if (n > (size_t)(r->end - r->p))
        return fail(r, "Not enough data to parse for schema.");
    r->p += n;
    return true;
}

static bool read_bytes(struct reader *r, bool text)
{
    const char *start;
    int64_t len;

    if (!read_long(r, &len))
        return false;
    if (len < 0)
        return fail(r, "A length is negative.");
    start = (const char *)r->p;
    if (!skip(r, (uint64_t)len))
        return false;
    if (text && !json_is_utf8(str_of(start, (size_t)len)))
        return fail(r, "A string is not valid UTF-8.");
    return true;
}

static bool read_value(struct reader *r, const struct avro_type *t);

/* Blocks: a count (negative: the block's size in bytes follows), values; the
 * last block is empty. */
static bool read_blocks(struct reader *r, const struct avro_type *t)
{
    int64_t n, size;

    for (;;) {
        if (!read_long(r, &n))
            return false;
        if (n == 0)
            return true;
        if (n == INT64_MIN || (n < 0 && !read_long(r, &size)))
            return fail(r, "A block's count is not valid.");
        for (n = n < 0 ? -n : n; n; n--)
            if ((t->kind == AVRO_MAP && !read_bytes(r, true)) ||
                !read_value(r, t->branches[0]))
                return false;
    }
}

static bool read_index(struct reader *r, size_t n, int64_t *out)
{
    if (!read_long(r, out))
        return false;
    return (*out >= 0 && (uint64_t)*out < n) ||
           fail(r, "The index of a union or enum is out of range.");
}

static bool read_record(struct reader *r, const struct avro_type *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (!read_value(r, t->fields[i].type))
            return false;
    return true;
}

static bool read_scalar(struct reader *r, const struct avro_type *t)
{
    int64_t v;

    switch (t->kind) {
    case AVRO_BOOLEAN:
        return skip(r, 1) &&
               (r->p[-1] <= 1 || fail(r, "A boolean is neither 0 nor 1."));
    case AVRO_INT:
        return read_long(r, &v) && ((v >= INT32_MIN && v <= INT32_MAX) ||
                                    fail(r, "An int has more than 32 bits."));
    case AVRO_LONG:
        return read_long(r, &v);
    case AVRO_FLOAT:
        return skip(r, 4);
    case AVRO_DOUBLE:
        return skip(r, 8);
    case AVRO_FIXED:
        return skip(r, t->size);
    case AVRO_ENUM:
        return read_index(r, t->n, &v);
    case AVRO_BYTES:
    case AVRO_STRING:
        return read_bytes(r, t->kind == AVRO_STRING);
    default:
        return true;
    }
}

static bool read_value(struct reader *r, const struct avro_type *t)
{
    const uint8_t *start = r->p;
    int64_t i;
    bool ok;

    if (++r->depth > AVRO_MAX_DEPTH)
        return fail(r, "The message is nested too deep.");
    switch (t->kind) {
    case AVRO_ARRAY:
    case AVRO_MAP:
        ok = read_blocks(r, t);
        break;
    case AVRO_UNION:
        ok = read_index(r, t->n, &i) && read_value(r, t->branches[i]);
        break;
    case AVRO_RECORD:
        ok = read_record(r, t);
        break;
    default:
        ok = read_scalar(r, t);
        break;
    }
    r->depth--;
    if (ok && r->p == start && ++r->n_free > FREE_VALUES)
        return fail(r, "The message holds too many values without bytes.");
    return ok;
}

int avro_check_binary(const struct avro *a, struct str message, struct err *err)
{
    const uint8_t *p = (const uint8_t *)message.p;
    struct reader r = {.p = p, .end = p + message.len, .err = err};

    if (!read_value(&r, avro_root(a)))
        return RC_INVALID;
    if (r.p != r.end)
        return err_set(err, RC_INVALID, "Too much data to parse for schema.");
    return RC_OK;
}
