/* SPDX-License-Identifier: Apache-2.0 */
/* Messages in Avro's binary encoding, checked without decoding them. */
#include "common/json.h"
#include "emulator/pubsub/avro_cursor.h"

enum {
    FREE_VALUES = 100000 /* that take no bytes: nulls, empty records */
};

struct reader {
    struct avro_cursor at;
    size_t n_free;
    unsigned depth;
};

static bool stop(struct avro_cursor *r, const char *what)
{
    err_set(r->err, RC_INVALID, "%s", what);
    return false;
}

static bool fail(struct reader *r, const char *what)
{
    return stop(&r->at, what);
}

/* Zig-zag; at most ten bytes. */
bool avro_read_long(struct avro_cursor *r, int64_t *out)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t c;

        if (r->p == r->end)
            return stop(r, "Not enough data to parse for schema.");
        c = *r->p++;
        if (shift == 63 && c > 1)
            break;
        v |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80) {
            *out = (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
            return true;
        }
    }
    return stop(r, "A number has more than 64 bits.");
}

bool avro_read_fixed(struct avro_cursor *r, uint64_t n, struct str *out)
{
    if (n > (size_t)(r->end - r->p))
        return stop(r, "Not enough data to parse for schema.");
    *out = str_of((const char *)r->p, (size_t)n);
    r->p += n;
    return true;
}

bool avro_read_bytes(struct avro_cursor *r, struct str *out)
{
    int64_t len;

    if (!avro_read_long(r, &len))
        return false;
    if (len < 0)
        return stop(r, "A length is negative.");
    return avro_read_fixed(r, (uint64_t)len, out);
}

bool avro_read_count(struct avro_cursor *r, int64_t *out)
{
    int64_t size;

    if (!avro_read_long(r, out))
        return false;
    if (*out == INT64_MIN || (*out < 0 && !avro_read_long(r, &size)))
        return stop(r, "A block's count is not valid.");
    *out = *out < 0 ? -*out : *out;
    return true;
}

bool avro_read_index(struct avro_cursor *r, size_t n, int64_t *out)
{
    if (!avro_read_long(r, out))
        return false;
    return (*out >= 0 && (uint64_t)*out < n) ||
           stop(r, "The index of a union or enum is out of range.");
}

/* --- the check ------------------------------------------------------------ */

static bool read_text(struct reader *r)
{
    struct str text;

    return avro_read_bytes(&r->at, &text) &&
           (json_is_utf8(text) || fail(r, "A string is not valid UTF-8."));
}

static bool read_value(struct reader *r, const struct avro_type *t);

static bool read_blocks(struct reader *r, const struct avro_type *t)
{
    int64_t n;

    for (;;) {
        if (!avro_read_count(&r->at, &n))
            return false;
        if (n == 0)
            return true;
        for (; n; n--)
            if ((t->kind == AVRO_MAP && !read_text(r)) ||
                !read_value(r, t->branches[0]))
                return false;
    }
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
    struct str bytes;
    int64_t v;

    switch (t->kind) {
    case AVRO_BOOLEAN:
        return avro_read_fixed(&r->at, 1, &bytes) &&
               ((uint8_t)*bytes.p <= 1 ||
                fail(r, "A boolean is neither 0 nor 1."));
    case AVRO_INT:
        return avro_read_long(&r->at, &v) &&
               ((v >= INT32_MIN && v <= INT32_MAX) ||
                fail(r, "An int has more than 32 bits."));
    case AVRO_LONG:
        return avro_read_long(&r->at, &v);
    case AVRO_FLOAT:
        return avro_read_fixed(&r->at, 4, &bytes);
    case AVRO_DOUBLE:
        return avro_read_fixed(&r->at, 8, &bytes);
    case AVRO_FIXED:
        return avro_read_fixed(&r->at, t->size, &bytes);
    case AVRO_ENUM:
        return avro_read_index(&r->at, t->n, &v);
    case AVRO_BYTES:
        return avro_read_bytes(&r->at, &bytes);
    case AVRO_STRING:
        return read_text(r);
    default:
        return true;
    }
}

static bool read_value(struct reader *r, const struct avro_type *t)
{
    const uint8_t *start = r->at.p;
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
        ok = avro_read_index(&r->at, t->n, &i) && read_value(r, t->branches[i]);
        break;
    case AVRO_RECORD:
        ok = read_record(r, t);
        break;
    default:
        ok = read_scalar(r, t);
        break;
    }
    r->depth--;
    if (ok && r->at.p == start && ++r->n_free > FREE_VALUES)
        return fail(r, "The message holds too many values without bytes.");
    return ok;
}

int avro_check_binary(const struct avro *a, struct str message, struct err *err)
{
    struct reader r = {.at = avro_cursor_of(message, err)};

    if (!read_value(&r, avro_root(a)))
        return RC_INVALID;
    if (r.at.p != r.at.end)
        return err_set(err, RC_INVALID, "Too much data to parse for schema.");
    return RC_OK;
}
