/* SPDX-License-Identifier: Apache-2.0 */
/* A log and a subscription to try the delivery core on. */
#ifndef TEST_CORE_H
#define TEST_CORE_H

#include "emulator/pubsub/subcore.h"

enum {
    S = 1000000
};

struct core {
    struct tlog log;
    struct subcore sub;
    int64_t now;
    uint64_t next_seq;
    unsigned n_gone;
};

void core_init(struct core *c);
void core_fini(struct core *c);
/* One batch; each message's data is one letter, `keys` (may be NULL) its
 * ordering key, a letter each, '.' for none. */
void core_publish(struct core *c, const char *letters, const char *keys);
/* What a taker (NULL: one unary pull) gets, letter by letter, up to `max`. */
const char *core_pull(struct core *c, struct taker *t, unsigned max);
/* The last delivery of the message with this letter. */
enum sub_ack core_ack(struct core *c, char letter);
enum sub_ack core_nack(struct core *c, char letter);
void core_advance(struct core *c, int64_t us);
unsigned core_attempt(char letter);
uint64_t core_seq(char letter);

#endif
