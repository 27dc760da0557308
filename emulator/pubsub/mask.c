/* SPDX-License-Identifier: Apache-2.0 */
/* Field masks: fields go from one message to another, by their bytes, so that
 * no field's type matters. */
#include "common/buf.h"
#include "common/mem.h"
#include "emulator/pubsub/check.h"
#include "grpc/wire.h"

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

/* Fields of `to` that are in the set become those of `from`. */
static bool merge(ProtobufCMessage *to, const ProtobufCMessage *from,
                  const bool *set)
{
    struct buf old, new, merged;
    bool ok;

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
    return ok;
}

static ProtobufCMessage *empty_of(const ProtobufCMessageDescriptor *type)
{
    return protobuf_c_message_unpack(type, NULL, 0, (const uint8_t *)"");
}

/* Of a oneof's members only the one that is set may be looked at: they lie in
 * one place. NULL: it is not set. */
static ProtobufCMessage *member(const ProtobufCMessage *m,
                                const ProtobufCFieldDescriptor *f)
{
    const char *at = (const char *)m;

    if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
        *(const uint32_t *)(const void *)(at + f->quantifier_offset) != f->id)
        return NULL;
    return *(ProtobufCMessage *const *)(const void *)(at + f->offset);
}

/* Makes it, in place of the oneof's other member. */
static ProtobufCMessage *add_member(ProtobufCMessage *m,
                                    const ProtobufCFieldDescriptor *f)
{
    const ProtobufCMessageDescriptor *type = m->descriptor;
    ProtobufCMessage *fresh = empty_of(f->descriptor);
    char *at = (char *)m;

    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        ProtobufCMessage *none = empty_of(type);
        bool others[64] = {false}, ok;

        for (unsigned i = 0; i < type->n_fields; i++)
            if ((type->fields[i].flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
                type->fields[i].quantifier_offset == f->quantifier_offset)
                others[type->fields[i].id & 63] = true;
        ok = merge(m, none, others);
        protobuf_c_message_free_unpacked(none, NULL);
        if (!ok) {
            protobuf_c_message_free_unpacked(fresh, NULL);
            return NULL;
        }
        *(uint32_t *)(void *)(at + f->quantifier_offset) = f->id;
    }
    *(ProtobufCMessage **)(void *)(at + f->offset) = fresh;
    return fresh;
}

/* One path, level by level: "retry_policy.minimum_backoff" leaves what else
 * the policy says. False: there is no such field. */
static bool merge_path(ProtobufCMessage *to, const ProtobufCMessage *from,
                       struct str path)
{
    struct str head = str_cut(&path, '.');
    const ProtobufCFieldDescriptor *f = field_of(to->descriptor, head);
    bool set[64] = {false};
    ProtobufCMessage *inner, *none = NULL;
    const ProtobufCMessage *new;
    bool ok;

    if (!f)
        return false;
    if (!path.p) {
        set[f->id & 63] = true;
        return merge(to, from, set);
    }
    if (f->type != PROTOBUF_C_TYPE_MESSAGE ||
        f->label == PROTOBUF_C_LABEL_REPEATED)
        return false;
    inner = member(to, f);
    if (!inner)
        inner = add_member(to, f);
    new = member(from, f);
    if (!new)
        new = none = empty_of(f->descriptor);
    ok = inner && merge_path(inner, new, path);
    if (none)
        protobuf_c_message_free_unpacked(none, NULL);
    return ok;
}

static bool is_mutable(struct str path, const char *const *mutable_fields)
{
    return is_one_of(mutable_fields, str_cut(&path, '.'));
}

/* Google's emulator knows no name of a topic, and misspells its advice. */
static void refuse_path(const char *path, const char *what, bool known,
                        bool strict, struct err *err)
{
    bool is_topic = strcmp(what, "Topic") == 0;

    if (strict && known)
        err_set(err, RC_INVALID,
                "Invalid update_mask provided in the Update%sRequest: the '%s' "
                "field in the %s is not mutable.",
                what, path, what);
    else if (strict)
        err_set(err, RC_INVALID,
                "Invalid update_mask provided in the Update%sRequest: '%s' is "
                "not a known %s field.",
                what, path, what);
    else if (known && !is_topic)
        err_set(err, RC_INVALID,
                "Invalid update_mask provided in the Update%sRequest: the %s "
                "field in the %s is not mutable.",
                what, path, what);
    else
        err_set(err, RC_INVALID,
                "Invalid update_mask provided in the Update%sRequest: %s is "
                "not a known %s field. Note that field paths must be of the "
                "form %s.",
                what, path, what,
                is_topic ? "'schema_settings' rather than 'schemaSetings'"
                         : "'push_config' rather than 'pushConfig'");
}

enum grpc_status check_mask(ProtobufCMessage *to, const ProtobufCMessage *from,
                            const Google__Protobuf__FieldMask *mask,
                            const char *what, const char *const *mutable_fields,
                            bool strict, struct err *err)
{
    if (!mask || mask->n_paths == 0) {
        err_set(err, RC_INVALID,
                "The update_mask in the Update%sRequest must be set, and must "
                "contain a non-empty paths list.",
                what);
        return GRPC_INVALID_ARGUMENT;
    }
    for (size_t i = 0; i < mask->n_paths; i++) {
        struct str path = str_from(mask->paths[i]), rest = path;
        bool known = field_of(to->descriptor, str_cut(&rest, '.')) != NULL;

        if (known && is_mutable(path, mutable_fields) &&
            merge_path(to, from, path))
            continue;
        known = known && !is_mutable(path, mutable_fields);
        refuse_path(mask->paths[i], what, known, strict, err);
        return GRPC_INVALID_ARGUMENT;
    }
    return GRPC_OK;
}
