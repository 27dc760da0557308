/* SPDX-License-Identifier: Apache-2.0 */
/* A dead-lettered message on its way back: why it is here, and what is
 * published of it. Pure; threads: one at a time. */
#ifndef CLI_LETTER_H
#define CLI_LETTER_H

#include "pubsub/publisher.h"

enum {
    LETTER_ATTRIBUTES = 100 /* Pub/Sub's limit */
};

struct letter {
    struct publish publish; /* filled, but for `done` */
    struct message *message;
    void *owner;
    struct letter *next;
    /* of the letter; they point into the message or to constants */
    struct str reason; /* `delivery`: Pub/Sub gave up delivering it */
    struct str field, detail, source_id;
    char count[24];
    struct message_attribute attributes[LETTER_ATTRIBUTES];
};

/* Borrows the message. The source's own attributes go back, what dead-lettering
 * added stays behind, datos-redrive-count goes up by one. */
struct letter *letter_new(struct message *message, void *owner);
void letter_free(struct letter *l);
/* One of the words that `reason` can be. */
bool letter_is_reason(struct str word);

/* Message ids. A set that only grows; zero it first. */
struct letter_set {
    uint64_t *hashes; /* 0: free */
    size_t n, size;
};
void letter_set_add(struct letter_set *set, struct str id);
bool letter_set_has(const struct letter_set *set, struct str id);
void letter_set_fini(struct letter_set *set);

#endif
