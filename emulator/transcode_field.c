/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of protobuf-c messages by their descriptors: lookup, presence,
 * growth, and scalars from text. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "common/base64.h"
#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "emulator/transcode_priv.h"

void transcode_camel(struct buf *out, struct str snake)
{
    bool up = false;

    for (size_t i = 0; i < snake.len; i++) {
        char c = snake.p[i];

        if (c == '_') {
            up = true;
            continue;
        }
        buf_putc(out, up && c >= 'a' && c <= 'z' ? (char)(c - 32) : c);
        up = false;
    }
}

void transcode_snake(struct buf *out, struct str camel)
{
    for (size_t i = 0; i < camel.len; i++) {
        char c = camel.p[i];

        if (c >= 'A' && c <= 'Z') {
            buf_putc(out, '_');
            c = (char)(c + 32);
        }
        buf_putc(out, c);
    }
}

/* Is `given` the snake name, or its lowerCamelCase? */
static bool name_fits(const char *snake, struct str given)
{
    const char *s = snake;
    size_t i = 0;

    for (; i < given.len && *s; i++, s++) {
        char want = *s;

        if (want == '_' && given.p[i] != '_') {
            want = *++s;
            if (want >= 'a' && want <= 'z')
                want = (char)(want - 32);
        }
        if (given.p[i] != want)
            return false;
    }
    return i == given.len && !*s;
}

const ProtobufCFieldDescriptor *
transcode_field(const ProtobufCMessageDescriptor *type, struct str name)
{
    for (unsigned i = 0; i < type->n_fields; i++)
        if (name_fits(type->fields[i].name, name))
            return &type->fields[i];
    return NULL;
}

size_t transcode_size(const ProtobufCFieldDescriptor *f)
{
    switch (f->type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    default:
        return 4;
    }
}

bool transcode_is_map(const ProtobufCFieldDescriptor *f)
{
    const ProtobufCMessageDescriptor *d = f->descriptor;

    return f->label == PROTOBUF_C_LABEL_REPEATED &&
           f->type == PROTOBUF_C_TYPE_MESSAGE && d->n_fields == 2 &&
           strcmp(d->fields[0].name, "key") == 0 &&
           strcmp(d->fields[1].name, "value") == 0 &&
           str_ends(str_from(d->short_name), STR("Entry"));
}

bool transcode_has(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    const char *at = FIELD_AT_CONST(char, m, f->offset);
    const char *text;

    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        return *FIELD_AT_CONST(size_t, m, f->quantifier_offset) > 0;
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return *FIELD_AT_CONST(uint32_t, m, f->quantifier_offset) == f->id;
    switch (f->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        return *(const void *const *)(const void *)at != NULL;
    case PROTOBUF_C_TYPE_STRING:
        text = *(const char *const *)(const void *)at;
        return text && *text;
    case PROTOBUF_C_TYPE_BYTES:
        return ((const ProtobufCBinaryData *)(const void *)at)->len > 0;
    default:
        break;
    }
    for (size_t i = 0; i < transcode_size(f); i++)
        if (at[i])
            return true;
    return false;
}

void transcode_drop(const ProtobufCFieldDescriptor *f, void *slot)
{
    void **p = slot;
    ProtobufCBinaryData *bytes = slot;

    if (f->type == PROTOBUF_C_TYPE_STRING) {
        if (*p != f->default_value && *p != protobuf_c_empty_string)
            mem_free(*p);
        *p = (char *)(uintptr_t)protobuf_c_empty_string;
    } else if (f->type == PROTOBUF_C_TYPE_BYTES) {
        mem_free(bytes->data);
        *bytes = (ProtobufCBinaryData){0, NULL};
    } else if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
        if (*p)
            protobuf_c_message_free_unpacked(*p, NULL);
        *p = NULL;
    }
}

ProtobufCMessage *transcode_new(const ProtobufCMessageDescriptor *type)
{
    ProtobufCMessage *m = mem_try_alloc(type->sizeof_message);

    if (m)
        type->message_init(m);
    return m;
}

char *transcode_copy(struct str s)
{
    char *copy = mem_try_alloc(s.len + 1);

    if (!copy)
        return NULL;
    if (s.len)
        memcpy(copy, s.p, s.len);
    copy[s.len] = '\0';
    return copy;
}

void *transcode_grow(ProtobufCMessage *m, const ProtobufCFieldDescriptor *f,
                     size_t *cap)
{
    size_t *n = FIELD_AT(size_t, m, f->quantifier_offset);
    char **array = FIELD_AT(char *, m, f->offset);
    size_t size = transcode_size(f);

    if (*n == *cap) {
        size_t want = *cap ? *cap * 2 : 4;
        void *more = mem_try_realloc(*array, want * size);

        if (!more)
            return NULL;
        *array = more;
        *cap = want;
    }
    memset(*array + *n * size, 0, size);
    return *array + (*n)++ * size;
}

/* An integer, also as 1e3 or 1.0, which JSON does not tell apart. */
static bool read_integer(struct str text, int64_t *out)
{
    char copy[64];
    char *end;
    double d;

    if (str_to_i64(text, out))
        return true;
    if (!text.len || text.len >= sizeof(copy) || text.p[0] <= ' ')
        return false;
    memcpy(copy, text.p, text.len);
    copy[text.len] = '\0';
    if (copy[strspn(copy, "+-0123456789.eE")])
        return false;
    d = strtod(copy, &end);
    if (*end || !(fabs(d) <= 9007199254740992.0) || d != floor(d))
        return false;
    *out = (int64_t)d;
    return true;
}

static bool read_double(struct str text, double *out)
{
    char copy[64];
    char *end;

    if (!text.len || text.len >= sizeof(copy) || text.p[0] <= ' ')
        return false;
    memcpy(copy, text.p, text.len);
    copy[text.len] = '\0';
    if (strcmp(copy, "NaN") == 0 || strcmp(copy, "Infinity") == 0 ||
        strcmp(copy, "-Infinity") == 0) {
        *out = copy[0] == 'N' ? NAN : copy[0] == '-' ? -INFINITY : INFINITY;
        return true;
    }
    if (copy[strspn(copy, "+-0123456789.eE")])
        return false;
    *out = strtod(copy, &end);
    return !*end && isfinite(*out);
}

static bool read_enum(const ProtobufCFieldDescriptor *f, struct str text,
                      bool quoted, int *out)
{
    const ProtobufCEnumDescriptor *e = f->descriptor;
    int64_t number;

    if (quoted)
        for (unsigned i = 0; i < e->n_values; i++)
            if (str_eq(str_from(e->values[i].name), text)) {
                *out = e->values[i].value;
                return true;
            }
    if (!str_to_i64(text, &number) || number < INT32_MIN || number > INT32_MAX)
        return false;
    *out = (int)number;
    return true;
}

static bool read_bytes(struct str text, ProtobufCBinaryData *out,
                       bool *no_memory)
{
    uint8_t *data = mem_try_alloc(base64_decoded_max(text.len));
    size_t len;

    if (!data) {
        *no_memory = true;
        return false;
    }
    if (!base64_decode(text, data, &len)) {
        mem_free(data);
        return false;
    }
    if (len == 0) {
        mem_free(data);
        data = NULL;
    }
    *out = (ProtobufCBinaryData){len, data};
    return true;
}

static bool read_number(const ProtobufCFieldDescriptor *f, struct str text,
                        void *slot)
{
    int64_t i = 0;
    uint64_t u = 0;
    double d = 0;

    switch (f->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        if (!read_integer(text, &i) || i < INT32_MIN || i > INT32_MAX)
            return false;
        *(int32_t *)slot = (int32_t)i;
        return true;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        if (!read_integer(text, &i) || i < 0 || i > UINT32_MAX)
            return false;
        *(uint32_t *)slot = (uint32_t)i;
        return true;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return read_integer(text, slot);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        if (!str_to_u64(text, &u)) {
            if (!read_integer(text, &i) || i < 0)
                return false;
            u = (uint64_t)i;
        }
        *(uint64_t *)slot = u;
        return true;
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
        if (!read_double(text, &d))
            return false;
        if (f->type == PROTOBUF_C_TYPE_FLOAT)
            *(float *)slot = (float)d;
        else
            *(double *)slot = d;
        return true;
    default:
        return false;
    }
}

bool transcode_scalar(const ProtobufCFieldDescriptor *f, struct str text,
                      bool quoted, void *slot, bool *no_memory)
{
    char *copy;

    *no_memory = false;
    switch (f->type) {
    case PROTOBUF_C_TYPE_BOOL:
        if (!str_eq(text, STR("true")) && !str_eq(text, STR("false")))
            return false;
        *(protobuf_c_boolean *)slot = text.p[0] == 't';
        return true;
    case PROTOBUF_C_TYPE_ENUM:
        return read_enum(f, text, quoted, slot);
    case PROTOBUF_C_TYPE_STRING:
        if (!quoted || memchr(text.p ? text.p : "", 0, text.len))
            return false;
        copy = transcode_copy(text);
        *no_memory = !copy;
        if (copy)
            *(char **)slot = copy;
        return copy != NULL;
    case PROTOBUF_C_TYPE_BYTES:
        return quoted && read_bytes(text, slot, no_memory);
    default:
        return read_number(f, text, slot);
    }
}

const char *transcode_type_name(const ProtobufCFieldDescriptor *f)
{
    static const char *const names[] = {
        [PROTOBUF_C_TYPE_INT32] = "TYPE_INT32",
        [PROTOBUF_C_TYPE_SINT32] = "TYPE_SINT32",
        [PROTOBUF_C_TYPE_SFIXED32] = "TYPE_SFIXED32",
        [PROTOBUF_C_TYPE_INT64] = "TYPE_INT64",
        [PROTOBUF_C_TYPE_SINT64] = "TYPE_SINT64",
        [PROTOBUF_C_TYPE_SFIXED64] = "TYPE_SFIXED64",
        [PROTOBUF_C_TYPE_UINT32] = "TYPE_UINT32",
        [PROTOBUF_C_TYPE_FIXED32] = "TYPE_FIXED32",
        [PROTOBUF_C_TYPE_UINT64] = "TYPE_UINT64",
        [PROTOBUF_C_TYPE_FIXED64] = "TYPE_FIXED64",
        [PROTOBUF_C_TYPE_FLOAT] = "TYPE_FLOAT",
        [PROTOBUF_C_TYPE_DOUBLE] = "TYPE_DOUBLE",
        [PROTOBUF_C_TYPE_BOOL] = "TYPE_BOOL",
        [PROTOBUF_C_TYPE_ENUM] = "TYPE_ENUM",
        [PROTOBUF_C_TYPE_STRING] = "TYPE_STRING",
        [PROTOBUF_C_TYPE_BYTES] = "TYPE_BYTES",
        [PROTOBUF_C_TYPE_MESSAGE] = "TYPE_MESSAGE",
    };

    return names[f->type];
}
