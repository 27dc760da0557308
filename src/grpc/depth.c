/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/depth.h"

#include "grpc/wire.h"

enum {
    TYPES_MAX = 128 /* distinct types on one way down */
};

struct way {
    const ProtobufCMessageDescriptor *types[TYPES_MAX];
    unsigned n;
};

static bool recurs(struct way *way, const ProtobufCMessageDescriptor *type)
{
    bool found = false;

    for (unsigned i = 0; i < way->n; i++)
        if (way->types[i] == type)
            return true;
    if (way->n == TYPES_MAX)
        return true;
    way->types[way->n++] = type;
    for (unsigned i = 0; i < type->n_fields && !found; i++)
        found = type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE &&
                recurs(way, type->fields[i].descriptor);
    way->n--;
    return found;
}

bool grpc_type_recurs(const ProtobufCMessageDescriptor *type)
{
    return recurs(&(struct way){.n = 0}, type);
}

static const ProtobufCMessageDescriptor *
message_field(const ProtobufCMessageDescriptor *type, uint64_t id)
{
    for (unsigned i = 0; i < type->n_fields; i++)
        if (type->fields[i].id == id)
            return type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE
                       ? type->fields[i].descriptor
                       : NULL;
    return NULL;
}

/* Not by wire_next: what that refuses, protobuf-c may take. */
static bool within(const ProtobufCMessageDescriptor *type, struct str bytes,
                   unsigned left)
{
    struct wire w = wire_of(bytes);

    while (w.p < w.end) {
        const ProtobufCMessageDescriptor *sub;
        uint64_t tag, len = 0;

        if (!wire_varint(&w, &tag))
            return true;
        switch (tag & 7) {
        case WIRE_VARINT:
            if (!wire_varint(&w, &len))
                return true;
            len = 0;
            break;
        case WIRE_I64:
            len = 8;
            break;
        case WIRE_I32:
            len = 4;
            break;
        case WIRE_BYTES:
            if (!wire_varint(&w, &len))
                return true;
            break;
        default:
            return true;
        }
        if (len > (uint64_t)(w.end - w.p))
            return true;
        sub = (tag & 7) == WIRE_BYTES ? message_field(type, tag >> 3) : NULL;
        if (sub &&
            (left == 0 ||
             !within(sub, str_of((const char *)w.p, (size_t)len), left - 1)))
            return false;
        w.p += len;
    }
    return true;
}

bool grpc_depth_ok(const ProtobufCMessageDescriptor *type, struct str bytes)
{
    return within(type, bytes, GRPC_DEPTH_MAX);
}
