/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to JSON. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base64.h"
#include "common/buf.h"
#include "emulator/partial.h"
#include "emulator/transcode_priv.h"
#include "google/protobuf/struct.pb-c.h"

struct writer {
    struct buf *out;
    bool pretty;
    unsigned depth;
    bool enum_numbers;
    const struct partial *wanted; /* of the message at hand; NULL: all */
};

static void put_message(struct writer *w, const ProtobufCMessage *m);

static void put_newline(struct writer *w)
{
    static const char blanks[] = "\n                                "
                                 "                                ";
    size_t want = 1 + (size_t)w->depth * 2;

    if (!w->pretty)
        return;
    buf_append(w->out, blanks,
               want < sizeof(blanks) ? want : sizeof(blanks) - 1);
}

static void open_level(struct writer *w, char bracket)
{
    buf_putc(w->out, bracket);
    w->depth++;
}

/* `any`: was there a member? An empty object is `{}` on its line. */
static void close_level(struct writer *w, char bracket, bool any)
{
    w->depth--;
    if (any)
        put_newline(w);
    buf_putc(w->out, bracket);
}

static void next_item(struct writer *w, bool *any)
{
    if (*any)
        buf_putc(w->out, ',');
    *any = true;
    put_newline(w);
}

static void put_colon(struct writer *w)
{
    buf_append(w->out, ": ", w->pretty ? 2 : 1);
}

static void put_base64(struct buf *out, const ProtobufCBinaryData *bytes)
{
    buf_putc(out, '"');
    base64_append(out, str_of((const char *)bytes->data, bytes->len));
    buf_putc(out, '"');
}

static void put_double(struct buf *out, double d)
{
    char text[40];

    if (isnan(d) || isinf(d)) {
        buf_puts(out, isnan(d)  ? "\"NaN\""
                      : d > 0.0 ? "\"Infinity\""
                                : "\"-Infinity\"");
        return;
    }
    /* the shortest text that reads back as the same number */
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, d);
        if (strtod(text, NULL) == d)
            break;
    }
    buf_puts(out, text);
}

static void put_enum(struct writer *w, const ProtobufCFieldDescriptor *f,
                     int value)
{
    const ProtobufCEnumValue *v =
        protobuf_c_enum_descriptor_get_value(f->descriptor, value);

    if (v && !w->enum_numbers)
        buf_printf(w->out, "\"%s\"", v->name);
    else
        buf_i64(w->out, value);
}

static void put_value(struct writer *w, const ProtobufCFieldDescriptor *f,
                      const void *at)
{
    struct buf *out = w->out;

    switch (f->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        buf_i64(out, *(const int32_t *)at);
        break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        buf_u64(out, *(const uint32_t *)at);
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        buf_putc(out, '"');
        buf_i64(out, *(const int64_t *)at);
        buf_putc(out, '"');
        break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        buf_putc(out, '"');
        buf_u64(out, *(const uint64_t *)at);
        buf_putc(out, '"');
        break;
    case PROTOBUF_C_TYPE_FLOAT:
        put_double(out, (double)*(const float *)at);
        break;
    case PROTOBUF_C_TYPE_DOUBLE:
        put_double(out, *(const double *)at);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        buf_puts(out, *(const protobuf_c_boolean *)at ? "true" : "false");
        break;
    case PROTOBUF_C_TYPE_ENUM:
        put_enum(w, f, *(const int *)at);
        break;
    case PROTOBUF_C_TYPE_STRING:
        buf_json_str(out, str_from(*(const char *const *)at));
        break;
    case PROTOBUF_C_TYPE_BYTES:
        put_base64(out, at);
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        put_message(w, *(const ProtobufCMessage *const *)at);
        break;
    }
}

/* Is it asked for? Then `w` is set to what of it; give `*above` back after. */
static bool enter(struct writer *w, struct str name,
                  const struct partial **above)
{
    const struct partial *inner;

    *above = w->wanted;
    if (!partial_has(w->wanted, name, &inner))
        return false;
    w->wanted = inner;
    return true;
}

/* Can something in it be asked for? */
static bool has_parts(const ProtobufCFieldDescriptor *f)
{
    return f->type == PROTOBUF_C_TYPE_MESSAGE &&
           transcode_known(f->descriptor) == KNOWN_NONE;
}

/* Keys of maps are strings in JSON whatever their type. */
static void put_key(struct writer *w, const ProtobufCFieldDescriptor *f,
                    const void *at)
{
    bool quoted = f->type == PROTOBUF_C_TYPE_STRING || transcode_size(f) == 8;

    if (!quoted)
        buf_putc(w->out, '"');
    put_value(w, f, at);
    if (!quoted)
        buf_putc(w->out, '"');
}

static void put_map(struct writer *w, const ProtobufCMessage *m,
                    const ProtobufCFieldDescriptor *f)
{
    size_t n = *FIELD_AT_CONST(size_t, m, f->quantifier_offset);
    ProtobufCMessage *const *entries =
        *FIELD_AT_CONST(ProtobufCMessage **, m, f->offset);
    const ProtobufCMessageDescriptor *entry = f->descriptor;
    const ProtobufCFieldDescriptor *key = &entry->fields[0],
                                   *value = &entry->fields[1];
    bool any = false;

    open_level(w, '{');
    for (size_t i = 0; i < n; i++) {
        const char *at = FIELD_AT_CONST(char, entries[i], value->offset);

        const char *name = FIELD_AT_CONST(char, entries[i], key->offset);
        const struct partial *above = w->wanted;

        if (value->type == PROTOBUF_C_TYPE_MESSAGE &&
            !transcode_has(entries[i], value))
            continue;
        if (above &&
            (key->type != PROTOBUF_C_TYPE_STRING ||
             !enter(w, str_from(*(const char *const *)(const void *)name),
                    &above)))
            continue;
        next_item(w, &any);
        put_key(w, key, name);
        put_colon(w);
        put_value(w, value, at);
        w->wanted = above;
    }
    close_level(w, '}', any);
}

static void put_list(struct writer *w, const ProtobufCMessage *m,
                     const ProtobufCFieldDescriptor *f)
{
    size_t n = *FIELD_AT_CONST(size_t, m, f->quantifier_offset);
    const char *items = *FIELD_AT_CONST(char *, m, f->offset);
    size_t size = transcode_size(f);
    bool any = false;

    open_level(w, '[');
    for (size_t i = 0; i < n; i++) {
        next_item(w, &any);
        put_value(w, f, items + i * size);
    }
    close_level(w, ']', any);
}

static void put_json_value(struct writer *w, const Google__Protobuf__Value *v)
{
    switch (v->kind_case) {
    case GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE:
        put_double(w->out, v->number_value);
        break;
    case GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE:
        buf_json_str(w->out, str_from(v->string_value));
        break;
    case GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE:
        buf_puts(w->out, v->bool_value ? "true" : "false");
        break;
    case GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE:
        put_message(w, &v->struct_value->base);
        break;
    case GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE:
        put_message(w, &v->list_value->base);
        break;
    default:
        buf_puts(w->out, "null");
        break;
    }
}

static void put_fields(struct writer *w, const ProtobufCMessage *m, bool any)
{
    const ProtobufCMessageDescriptor *d = m->descriptor;
    const struct partial *above = w->wanted;
    struct buf name;

    buf_init(&name, SIZE_MAX / 4);
    for (unsigned i = 0; i < d->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &d->fields[i];

        if (!transcode_has(m, f))
            continue;
        if (w->wanted) {
            buf_reset(&name);
            transcode_camel(&name, str_from(f->name));
            if (!enter(w, buf_as_str(&name), &above))
                continue;
            if (w->wanted && !has_parts(f)) { /* a star's, of others */
                w->wanted = above;
                continue;
            }
        }
        next_item(w, &any);
        buf_putc(w->out, '"');
        transcode_camel(w->out, str_from(f->name));
        buf_putc(w->out, '"');
        put_colon(w);
        if (f->label != PROTOBUF_C_LABEL_REPEATED)
            put_value(w, f, FIELD_AT_CONST(char, m, f->offset));
        else if (transcode_is_map(f))
            put_map(w, m, f);
        else
            put_list(w, m, f);
        w->wanted = above;
    }
    buf_fini(&name);
    close_level(w, '}', any);
}

static void put_message(struct writer *w, const ProtobufCMessage *m)
{
    switch (transcode_known(m->descriptor)) {
    case KNOWN_TIMESTAMP:
    case KNOWN_DURATION:
    case KNOWN_FIELD_MASK:
        transcode_known_write(m, w->out);
        return;
    case KNOWN_STRUCT:
        put_map(w, m, &m->descriptor->fields[0]);
        return;
    case KNOWN_LIST:
        put_list(w, m, &m->descriptor->fields[0]);
        return;
    case KNOWN_VALUE:
        put_json_value(w, (const Google__Protobuf__Value *)m);
        return;
    case KNOWN_NONE:
        break;
    }
    open_level(w, '{');
    put_fields(w, m, false);
}

void transcode_write_as(const ProtobufCMessage *message,
                        const struct transcode_form *form, struct buf *out)
{
    struct writer w = {.out = out,
                       .pretty = !form->compact,
                       .enum_numbers = form->enum_numbers,
                       .wanted = form->fields};

    put_message(&w, message);
}

void transcode_write(const ProtobufCMessage *message, struct buf *out)
{
    transcode_write_as(message, &(struct transcode_form){0}, out);
}

void transcode_write_compact(const ProtobufCMessage *message, struct buf *out)
{
    transcode_write_as(message, &(struct transcode_form){.compact = true}, out);
}

void transcode_write_typed(const ProtobufCMessage *message, unsigned depth,
                           struct buf *out)
{
    struct writer w = {.out = out, .pretty = true, .depth = depth};
    bool any = false;

    open_level(&w, '{');
    next_item(&w, &any);
    buf_puts(out, "\"@type\": \"type.googleapis.com/");
    buf_puts(out, message->descriptor->name);
    buf_putc(out, '"');
    put_fields(&w, message, any);
}
