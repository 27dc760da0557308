/* SPDX-License-Identifier: Apache-2.0 */
/* What the wire format can carry and JSON cannot: times and durations beyond
 * the ranges of timestamp.proto and duration.proto. */
#include <stdio.h>

#include "emulator/transcode.h"
#include "emulator/transcode_priv.h"
#include "google/protobuf/duration.pb-c.h"
#include "google/protobuf/timestamp.pb-c.h"

enum {
    NANOS_PER_S = 1000000000,
    MAX_DEPTH = 100, /* as deep as the decoder goes */
    MAX_PATH = 200
};
#define FIRST_S    (-62135596800LL) /* 0001-01-01T00:00:00Z */
#define LAST_S     253402300799LL   /* 9999-12-31T23:59:59Z */
#define DURATION_S 315576000000LL   /* 10,000 years */

static bool is_time(const Google__Protobuf__Timestamp *t)
{
    return t->seconds >= FIRST_S && t->seconds <= LAST_S && t->nanos >= 0 &&
           t->nanos < NANOS_PER_S;
}

static bool is_duration(const Google__Protobuf__Duration *d)
{
    return d->seconds >= -DURATION_S && d->seconds <= DURATION_S &&
           d->nanos > -NANOS_PER_S && d->nanos < NANOS_PER_S &&
           (d->seconds <= 0 || d->nanos >= 0) &&
           (d->seconds >= 0 || d->nanos <= 0);
}

static int refuse(const char *path, const char *type, int64_t seconds,
                  int32_t nanos, struct err *err)
{
    return err_set(err, RC_INVALID,
                   "Invalid value at '%s' (type.googleapis.com/google.protobuf."
                   "%s), seconds %lld with nanos %d is out of range",
                   path, type, (long long)seconds, (int)nanos);
}

static int check_fields(const ProtobufCMessage *m, const char *path,
                        unsigned depth, struct err *err);

static int check_one(const ProtobufCMessage *m, const char *path,
                     unsigned depth, struct err *err)
{
    const Google__Protobuf__Timestamp *t = (const void *)m;
    const Google__Protobuf__Duration *d = (const void *)m;

    switch (transcode_known(m->descriptor)) {
    case KNOWN_TIMESTAMP:
        return is_time(t)
                   ? RC_OK
                   : refuse(path, "Timestamp", t->seconds, t->nanos, err);
    case KNOWN_DURATION:
        return is_duration(d)
                   ? RC_OK
                   : refuse(path, "Duration", d->seconds, d->nanos, err);
    default:
        return check_fields(m, path, depth + 1, err);
    }
}

/* The messages in a field: `*list` has so many. */
static size_t messages_of(const ProtobufCMessage *m,
                          const ProtobufCFieldDescriptor *f,
                          ProtobufCMessage *const **list)
{
    *list = FIELD_AT_CONST(ProtobufCMessage *, m, f->offset);
    if (f->label == PROTOBUF_C_LABEL_REPEATED) {
        *list = *FIELD_AT_CONST(ProtobufCMessage *const *, m, f->offset);
        return *FIELD_AT_CONST(size_t, m, f->quantifier_offset);
    }
    if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
        *FIELD_AT_CONST(uint32_t, m, f->quantifier_offset) != f->id)
        return 0;
    return **list ? 1 : 0;
}

static int check_fields(const ProtobufCMessage *m, const char *path,
                        unsigned depth, struct err *err)
{
    const ProtobufCMessageDescriptor *type = m->descriptor;
    int rc = RC_OK;

    for (unsigned i = 0; i < type->n_fields && depth < MAX_DEPTH; i++) {
        const ProtobufCFieldDescriptor *f = &type->fields[i];
        ProtobufCMessage *const *list;
        char inner[MAX_PATH];
        size_t n;

        if (f->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        n = messages_of(m, f, &list);
        if (n)
            snprintf(inner, sizeof(inner), "%s%s%s", path, *path ? "." : "",
                     f->name);
        for (size_t k = 0; k < n && rc == RC_OK; k++)
            rc = check_one(list[k], inner, depth, err);
        if (rc)
            return rc;
    }
    return RC_OK;
}

int transcode_check_ranges(const ProtobufCMessage *message, struct err *err)
{
    return check_fields(message, "", 0, err);
}
