/* SPDX-License-Identifier: Apache-2.0 */
/* The whole state in one file: named parts, each with its length and
 * checksum. Pure but for the two functions on files; threads: any. */
#ifndef EMULATOR_ARCHIVE_H
#define EMULATOR_ARCHIVE_H

#include "common/rc.h"
#include "common/str.h"

struct buf;

void archive_begin(struct buf *out);
void archive_add(struct buf *out, const char *name, struct str bytes);

/* Is it one, and whole? RC_MALFORMED says what is wrong. */
RC_MUST_USE int archive_check(struct str bytes, struct err *err);
bool archive_is(struct str bytes);
/* The part of that name in a checked archive; p == NULL if there is none. */
struct str archive_part(struct str bytes, const char *name);

/* Atomic: the file is the old or the new one, never half of it. */
RC_MUST_USE int archive_write(const char *path, struct str bytes,
                              struct err *err);
RC_MUST_USE int archive_read(const char *path, struct buf *out,
                             struct err *err);

/* A plain relative path without "..", and none of the services' own files: fit
 * to be joined to the state folder. */
bool archive_name_ok(struct str path);

#endif
