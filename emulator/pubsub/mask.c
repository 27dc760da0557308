/* SPDX-License-Identifier: Apache-2.0 */
/* Field masks: whole top-level fields (or one level below) go from one message
 * to another, by their bytes, so that no field's type matters. */
#include "common/buf.h"
#include "common/mem.h"
#include "emulator/pubsub/check.h"
#include "grpc/wire.h"

/* "push_config.push_endpoint" -> "push_config" */
static struct str head_of(const char *path)
{
    struct str rest = str_from(path);

    return str_cut(&rest, '.');
}

static bool is_one_of(const char *const *names, struct str name)
{
    for (; *names; names++)
        if (str_eq(str_from(*names), name))
            return true;
    return false;
}

static const ProtobufCFieldDescriptor *
field_of(const ProtobufCMessageDescriptor *type, struct str name)
{
    for (unsigned i = 0; i < type->n_fields; i++)
        if (str_eq(str_from(type->fields[i].name), name))
            return &type->fields[i];
    return NULL;
}

static void pack(const ProtobufCMessage *m, struct buf *out)
{
    size_t len = protobuf_c_message_get_packed_size(m);

    if (buf_reserve(out, len))
        out->len = protobuf_c_message_pack(m, (uint8_t *)out->data);
}

/* Fields of `message` whose number is in the set, or is not. */
static void copy_fields(struct buf *out, struct str message, const bool *set,
                        bool wanted)
{
    struct wire w = wire_of(message);
    struct wire_field f;

    while (wire_next(&w, &f))
        if (set[f.number & 63] == wanted)
            buf_append(out, f.from, (size_t)(w.p - f.from));
}

/* Replaces what `to` points at holds, in place. */
static bool replace(ProtobufCMessage *to, struct str bytes)
{
    const ProtobufCMessageDescriptor *type = to->descriptor;
    ProtobufCMessage *fresh = protobuf_c_message_unpack(
        type, NULL, bytes.len, (const uint8_t *)bytes.p);
    char *old;

    if (!fresh)
        return false;
    old = mem_dup(to, type->sizeof_message);
    memcpy(to, fresh, type->sizeof_message);
    memcpy(fresh, old, type->sizeof_message);
    mem_free(old);
    protobuf_c_message_free_unpacked(fresh, NULL);
    return true;
}

enum grpc_status check_mask(ProtobufCMessage *to, const ProtobufCMessage *from,
                            const Google__Protobuf__FieldMask *mask,
                            const char *what, const char *const *mutable_fields,
                            struct err *err)
{
    bool set[64] = {false};
    struct buf old, new, merged;
    bool ok;

    if (!mask || mask->n_paths == 0) {
        err_set(err, RC_INVALID,
                "The update_mask in the Update%sRequest must be set, and must "
                "contain a non-empty paths list.",
                what);
        return GRPC_INVALID_ARGUMENT;
    }
    for (size_t i = 0; i < mask->n_paths; i++) {
        struct str name = head_of(mask->paths[i]);
        const ProtobufCFieldDescriptor *f = field_of(to->descriptor, name);

        if (!f || !is_one_of(mutable_fields, name)) {
            err_set(err, RC_INVALID,
                    f ? "Invalid update_mask provided in the Update%sRequest: "
                        "the '%.*s' field in the %s is not mutable."
                      : "Invalid update_mask provided in the Update%sRequest: "
                        "'%.*s' is not a known %s field.",
                    what, STR_ARG(name), what);
            return GRPC_INVALID_ARGUMENT;
        }
        set[f->id & 63] = true;
    }
    buf_init(&old, SIZE_MAX / 4);
    buf_init(&new, SIZE_MAX / 4);
    buf_init(&merged, SIZE_MAX / 4);
    pack(to, &old);
    pack(from, &new);
    copy_fields(&merged, buf_as_str(&old), set, false);
    copy_fields(&merged, buf_as_str(&new), set, true);
    ok = replace(to, buf_as_str(&merged));
    buf_fini(&merged);
    buf_fini(&new);
    buf_fini(&old);
    if (ok)
        return GRPC_OK;
    err_set(err, RC_NOMEM, "No memory for the update");
    return GRPC_RESOURCE_EXHAUSTED;
}
