/* SPDX-License-Identifier: Apache-2.0 */
/* One object of a bucket while it is written: a nameless part beside the
 * buckets, which gets its name when it is complete, so that nobody ever sees
 * half of it. What a killed process left is removed when the next one opens its
 * first. A write that fails keeps all it has; it is called again.
 * Threads: one at a time; it blocks for as long as the disk does. */
#ifndef EMULATOR_PUBSUB_CLOUD_STORAGE_OBJECT_H
#define EMULATOR_PUBSUB_CLOUD_STORAGE_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/rc.h"
#include "common/str.h"

struct cloud_object;

struct cloud_place {
    const char *root; /* the folder of buckets; NULL: there is none */
    const char *bucket;
    bool existing_only; /* a bucket that is missing is not made */
    bool fsync;         /* complete objects survive a power cut */
};

/* Is there a bucket that can be written? It may be made. RC_NOT_FOUND: no;
 * RC_DENIED: it may not be written; RC_IO. */
RC_MUST_USE int cloud_place_check(const struct cloud_place *place,
                                  struct err *err);

/* Errors as above. `schema`: of an Avro file; p == NULL: lines of text. Borrows
 * only during the call. */
RC_MUST_USE int cloud_object_open(const struct cloud_place *place,
                                  struct str name, struct str schema,
                                  struct cloud_object **out, struct err *err);
/* One message in the file's format. */
void cloud_object_add(struct cloud_object *o, struct str message);
uint64_t cloud_object_size(const struct cloud_object *o); /* bytes so far */
/* Writes what is held back, if it is much. Errors as of opening. */
RC_MUST_USE int cloud_object_flush(struct cloud_object *o, struct err *err);
/* The object appears under its name; then `o` is freed. RC_CONFLICT: its part
 * was removed by others, nothing of it is left. Other errors as of opening, and
 * it stays as it is. */
RC_MUST_USE int cloud_object_finish(struct cloud_object *o,
                                    const struct cloud_place *place,
                                    struct err *err);
void cloud_object_drop(struct cloud_object *o); /* unseen */

#endif
