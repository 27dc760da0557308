/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/sound.h"

#include <string.h>

#include "common/json.h"
#include "grpc/wire.h"

static const ProtobufCFieldDescriptor *
field_of(const ProtobufCMessageDescriptor *type, uint64_t id)
{
    for (unsigned i = 0; i < type->n_fields; i++)
        if (type->fields[i].id == id)
            return &type->fields[i];
    return NULL;
}

static int check_string(const ProtobufCFieldDescriptor *field, struct str text,
                        struct err *err)
{
    if (!json_is_utf8(text))
        return err_set(err, RC_INVALID, "%s is not valid UTF-8", field->name);
    if (memchr(text.p, '\0', text.len))
        return err_set(err, RC_INVALID, "%s holds a NUL character",
                       field->name);
    return RC_OK;
}

/* The length of what follows a tag; false: malformed. */
static bool value_len(struct wire *w, uint64_t tag, uint64_t *len)
{
    uint64_t number;

    *len = 0;
    switch (tag & 7) {
    case WIRE_VARINT:
        return wire_varint(w, &number);
    case WIRE_I64:
        *len = 8;
        break;
    case WIRE_I32:
        *len = 4;
        break;
    case WIRE_BYTES:
        if (!wire_varint(w, len))
            return false;
        break;
    default:
        return false;
    }
    return *len <= (uint64_t)(w->end - w->p);
}

/* Not by wire_next: what that refuses, protobuf-c may take. */
static int look(const ProtobufCMessageDescriptor *type, struct str bytes,
                unsigned left, struct err *err)
{
    struct wire w = wire_of(bytes);

    while (w.p < w.end) {
        const ProtobufCFieldDescriptor *field;
        uint64_t tag, len;
        struct str value;
        int rc = RC_OK;

        if (!wire_varint(&w, &tag) || !value_len(&w, tag, &len))
            return RC_OK;
        value = str_of((const char *)w.p, (size_t)len);
        w.p += len;
        if ((tag & 7) != WIRE_BYTES || !(field = field_of(type, tag >> 3)))
            continue;
        if (field->type == PROTOBUF_C_TYPE_STRING)
            rc = check_string(field, value, err);
        else if (field->type == PROTOBUF_C_TYPE_MESSAGE)
            rc = left ? look(field->descriptor, value, left - 1, err)
                      : err_set(err, RC_INVALID, "it is nested too deeply");
        if (rc)
            return rc;
    }
    return RC_OK;
}

int grpc_is_sound(const ProtobufCMessageDescriptor *type, struct str bytes,
                  struct err *err)
{
    return look(type, bytes, GRPC_DEPTH_MAX, err);
}
