/* SPDX-License-Identifier: Apache-2.0 */
/* The proto3 JSON mapping for protobuf-c messages, driven by their
 * descriptors: lowerCamelCase (snake case accepted), 64-bit integers as
 * strings, enums by name, bytes in base64, and Google's well-known types
 * (Timestamp, Duration, FieldMask, Empty, Struct) in their own forms.
 * Pure; threads: any. */
#ifndef EMULATOR_TRANSCODE_H
#define EMULATOR_TRANSCODE_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "common/rc.h"
#include "common/str.h"

struct buf;
struct partial;

/* JSON to a new message (returns owned: protobuf_c_message_free_unpacked).
 * Unknown names, wrong types, bad numbers: RC_INVALID and Google's sentence
 * in `err`. RC_NOMEM. An empty text is an empty message. */
RC_MUST_USE int transcode_read(const ProtobufCMessageDescriptor *type,
                               struct str json, ProtobufCMessage **out,
                               struct err *err);
/* The same into a message that exists, over what it holds. On error it stays
 * valid, holding what was read so far. */
RC_MUST_USE int transcode_merge(ProtobufCMessage *message, struct str json,
                                struct err *err);

/* Are all times and durations in `message` in the ranges of their types, as
 * those are that JSON can give? RC_INVALID names the field. */
RC_MUST_USE int transcode_check_ranges(const ProtobufCMessage *message,
                                       struct err *err);

/* Sets one field by its path ("topic.name", "updateMask", "page_size") from
 * text, as a URL gives it; repeated fields grow. RC_NOT_FOUND: no such
 * field. */
RC_MUST_USE int transcode_set(ProtobufCMessage *message, struct str path,
                              struct str text, struct err *err);
/* The submessage in field `name`, made if absent; NULL if that is no
 * singular message field or memory is gone. */
ProtobufCMessage *transcode_sub(ProtobufCMessage *message, struct str name);
/* The string in a field by its path; NULL-safe, "" when absent. */
const char *transcode_get(const ProtobufCMessage *message, const char *path);

/* Appends the message: 2-space indented as production prints, no trailing
 * line end; zero fields left out, present submessages kept. */
void transcode_write(const ProtobufCMessage *message, struct buf *out);
/* The same on one line without blanks. */
void transcode_write_compact(const ProtobufCMessage *message, struct buf *out);
/* The same as asked for. */
struct transcode_form {
    bool compact;
    bool enum_numbers;            /* else names */
    const struct partial *fields; /* NULL: all */
};
void transcode_write_as(const ProtobufCMessage *message,
                        const struct transcode_form *form, struct buf *out);

/* As an Any is shown: with "@type" first, `depth` levels in. */
void transcode_write_typed(const ProtobufCMessage *message, unsigned depth,
                           struct buf *out);

/* Snake case to lowerCamelCase and back (field masks, names). */
void transcode_camel(struct buf *out, struct str snake);
void transcode_snake(struct buf *out, struct str camel);

#endif
