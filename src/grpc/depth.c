/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/depth.h"

enum {
    TYPES_MAX = 128, /* distinct types on one way down */
    WIRE_VARINT = 0,
    WIRE_64 = 1,
    WIRE_BYTES = 2,
    WIRE_32 = 5
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

static bool varint(struct str *rest, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; rest->len && shift < 64; shift += 7) {
        unsigned char c = (unsigned char)*rest->p;

        rest->p++, rest->len--;
        *out |= (uint64_t)(c & 127) << shift;
        if (c < 128)
            return true;
    }
    return false;
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

static bool within(const ProtobufCMessageDescriptor *type, struct str rest,
                   unsigned left)
{
    while (rest.len) {
        const ProtobufCMessageDescriptor *sub;
        uint64_t tag, len = 0;

        if (!varint(&rest, &tag))
            return true;
        switch (tag & 7) {
        case WIRE_VARINT:
            if (!varint(&rest, &len))
                return true;
            len = 0;
            break;
        case WIRE_64:
            len = 8;
            break;
        case WIRE_32:
            len = 4;
            break;
        case WIRE_BYTES:
            if (!varint(&rest, &len))
                return true;
            break;
        default:
            return true;
        }
        if (len > rest.len)
            return true;
        sub = (tag & 7) == WIRE_BYTES ? message_field(type, tag >> 3) : NULL;
        if (sub &&
            (left == 0 || !within(sub, str_of(rest.p, (size_t)len), left - 1)))
            return false;
        rest.p += len, rest.len -= (size_t)len;
    }
    return true;
}

bool grpc_depth_ok(const ProtobufCMessageDescriptor *type, struct str bytes)
{
    return within(type, bytes, GRPC_DEPTH_MAX);
}
