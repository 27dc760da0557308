/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite file behind storage.h. Threads: one at a time. */
#ifndef EMULATOR_PUBSUB_STORAGE_FILE_H
#define EMULATOR_PUBSUB_STORAGE_FILE_H

#include "emulator/pubsub/storage.h"

struct storage_file;

/* RC_IO, RC_MALFORMED with the file's name. */
RC_MUST_USE int storage_file_open(const char *path, bool fsync,
                                  struct storage_file **out, struct err *err);
void storage_file_close(struct storage_file *f);
RC_MUST_USE int storage_file_visit(struct storage_file *f,
                                   const struct storage_visitor *v,
                                   struct err *err);

/* A transaction; after any failure it has to be rolled back. */
RC_MUST_USE int storage_file_begin(struct storage_file *f, struct err *err);
RC_MUST_USE int storage_file_step(struct storage_file *f,
                                  struct storage_step *step, struct err *err);
RC_MUST_USE int storage_file_commit(struct storage_file *f, struct err *err);
void storage_file_rollback(struct storage_file *f);
/* Gives back a segment's room of which little is used; false: there is none. A
 * commit does one, so that none waits long for it; the others are for when
 * nothing else is to be done. In no transaction. */
bool storage_file_tidy(struct storage_file *f);
/* Gives caches back. */
void storage_file_shrink(struct storage_file *f);

#endif
