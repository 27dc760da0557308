/* SPDX-License-Identifier: Apache-2.0 */
/* Google's HTTP rules (google.api.http), one line each: a method, a path
 * template with {variables}, and which field the body fills ("body=*": all of
 * them), against a request's method and path. In a template a star is one
 * segment, two stars are any number. Pure; threads: any. */
#ifndef EMULATOR_REST_H
#define EMULATOR_REST_H

#include <protobuf-c/protobuf-c.h>

#include "common/rc.h"
#include "common/str.h"

struct partial;

enum {
    REST_MAX_VARS = 4
};

/* What a rule binds in a path. */
struct rest_match {
    struct str body; /* "*", a field's name, or p == NULL: no body */
    size_t n_vars;
    struct {
        struct str field; /* "topic.name" */
        struct str value; /* as in the path, not decoded */
    } vars[REST_MAX_VARS];
};

/* Does the rule fit? With `any_method` the path alone counts (405). */
bool rest_matches(const char *rule, struct str method, bool any_method,
                  struct str path, struct rest_match *out);

/* The form of the answer, by Google's own parameters: prettyPrint, fields, and
 * alt=json with enum-encoding=int. */
struct rest_form {
    bool compact, enum_numbers;
    struct partial *fields; /* NULL: all; owned, partial_free */
};

/* The request's message from what the rule bound, body and query; of Google's
 * own parameters the answer's form (`output` is its type) and those that say
 * nothing here (key, quotaUser ...). RC_INVALID with Google's sentence. */
RC_MUST_USE int rest_read(const ProtobufCMessageDescriptor *type,
                          const ProtobufCMessageDescriptor *output,
                          const struct rest_match *match, struct str query,
                          struct str body, ProtobufCMessage **out,
                          struct rest_form *form, struct err *err);

#endif
