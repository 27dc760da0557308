/* SPDX-License-Identifier: Apache-2.0 */
/* Where a check of a message in JSON against its schema stands. */
#ifndef EMULATOR_PUBSUB_JSON_READER_H
#define EMULATOR_PUBSUB_JSON_READER_H

#include "common/json.h"
#include "common/rc.h"

struct json_reader {
    struct json_scan scan;
    unsigned depth;
    struct err *err;
};

/* False, for its caller to return; `name` is cut to 200 bytes. */
static inline bool json_reader_fail(struct json_reader *r, const char *what,
                                    struct str name)
{
    err_set(r->err, RC_INVALID, "%s: %.*s", what,
            name.len > 200 ? 200 : (int)name.len, name.p);
    return false;
}

#endif
