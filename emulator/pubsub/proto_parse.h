/* SPDX-License-Identifier: Apache-2.0 */
/* The two halves of proto_parse: the text into types (proto_parse.c), names
 * between them into pointers, with the checks that need all of them
 * (proto_link.c). */
#ifndef EMULATOR_PUBSUB_PROTO_PARSE_H
#define EMULATOR_PUBSUB_PROTO_PARSE_H

#include "emulator/pubsub/proto_schema.h"

/* RC_INVALID: `err` has no line, types have no place any more. */
RC_MUST_USE int proto_link(struct proto_schema *s, struct err *err);

#endif
