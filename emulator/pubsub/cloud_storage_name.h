/* SPDX-License-Identifier: Apache-2.0 */
/* Names of what Cloud Storage subscriptions write (cloud.google.com/pubsub/
 * docs/create-cloudstorage-subscription#file_names): prefix, time, "_", a
 * random id, suffix. Each must also be a path below the bucket's folder.
 * Pure; threads: any. */
#ifndef EMULATOR_PUBSUB_CLOUD_STORAGE_NAME_H
#define EMULATOR_PUBSUB_CLOUD_STORAGE_NAME_H

#include <stdint.h>

#include "common/buf.h"
#include "common/rc.h"
#include "common/str.h"

#define CLOUD_STORAGE_FORMAT "YYYY-MM-DDThh:mm:ss+00:00"

/* A bucket's name, which is a folder's too. RC_INVALID and why not. */
RC_MUST_USE int cloud_storage_check_bucket(struct str bucket, struct err *err);
/* "YYYY-MM-DD/hh_mm_ssZ": each part once. RC_INVALID and why not. */
RC_MUST_USE int cloud_storage_check_format(struct str format, struct err *err);
/* Is every name of these a path that stays in the bucket? RC_INVALID. */
RC_MUST_USE int cloud_storage_check_names(struct str prefix, struct str format,
                                          struct str suffix, struct err *err);
/* Appends the object's name; an empty format is the default's. */
void cloud_storage_put_name(struct buf *out, struct str prefix,
                            struct str format, struct str suffix,
                            int64_t time_us, struct str id);

#endif
