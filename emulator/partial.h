/* SPDX-License-Identifier: Apache-2.0 */
/* Google's partial responses: which fields of an answer `fields=` asks for,
 * "a,b/c,d(e,f/g),*" with "." for "/" too. Pure; threads: any. */
#ifndef EMULATOR_PARTIAL_H
#define EMULATOR_PARTIAL_H

#include <protobuf-c/protobuf-c.h>

#include "common/rc.h"
#include "common/str.h"

struct partial;

/* Returns owned. RC_INVALID: `err` says what is wrong with the text. */
RC_MUST_USE int partial_parse(struct str text, struct partial **out,
                              struct err *err);
void partial_free(struct partial *p);
/* Does each path name a field of the message? RC_INVALID with production's
 * sentence. */
RC_MUST_USE int partial_check(const struct partial *p,
                              const ProtobufCMessageDescriptor *type,
                              struct err *err);

/* Is the field (its name in JSON) asked for, and what of it? `*inner` becomes
 * NULL if that is all. NULL asks for all. */
bool partial_has(const struct partial *p, struct str name,
                 const struct partial **inner);

#endif
