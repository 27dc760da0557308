/* SPDX-License-Identifier: Apache-2.0 */
/* Protocol buffer schemas: one .proto file's text (proto2 or proto3) with one
 * message at its top and what is nested in it, without imports, as Pub/Sub
 * takes them; and messages checked against it in both encodings. As in
 * production a field that the schema does not know is an error.
 * Pure; threads: any. A parsed schema is never changed. */
#ifndef EMULATOR_PUBSUB_PROTO_SCHEMA_H
#define EMULATOR_PUBSUB_PROTO_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/rc.h"
#include "common/str.h"

enum proto_kind {
    PROTO_DOUBLE,
    PROTO_FLOAT,
    PROTO_INT32,
    PROTO_INT64,
    PROTO_UINT32,
    PROTO_UINT64,
    PROTO_SINT32,
    PROTO_SINT64,
    PROTO_FIXED32,
    PROTO_FIXED64,
    PROTO_SFIXED32,
    PROTO_SFIXED64,
    PROTO_BOOL,
    PROTO_STRING,
    PROTO_BYTES,
    PROTO_ENUM,
    PROTO_MESSAGE,
    PROTO_NAMED /* while parsing: one of the two before */
};

enum proto_label {
    PROTO_OPTIONAL,
    PROTO_REQUIRED,
    PROTO_REPEATED
};

enum {
    PROTO_MAX_DEPTH = 64
};

struct proto_type;

struct proto_field {
    char *name, *json_name;
    uint32_t number;
    enum proto_label label;
    enum proto_kind kind;
    bool is_map;                   /* of a message with key 1, value 2 */
    unsigned oneof;                /* 0: none */
    char *type_name;               /* as written */
    const struct proto_type *type; /* PROTO_ENUM, PROTO_MESSAGE */
};

struct proto_value {
    char *name;
    int32_t number;
};

struct proto_range {
    int64_t from, to; /* both in it */
};

struct proto_type {
    char *name; /* full: "pkg.Outer.Inner" */
    bool is_enum;
    bool allow_alias; /* enum */
    unsigned n_oneofs;
    struct proto_field *fields;
    size_t n_fields, cap_fields;
    struct proto_value *values;
    size_t n_values, cap_values;
    struct proto_range *reserved;
    size_t n_reserved, cap_reserved;
    char **reserved_names;
    size_t n_reserved_names, cap_reserved_names;
    struct proto_type *next;
};

struct proto_schema {
    bool is_proto3;
    char *package;
    struct proto_type *types; /* all of them */
    const struct proto_type *root;
};

/* Returns owned. RC_INVALID: `err` says where and what. */
RC_MUST_USE int proto_parse(struct str text, struct proto_schema **out,
                            struct err *err);
void proto_free(struct proto_schema *s);

RC_MUST_USE int proto_check_json(const struct proto_schema *s,
                                 struct str message, struct err *err);
RC_MUST_USE int proto_check_binary(const struct proto_schema *s,
                                   struct str message, struct err *err);

/* May `newer` follow `older` as a revision: optional fields come and go, all
 * others stay as they are? RC_INVALID and why not. */
RC_MUST_USE int proto_check_revision(const struct proto_schema *newer,
                                     const struct proto_schema *older,
                                     struct err *err);

#endif
