/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a load that are too many for memory: a nameless file that grows as
 * they come and is mapped to be read. Threads: one at a time. */
#ifndef EMULATOR_BIGQUERY_UPLOAD_H
#define EMULATOR_BIGQUERY_UPLOAD_H

#include "common/str.h"
#include "emulator/bigquery/reason.h"

struct upload_body;

/* In `dir`, or where temporary files go. NULL with `f` set. */
struct upload_body *upload_body_new(const char *dir, struct fail *f);
void upload_body_free(struct upload_body *u);
/* False (and `f`) when the disk is full. */
bool upload_body_add(struct upload_body *u, struct str data, struct fail *f);
size_t upload_body_len(const struct upload_body *u);
/* All of it, mapped until free or the next add; p == NULL (and `f`) if that
 * fails. */
struct str upload_body_bytes(struct upload_body *u, struct fail *f);

#endif
