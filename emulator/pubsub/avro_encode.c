/* SPDX-License-Identifier: Apache-2.0 */
/* From Avro's JSON encoding to the binary one. What is given was checked when
 * it was published (avro_json.c); here it must only not be written wrongly. */
#include <jansson.h>

#include "common/mem.h"
#include "emulator/pubsub/avro.h"
#include "emulator/pubsub/avro_file.h"

static bool put(struct buf *out, const struct avro_type *t, const json_t *v);

static struct str text_of(const json_t *v)
{
    return str_of(json_string_value(v), json_string_length(v));
}

/* Characters up to U+00FF, a byte each. */
static bool put_byte_string(struct buf *out, const struct avro_type *t,
                            const json_t *v)
{
    struct str text = text_of(v);
    struct buf bytes;
    bool ok = json_is_string(v);

    buf_init(&bytes, SIZE_MAX / 4);
    for (size_t i = 0; ok && i < text.len; i++) {
        uint8_t c = (uint8_t)text.p[i];

        if (c >= 0x80 && ++i < text.len)
            c = (uint8_t)(c << 6 | ((uint8_t)text.p[i] & 0x3f));
        buf_putc(&bytes, (char)c);
    }
    if (ok && t->kind == AVRO_FIXED)
        ok = bytes.len == t->size;
    if (ok && t->kind == AVRO_FIXED)
        buf_str(out, buf_as_str(&bytes));
    else if (ok)
        avro_put_bytes(out, buf_as_str(&bytes));
    buf_fini(&bytes);
    return ok;
}

/* IEEE 754, little-endian. */
static bool put_float(struct buf *out, const struct avro_type *t,
                      const json_t *v)
{
    double d = json_number_value(v);
    float f = (float)d;
    uint64_t bits;
    uint32_t half;
    unsigned n = t->kind == AVRO_FLOAT ? 4 : 8;

    memcpy(&bits, &d, sizeof(d));
    memcpy(&half, &f, sizeof(f));
    if (n == 4)
        bits = half;
    for (unsigned i = 0; i < n; i++)
        buf_putc(out, (char)(bits >> (8 * i)));
    return json_is_number(v);
}

static bool put_enum(struct buf *out, const struct avro_type *t,
                     const json_t *v)
{
    for (size_t i = 0; json_is_string(v) && i < t->n; i++)
        if (str_eq(t->symbols[i], text_of(v))) {
            avro_put_long(out, (int64_t)i);
            return true;
        }
    return false;
}

static bool put_array(struct buf *out, const struct avro_type *t,
                      const json_t *v)
{
    const json_t *item;
    size_t i;
    bool ok = json_is_array(v);

    if (json_array_size(v))
        avro_put_long(out, (int64_t)json_array_size(v));
    json_array_foreach(v, i, item) ok = ok && put(out, t->branches[0], item);
    avro_put_long(out, 0);
    return ok;
}

static bool put_map(struct buf *out, const struct avro_type *t, json_t *v)
{
    const char *key;
    json_t *item;
    bool ok = json_is_object(v);

    if (json_object_size(v))
        avro_put_long(out, (int64_t)json_object_size(v));
    json_object_foreach(v, key, item)
    {
        avro_put_bytes(out, str_from(key));
        ok = ok && put(out, t->branches[0], item);
    }
    avro_put_long(out, 0);
    return ok;
}

static const json_t *member(const json_t *v, struct str name)
{
    char *key = mem_strndup(name.p, name.len);
    const json_t *found = json_object_get(v, key);

    mem_free(key);
    return found;
}

static bool put_record(struct buf *out, const struct avro_type *t,
                       const json_t *v)
{
    bool ok = json_is_object(v);

    for (size_t i = 0; ok && i < t->n; i++) {
        const json_t *field = member(v, t->fields[i].name);

        ok = field && put(out, t->fields[i].type, field);
    }
    return ok;
}

/* null, or an object with the type's name and the value. */
static bool put_union(struct buf *out, const struct avro_type *t,
                      const json_t *v)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct avro_type *branch = t->branches[i];
        const json_t *inner =
            json_is_object(v) ? member(v, avro_type_name(branch)) : NULL;

        if (json_is_null(v) ? branch->kind == AVRO_NULL : inner != NULL) {
            avro_put_long(out, (int64_t)i);
            return json_is_null(v) || put(out, branch, inner);
        }
    }
    return false;
}

static bool put(struct buf *out, const struct avro_type *t, const json_t *v)
{
    switch (t->kind) {
    case AVRO_NULL:
        return json_is_null(v);
    case AVRO_BOOLEAN:
        buf_putc(out, json_is_true(v) ? 1 : 0);
        return json_is_boolean(v);
    case AVRO_INT:
    case AVRO_LONG:
        avro_put_long(out, json_integer_value(v));
        return json_is_integer(v);
    case AVRO_FLOAT:
    case AVRO_DOUBLE:
        return put_float(out, t, v);
    case AVRO_STRING:
        avro_put_bytes(out, text_of(v));
        return json_is_string(v);
    case AVRO_BYTES:
    case AVRO_FIXED:
        return put_byte_string(out, t, v);
    case AVRO_ENUM:
        return put_enum(out, t, v);
    case AVRO_ARRAY:
        return put_array(out, t, v);
    case AVRO_MAP:
        return put_map(out, t, (json_t *)(uintptr_t)v);
    case AVRO_RECORD:
        return put_record(out, t, v);
    case AVRO_UNION:
        return put_union(out, t, v);
    }
    return false;
}

int avro_put_json(struct buf *out, const struct avro *a, struct str message,
                  struct err *err)
{
    json_error_t why;
    json_t *v = json_loadb(message.p, message.len,
                           JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    bool ok = v && put(out, avro_root(a), v) && !out->failed;

    json_decref(v);
    return ok ? RC_OK
              : err_set(err, RC_INVALID,
                        "the message is no value of the schema%s%s",
                        v ? "" : ": ", v ? "" : why.text);
}
