/* modules: src/pubsub src/net src/common */
/* SPDX-License-Identifier: Apache-2.0 */
/* The answers of Pub/Sub: whatever comes, messages point into the body. */
#include <stdlib.h>

#include "common/mem.h"
#include "net/google_error.h"
#include "pubsub/publish_body.h"
#include "pubsub/pull_response.h"

static void inside(const struct pull_batch *b, struct str s, size_t size)
{
    if (s.len && (s.p < b->body || s.p + s.len > b->body + size))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_of((const char *)data, size);
    struct publish first = {0};
    struct pull_batch *b;
    struct err err;
    char sentence[100];

    google_error_text(text, sentence, sizeof(sentence));
    if (publish_read_ids(text, &first) == RC_OK && !memchr(first.id, 0, 40))
        abort();
    if (pull_response_parse(mem_dup(data, size), size, &b, &err))
        return 0;
    for (size_t i = 0; i < b->n; i++) {
        const struct message *m = &b->messages[i].message;
        inside(b, m->data, size);
        inside(b, m->id, size);
        inside(b, m->ordering_key, size);
        inside(b, b->messages[i].ack_id, size);
        for (size_t j = 0; j < m->n_attributes; j++) {
            inside(b, m->attributes[j].key, size);
            inside(b, m->attributes[j].value, size);
        }
    }
    pull_batch_free(b);
    return 0;
}
