/* SPDX-License-Identifier: Apache-2.0 */
/* A message as it stands in a Cloud Storage object (cloud.google.com/pubsub/
 * docs/create-cloudstorage-subscription, "File format"). Pure; threads: any. */
#ifndef EMULATOR_PUBSUB_CLOUD_STORAGE_FORMAT_H
#define EMULATOR_PUBSUB_CLOUD_STORAGE_FORMAT_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/rc.h"
#include "common/str.h"
#include "emulator/pubsub/export_row.h"

struct avro;

/* How Avro objects are made. */
struct cloud_format {
    bool metadata;
    const char *subscription; /* full name */
    const struct avro *avro;  /* the topic's schema; NULL: data as bytes */
    bool data_is_json;        /* with a schema: else it is binary already */
};

/* May metadata stand beside the fields of this schema? RC_INVALID: no. */
RC_MUST_USE int cloud_format_check(const struct avro *avro, struct err *err);
/* Appends the file's schema; `topic_schema` is the text of `avro`. */
void cloud_format_put_schema(struct buf *out, bool metadata,
                             struct str topic_schema);
/* Appends the message. RC_INVALID: it does not fit the schema; part of it may
 * be there. */
RC_MUST_USE int cloud_format_put(struct buf *out,
                                 const struct export_message *m,
                                 const struct cloud_format *how,
                                 struct err *err);

#endif
