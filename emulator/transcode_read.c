/* SPDX-License-Identifier: Apache-2.0 */
/* JSON to messages, and single fields from the text of URLs. */
#include <stdio.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "emulator/transcode_priv.h"
#include "google/protobuf/struct.pb-c.h"

/* Where we are, for messages: a chain on the stack. */
struct place {
    const struct place *up;
    struct str name; /* of a field, or empty for an element */
    size_t index;
};

struct reader {
    struct json_scan scan;
    struct err *err;
    char *scratch; /* decoded strings; as long as the whole text */
};

static int read_object(struct reader *r, ProtobufCMessage *m,
                       const struct place *at);
static int read_value(struct reader *r, const struct json_token *t,
                      const ProtobufCFieldDescriptor *f, void *slot,
                      const struct place *at);

/* --- errors --------------------------------------------------------------- */

static void put_place(struct buf *out, const struct place *at)
{
    if (!at)
        return;
    put_place(out, at->up);
    if (at->name.p) {
        if (out->len)
            buf_putc(out, '.');
        buf_str(out, at->name);
    } else {
        buf_printf(out, "[%zu]", at->index);
    }
}

/* `Invalid JSON payload received. Unknown name "x" at 'a.b': WHY` */
static int bad_name(struct reader *r, struct str name, const struct place *at,
                    const char *why)
{
    struct buf path;

    buf_init(&path, 256);
    put_place(&path, at);
    err_set(r->err, RC_INVALID,
            "Invalid JSON payload received. Unknown name \"%.*s\"%s%s%s: %s",
            (int)(name.len > 100 ? 100 : name.len), name.p,
            path.len ? " at '" : "", path.len ? path.data : "",
            path.len ? "'" : "", why);
    buf_fini(&path);
    return RC_INVALID;
}

static int bad_value(struct reader *r, const ProtobufCFieldDescriptor *f,
                     const struct json_token *t, const struct place *at)
{
    const ProtobufCMessageDescriptor *type = f->descriptor;
    bool typed =
        f->type == PROTOBUF_C_TYPE_MESSAGE || f->type == PROTOBUF_C_TYPE_ENUM;
    const char *quote = t->kind == JSON_T_STRING ? "\"" : "";
    struct str text = json_cut_utf8(t->text, 80);
    struct buf path;

    buf_init(&path, 256);
    put_place(&path, at);
    if (f->type == PROTOBUF_C_TYPE_BYTES && t->kind == JSON_T_STRING)
        err_set(r->err, RC_INVALID,
                "Invalid value at '%s' (TYPE_BYTES), Base64 decoding failed "
                "for \"%.*s\"",
                path.data, STR_ARG(text));
    else
        err_set(r->err, RC_INVALID, "Invalid value at '%s' (%s%s), %s%.*s%s",
                path.len ? path.data : "", typed ? "type.googleapis.com/" : "",
                typed ? type->name : transcode_type_name(f), quote,
                STR_ARG(text), quote);
    buf_fini(&path);
    return RC_INVALID;
}

static int bad_json(struct reader *r)
{
    size_t at = (size_t)(r->scan.p - r->scan.start);

    if (r->scan.no_memory)
        return err_set(r->err, RC_NOMEM, "out of memory");
    return err_set(r->err, RC_INVALID,
                   "Invalid JSON payload received. %s at byte %zu.",
                   r->scan.error ? r->scan.error : "Unexpected token", at);
}

/* --- values --------------------------------------------------------------- */

static struct str text_of(struct reader *r, const struct json_token *t)
{
    if (!t->escaped)
        return t->text;
    return str_of(r->scratch, json_decode(r->scratch, t->text));
}

static int skip_null(struct reader *r, const struct json_token *t)
{
    (void)r;
    return t->kind == JSON_T_NULL;
}

/* One element of a repeated field from the token that begins it. */
static int read_element(struct reader *r, ProtobufCMessage *m,
                        const ProtobufCFieldDescriptor *f,
                        const struct json_token *t, size_t *cap,
                        const struct place *at)
{
    size_t *n = FIELD_AT(size_t, m, f->quantifier_offset);
    struct place here = {at, STR_NULL, *n};
    void *slot;
    int rc;

    if (skip_null(r, t) &&
        f->descriptor != (const void *)&google__protobuf__value__descriptor)
        return bad_value(r, f, t, &here);
    slot = transcode_grow(m, f, cap);
    if (!slot)
        return err_set(r->err, RC_NOMEM, "out of memory");
    rc = read_value(r, t, f, slot, &here);
    if (rc)
        (*n)--; /* it holds nothing */
    return rc;
}

static int read_list(struct reader *r, ProtobufCMessage *m,
                     const ProtobufCFieldDescriptor *f, const struct place *at)
{
    size_t cap = *FIELD_AT(size_t, m, f->quantifier_offset);
    struct json_token t;

    for (;;) {
        int rc;

        switch (json_scan_next(&r->scan, &t)) {
        case JSON_T_ERROR:
            return bad_json(r);
        case JSON_T_ARRAY_END:
            return RC_OK;
        default:
            rc = read_element(r, m, f, &t, &cap, at);
            if (rc)
                return rc;
        }
    }
}

/* Key and value of one entry into a new entry message. */
static int read_entry(struct reader *r, ProtobufCMessage *entry,
                      const struct json_token *key, const struct place *at)
{
    const ProtobufCFieldDescriptor *k = &entry->descriptor->fields[0];
    const ProtobufCFieldDescriptor *v = &entry->descriptor->fields[1];
    struct str name = text_of(r, key);
    struct place here = {at, key->text, 0};
    struct json_token t;
    bool no_memory;

    if (!transcode_scalar(k, name, true, FIELD_AT(char, entry, k->offset),
                          &no_memory))
        return no_memory ? err_set(r->err, RC_NOMEM, "out of memory")
                         : bad_value(r, k, key, &here);
    if (json_scan_next(&r->scan, &t) == JSON_T_ERROR)
        return bad_json(r);
    if (skip_null(r, &t) &&
        v->descriptor != (const void *)&google__protobuf__value__descriptor)
        return bad_value(r, v, &t, &here);
    return read_value(r, &t, v, FIELD_AT(char, entry, v->offset), &here);
}

static int read_map(struct reader *r, ProtobufCMessage *m,
                    const ProtobufCFieldDescriptor *f, const struct place *at)
{
    size_t *n = FIELD_AT(size_t, m, f->quantifier_offset);
    size_t cap = *n;
    struct json_token t;

    for (;;) {
        ProtobufCMessage **slot;
        int rc;

        switch (json_scan_next(&r->scan, &t)) {
        case JSON_T_ERROR:
            return bad_json(r);
        case JSON_T_OBJECT_END:
            return RC_OK;
        default:
            break;
        }
        slot = transcode_grow(m, f, &cap);
        if (slot && !(*slot = transcode_new(f->descriptor)))
            (*n)--, slot = NULL;
        if (!slot)
            return err_set(r->err, RC_NOMEM, "out of memory");
        rc = read_entry(r, *slot, &t, at);
        if (rc)
            return rc;
    }
}

static int read_json_value(struct reader *r, Google__Protobuf__Value *v,
                           const struct json_token *t, const struct place *at)
{
    const ProtobufCMessageDescriptor *d = v->base.descriptor;
    const char *name;
    const ProtobufCFieldDescriptor *f;
    int rc;

    switch (t->kind) {
    case JSON_T_NULL:
        v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NULL_VALUE;
        v->null_value = GOOGLE__PROTOBUF__NULL_VALUE__NULL_VALUE;
        return RC_OK;
    case JSON_T_NUMBER:
        name = "number_value";
        break;
    case JSON_T_STRING:
        name = "string_value";
        break;
    case JSON_T_OBJECT:
        name = "struct_value";
        break;
    case JSON_T_ARRAY:
        name = "list_value";
        break;
    default:
        name = "bool_value";
        break;
    }
    f = transcode_field(d, str_from(name));
    rc = read_value(r, t, f, FIELD_AT(char, v, f->offset), at);
    if (rc == RC_OK)
        v->kind_case = (Google__Protobuf__Value__KindCase)f->id;
    return rc;
}

/* A message from the token that begins its value. */
static int read_message(struct reader *r, const struct json_token *t,
                        const ProtobufCFieldDescriptor *f, ProtobufCMessage *m,
                        const struct place *at)
{
    switch (transcode_known(m->descriptor)) {
    case KNOWN_TIMESTAMP:
    case KNOWN_DURATION:
    case KNOWN_FIELD_MASK:
        if (t->kind != JSON_T_STRING || !transcode_known_read(m, text_of(r, t)))
            return bad_value(r, f, t, at);
        return RC_OK;
    case KNOWN_VALUE:
        return read_json_value(r, (Google__Protobuf__Value *)m, t, at);
    case KNOWN_STRUCT:
        if (t->kind != JSON_T_OBJECT)
            return bad_value(r, f, t, at);
        return read_map(r, m, &m->descriptor->fields[0], at);
    case KNOWN_LIST:
        if (t->kind != JSON_T_ARRAY)
            return bad_value(r, f, t, at);
        return read_list(r, m, &m->descriptor->fields[0], at);
    case KNOWN_NONE:
        break;
    }
    if (t->kind != JSON_T_OBJECT)
        return bad_value(r, f, t, at);
    return read_object(r, m, at);
}

static int read_value(struct reader *r, const struct json_token *t,
                      const ProtobufCFieldDescriptor *f, void *slot,
                      const struct place *at)
{
    ProtobufCMessage **sub = slot;
    bool no_memory;
    bool plain = t->kind == JSON_T_STRING || t->kind == JSON_T_NUMBER;
    struct str text = t->text;

    if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
        bool fresh = *sub == NULL;
        int rc;

        if (fresh && !(*sub = transcode_new(f->descriptor)))
            return err_set(r->err, RC_NOMEM, "out of memory");
        rc = read_message(r, t, f, *sub, at);
        if (rc && fresh)
            transcode_drop(f, slot);
        return rc;
    }
    if (t->kind == JSON_T_OBJECT || t->kind == JSON_T_ARRAY)
        /* `at` is NULL at the root only, and the root is a message */
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
        return bad_name(r, at->name, at->up,
                        t->kind == JSON_T_ARRAY
                            ? "Proto field is not repeating, cannot start list."
                            : "Proto field is not a message, cannot start "
                              "object.");
    if (t->kind == JSON_T_TRUE || t->kind == JSON_T_FALSE) {
        plain = f->type == PROTOBUF_C_TYPE_BOOL;
        text = t->kind == JSON_T_TRUE ? STR("true") : STR("false");
    } else if (t->kind == JSON_T_STRING) {
        text = text_of(r, t);
    }
    if (plain &&
        transcode_scalar(f, text, t->kind == JSON_T_STRING, slot, &no_memory))
        return RC_OK;
    if (plain && no_memory)
        return err_set(r->err, RC_NOMEM, "out of memory");
    return bad_value(r, f, t, at);
}

/* --- fields --------------------------------------------------------------- */

/* A oneof takes one member; false if it holds another already. */
static bool oneof_is_free(ProtobufCMessage *m,
                          const ProtobufCFieldDescriptor *f)
{
    uint32_t *which = FIELD_AT(uint32_t, m, f->quantifier_offset);

    if (*which != 0 && *which != f->id)
        return false;
    if (*which == 0) {
        /* the union's bytes are another member's: make them this one's */
        memset(FIELD_AT(char, m, f->offset), 0, transcode_size(f));
        if (f->type == PROTOBUF_C_TYPE_STRING)
            *FIELD_AT(char *, m, f->offset) =
                (char *)(uintptr_t)protobuf_c_empty_string;
    }
    return true;
}

static void mark_present(ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        *FIELD_AT(uint32_t, m, f->quantifier_offset) = f->id;
}

static int read_single(struct reader *r, ProtobufCMessage *m,
                       const ProtobufCFieldDescriptor *f,
                       const struct json_token *t, const struct place *at)
{
    void *slot = FIELD_AT(char, m, f->offset);
    int rc;

    if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) && !oneof_is_free(m, f))
        return bad_name(r, at->name, at->up,
                        "another field of its oneof is already set.");
    if (f->type != PROTOBUF_C_TYPE_MESSAGE)
        transcode_drop(f, slot); /* given twice, in both spellings */
    rc = read_value(r, t, f, slot, at);
    if (rc == RC_OK)
        mark_present(m, f);
    return rc;
}

static int read_field(struct reader *r, ProtobufCMessage *m,
                      const struct json_token *key, const struct place *up)
{
    struct str name = text_of(r, key);
    const ProtobufCFieldDescriptor *f = transcode_field(m->descriptor, name);
    struct place at = {up, STR_NULL, 0};
    struct json_token t;

    if (!f)
        return bad_name(r, name, up, "Cannot find field.");
    at.name = str_from(f->name);
    if (json_scan_next(&r->scan, &t) == JSON_T_ERROR)
        return bad_json(r);
    if (t.kind == JSON_T_NULL &&
        f->descriptor != (const void *)&google__protobuf__value__descriptor)
        return RC_OK;
    if (f->label != PROTOBUF_C_LABEL_REPEATED)
        return read_single(r, m, f, &t, &at);
    if (transcode_is_map(f))
        return t.kind == JSON_T_OBJECT ? read_map(r, m, f, &at)
                                       : bad_value(r, f, &t, &at);
    if (t.kind == JSON_T_ARRAY)
        return read_list(r, m, f, &at);
    return bad_value(r, f, &t, &at);
}

static int read_object(struct reader *r, ProtobufCMessage *m,
                       const struct place *at)
{
    struct json_token t;

    for (;;) {
        int rc;

        switch (json_scan_next(&r->scan, &t)) {
        case JSON_T_ERROR:
            return bad_json(r);
        case JSON_T_OBJECT_END:
            return RC_OK;
        default:
            rc = read_field(r, m, &t, at);
            if (rc)
                return rc;
        }
    }
}

static bool is_blank(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!strchr(" \t\r\n", s.p[i]) || !s.p[i])
            return false;
    return true;
}

int transcode_merge(ProtobufCMessage *message, struct str json, struct err *err)
{
    struct reader r = {.err = err};
    ProtobufCFieldDescriptor self = {.name = message->descriptor->short_name,
                                     .type = PROTOBUF_C_TYPE_MESSAGE,
                                     .descriptor = message->descriptor};
    struct json_token t;
    int rc;

    if (is_blank(json))
        return RC_OK;
    r.scratch = mem_try_alloc(json.len);
    if (!r.scratch)
        return err_set(err, RC_NOMEM, "out of memory");
    json_scan_init(&r.scan, json);
    if (json_scan_next(&r.scan, &t) == JSON_T_ERROR)
        rc = bad_json(&r);
    else
        rc = read_message(&r, &t, &self, message, NULL);
    if (rc == RC_OK && json_scan_next(&r.scan, &t) != JSON_T_DONE)
        rc = bad_json(&r);
    json_scan_fini(&r.scan);
    mem_free(r.scratch);
    return rc;
}

int transcode_read(const ProtobufCMessageDescriptor *type, struct str json,
                   ProtobufCMessage **out, struct err *err)
{
    ProtobufCMessage *m = transcode_new(type);
    int rc;

    if (!m)
        return err_set(err, RC_NOMEM, "out of memory");
    rc = transcode_merge(m, json, err);
    if (rc)
        protobuf_c_message_free_unpacked(m, NULL);
    else
        *out = m;
    return rc;
}

/* --- single fields -------------------------------------------------------- */

ProtobufCMessage *transcode_sub(ProtobufCMessage *message, struct str name)
{
    const ProtobufCFieldDescriptor *f =
        transcode_field(message->descriptor, name);
    ProtobufCMessage **slot;

    if (!f || f->type != PROTOBUF_C_TYPE_MESSAGE ||
        f->label == PROTOBUF_C_LABEL_REPEATED)
        return NULL;
    if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) && !oneof_is_free(message, f))
        return NULL;
    slot = FIELD_AT(ProtobufCMessage *, message, f->offset);
    if (!*slot) {
        *slot = transcode_new(f->descriptor);
        if (*slot)
            mark_present(message, f);
    }
    return *slot;
}

static int unknown(struct str path, struct err *err)
{
    return err_set(err, RC_NOT_FOUND,
                   "Invalid JSON payload received. Unknown name \"%.*s\": "
                   "Cannot bind query parameter. Field '%.*s' could not be "
                   "found in request message.",
                   (int)(path.len > 80 ? 80 : path.len), path.p,
                   (int)(path.len > 80 ? 80 : path.len), path.p);
}

static int set_value(const ProtobufCFieldDescriptor *f, void *slot,
                     struct str text, struct err *err)
{
    ProtobufCMessage **sub = slot;
    bool no_memory = false, ok;

    if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
        transcode_drop(f, slot);
        *sub = transcode_new(f->descriptor);
        no_memory = *sub == NULL;
        ok = *sub && transcode_known_read(*sub, text);
        if (!ok)
            transcode_drop(f, slot);
    } else {
        transcode_drop(f, slot);
        ok = transcode_scalar(f, text, true, slot, &no_memory);
    }
    if (ok)
        return RC_OK;
    if (no_memory)
        return err_set(err, RC_NOMEM, "out of memory");
    return err_set(err, RC_INVALID, "Invalid value at '%s' (%s), \"%.*s\"",
                   f->name, transcode_type_name(f),
                   (int)(text.len > 80 ? 80 : text.len), text.p);
}

int transcode_set(ProtobufCMessage *message, struct str path, struct str text,
                  struct err *err)
{
    ProtobufCMessage *m = message;
    struct str rest = path, name = str_cut(&rest, '.');
    const ProtobufCFieldDescriptor *f;
    void *slot;
    int rc;

    while (rest.p) {
        m = transcode_sub(m, name);
        if (!m)
            return unknown(path, err);
        name = str_cut(&rest, '.');
    }
    f = transcode_field(m->descriptor, name);
    if (!f || transcode_is_map(f))
        return unknown(path, err);
    if (f->label == PROTOBUF_C_LABEL_REPEATED) {
        size_t *n = FIELD_AT(size_t, m, f->quantifier_offset);
        size_t cap = *n;

        slot = transcode_grow(m, f, &cap);
        if (!slot)
            return err_set(err, RC_NOMEM, "out of memory");
        rc = set_value(f, slot, text, err);
        if (rc)
            (*n)--;
        return rc;
    }
    if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) && !oneof_is_free(m, f))
        return err_set(err, RC_INVALID,
                       "Invalid value at '%s': another field of its oneof is "
                       "already set.",
                       f->name);
    rc = set_value(f, FIELD_AT(char, m, f->offset), text, err);
    if (rc == RC_OK)
        mark_present(m, f);
    return rc;
}

const char *transcode_get(const ProtobufCMessage *message, const char *path)
{
    struct str rest = str_from(path), name = str_cut(&rest, '.');
    const ProtobufCMessage *m = message;
    const ProtobufCFieldDescriptor *f;
    const char *text;

    for (; rest.p && m; name = str_cut(&rest, '.')) {
        f = transcode_field(m->descriptor, name);
        if (!f || f->type != PROTOBUF_C_TYPE_MESSAGE ||
            f->label == PROTOBUF_C_LABEL_REPEATED || !transcode_has(m, f))
            return "";
        m = *FIELD_AT_CONST(ProtobufCMessage *, m, f->offset);
    }
    f = m ? transcode_field(m->descriptor, name) : NULL;
    if (!f || f->type != PROTOBUF_C_TYPE_STRING ||
        f->label == PROTOBUF_C_LABEL_REPEATED || !transcode_has(m, f))
        return "";
    text = *FIELD_AT_CONST(char *, m, f->offset);
    return text ? text : "";
}
