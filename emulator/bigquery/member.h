/* SPDX-License-Identifier: Apache-2.0 */
/* Members of a request's objects in either form that clients send.
 * Pure; threads: any. */
#ifndef EMULATOR_BIGQUERY_MEMBER_H
#define EMULATOR_BIGQUERY_MEMBER_H

#include <jansson.h>
#include <stdint.h>

/* NULL if absent or no text. Borrowed. */
const char *member_text(const json_t *object, const char *name);
/* A number, or one as text (64-bit numbers come so); 0 if it is neither. */
int64_t member_number(const json_t *object, const char *name);

#endif
