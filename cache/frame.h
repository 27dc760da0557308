/* SPDX-License-Identifier: Apache-2.0 */
/* The form of a message of the channel: `EPOCH:COUNTER:KIND...`. Pure;
 * threads: any. */
#ifndef CACHE_FRAME_H
#define CACHE_FRAME_H

#include <stdbool.h>

#include "cache/channel.h"

enum frame_kind {
    FRAME_PAYLOAD,
    FRAME_GAP,
    FRAME_BEAT
};
enum {
    FRAME_EPOCH = 16
};

/* False for anything else. `payload` points into `text`. */
bool frame_parse(struct str text, struct generation *gen, enum frame_kind *kind,
                 struct str *payload);
/* Up to 16 hex digits. */
bool frame_parse_epoch(struct str text, uint64_t *out);
/* 16 digits and a NUL. */
void frame_put_epoch(char *out, uint64_t epoch);

#endif
