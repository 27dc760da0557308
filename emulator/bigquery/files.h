/* SPDX-License-Identifier: Apache-2.0 */
/* "gs://bucket/name" as files of this machine: below DATOS_EMULATOR_FILES, or
 * the state folder's "files". Threads: any. */
#ifndef EMULATOR_BIGQUERY_FILES_H
#define EMULATOR_BIGQUERY_FILES_H

#include "emulator/bigquery/reason.h"

struct buf;

/* The path of a URI, a star in it left as it is. Owned; NULL with `f`. */
char *files_path(const char *state_dir, const char *uri, struct fail *f);
/* Appends what lies there (a star: all files that fit, in order). */
RC_MUST_USE int files_read(const char *state_dir, const char *uri,
                           struct buf *out, struct fail *f);
/* Writes a file and the folders above it; a star becomes the number 0. */
RC_MUST_USE int files_write(const char *state_dir, const char *uri,
                            const struct buf *bytes, struct fail *f);

#endif
