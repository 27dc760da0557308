/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of transcode share: fields by name, well-known types. */
#ifndef EMULATOR_TRANSCODE_PRIV_H
#define EMULATOR_TRANSCODE_PRIV_H

#include "emulator/transcode.h"

/* Types with a JSON form of their own. */
enum known_type {
    KNOWN_NONE,
    KNOWN_TIMESTAMP,
    KNOWN_DURATION,
    KNOWN_FIELD_MASK,
    KNOWN_STRUCT,
    KNOWN_VALUE,
    KNOWN_LIST
};
enum known_type transcode_known(const ProtobufCMessageDescriptor *type);
/* TIMESTAMP, DURATION, FIELD_MASK out of and into their text. False: not the
 * form, or (FIELD_MASK) no memory. */
bool transcode_known_read(ProtobufCMessage *m, struct str text);
void transcode_known_write(const ProtobufCMessage *m, struct buf *out);

#define FIELD_AT(type, message, offset)                                        \
    ((type *)(void *)((char *)(message) + (offset)))
#define FIELD_AT_CONST(type, message, offset)                                  \
    ((type const *)(const void *)((const char *)(message) + (offset)))

/* By its name in snake case or lowerCamelCase; NULL if there is none. */
const ProtobufCFieldDescriptor *
transcode_field(const ProtobufCMessageDescriptor *type, struct str name);
size_t transcode_size(const ProtobufCFieldDescriptor *f); /* of one element */
/* A map in .proto is a repeated message of key and value here. */
bool transcode_is_map(const ProtobufCFieldDescriptor *f);
/* Does the message hold this field, so that JSON shows it? */
bool transcode_has(const ProtobufCMessage *m,
                   const ProtobufCFieldDescriptor *f);
/* Frees one element's content (not what is a default). */
void transcode_drop(const ProtobufCFieldDescriptor *f, void *slot);
ProtobufCMessage *transcode_new(const ProtobufCMessageDescriptor *type);
/* NUL-ended copy; NULL when memory is gone. */
char *transcode_copy(struct str s);
/* One more element, zeroed, at the end of a repeated field whose array has
 * room for `*cap`; NULL when memory is gone. */
void *transcode_grow(ProtobufCMessage *m, const ProtobufCFieldDescriptor *f,
                     size_t *cap);

/* One scalar from its text (JSON string's value or a number as written). False:
 * not a value of the field's type, or no memory (`*no_memory`). */
bool transcode_scalar(const ProtobufCFieldDescriptor *f, struct str text,
                      bool quoted, void *slot, bool *no_memory);
/* TYPE_INT32 and so on, as Google's messages name it. */
const char *transcode_type_name(const ProtobufCFieldDescriptor *f);

#endif
