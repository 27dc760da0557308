/* SPDX-License-Identifier: Apache-2.0 */
/* What a refused message looks like on the dead-letter topic (contract 4.4):
 * its data and ordering key unchanged, its own attributes as far as they fit,
 * and the reason. Pure; threads: any. */
#ifndef INGEST_DEAD_LETTER_H
#define INGEST_DEAD_LETTER_H

#include "pubsub/publisher.h"

enum {
    DEAD_LETTER_ATTRIBUTES = 100 /* Pub/Sub's limit */
};
#define DEAD_LETTER_DETAIL_MAX 1000

struct dead_letter {
    struct publish publish; /* filled, but for `done` */
    struct message_attribute attributes[DEAD_LETTER_ATTRIBUTES];
    size_t dropped; /* attributes of the source that were left out */
    char error[16];
    char field[260];
    char detail[DEAD_LETTER_DETAIL_MAX + 1];
    char dropped_text[24];
};

/* Borrows `message` and points into it. `error` is one of the contract's
 * words. */
void dead_letter_init(struct dead_letter *letter, const struct message *message,
                      const char *error, const char *field, const char *detail);
/* The service refused it as it is: leaves out all but the reason. False if it
 * is so already. */
bool dead_letter_reduce(struct dead_letter *letter);

#endif
