/* SPDX-License-Identifier: Apache-2.0 */
/* What the metadata server tells about where this process runs: for start-up,
 * before any loop of the role runs. */
#ifndef NET_METADATA_H
#define NET_METADATA_H

#include <stdint.h>

#include "common/rc.h"

/* The text at /computeMetadata/v1/PATH ("project/project-id",
 * "instance/region"); of a path with slashes (projects/1/regions/r) the last
 * part. Waits at most `timeout_us`. Caller owns. RC_UNAVAILABLE and kin: there
 * is none, or it does not know. */
RC_MUST_USE int metadata_read(const char *path, int64_t timeout_us, char **out,
                              struct err *err);
/* http://HOST of the metadata server (GCE_METADATA_HOST); caller owns.
 * RC_INVALID. */
RC_MUST_USE int metadata_base(char **out, struct err *err);

#endif
