/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/letter.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/mem.h"

#define COUNT_KEY "datos-redrive-count"

static const struct str words[] = {
    {"malformed", 9}, {"schema", 6},   {"conflict", 8},
    {"too_large", 9}, {"rejected", 8}, {"delivery", 8},
};

bool letter_is_reason(struct str word)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (str_eq(word, words[i]))
            return true;
    }
    return false;
}

/* Put there by ingest, by Pub/Sub's own dead-lettering, or reserved. */
static bool is_of_the_way(struct str key)
{
    return str_starts(key, STR("datos-error")) ||
           str_eq(key, STR("datos-source-message-id")) ||
           str_eq(key, STR("datos-attributes-dropped")) ||
           str_eq(key, STR(COUNT_KEY)) ||
           str_starts(key, STR("CloudPubSubDeadLetter")) ||
           str_starts(key, STR("goog"));
}

static void read_way(struct letter *l, const struct message_attribute *a,
                     uint64_t *count)
{
    if (str_eq(a->key, STR("datos-error")))
        l->reason = a->value;
    else if (str_eq(a->key, STR("datos-error-field")))
        l->field = a->value;
    else if (str_eq(a->key, STR("datos-error-detail")))
        l->detail = a->value;
    else if (str_eq(a->key, STR("datos-source-message-id")))
        l->source_id = a->value;
    else if (str_eq(a->key, STR(COUNT_KEY)) && !str_to_u64(a->value, count))
        *count = 0;
}

struct letter *letter_new(struct message *message, void *owner)
{
    struct letter *l = MEM_NEW(struct letter);
    struct publish *p = &l->publish;
    uint64_t count = 0;

    l->message = message;
    l->owner = owner;
    l->reason = STR("delivery");
    l->field = l->detail = l->source_id = STR("");
    p->data = message->data;
    p->ordering_key = message->ordering_key;
    p->attributes = l->attributes;
    for (size_t i = 0; i < message->n_attributes; i++) {
        const struct message_attribute *a = &message->attributes[i];
        if (is_of_the_way(a->key))
            read_way(l, a, &count);
        else if (p->n_attributes < LETTER_ATTRIBUTES - 1)
            l->attributes[p->n_attributes++] = *a;
    }
    snprintf(l->count, sizeof(l->count), "%" PRIu64, count + 1);
    l->attributes[p->n_attributes++] =
        (struct message_attribute){STR(COUNT_KEY), str_from(l->count)};
    return l;
}

void letter_free(struct letter *l)
{
    mem_free(l);
}

/* --- ids ---------------------------------------------------------------------
 */

static uint64_t *place_of(const struct letter_set *set, uint64_t hash)
{
    size_t at = (size_t)hash & (set->size - 1);

    while (set->hashes[at] && set->hashes[at] != hash)
        at = (at + 1) & (set->size - 1);
    return &set->hashes[at];
}

static uint64_t hash_of(struct str id)
{
    return str_hash(id) | 1;
}

void letter_set_add(struct letter_set *set, struct str id)
{
    if (set->n * 2 >= set->size) {
        struct letter_set more = {.size = set->size ? set->size * 2 : 64};
        more.hashes = MEM_ARRAY(uint64_t, more.size);
        for (size_t i = 0; i < set->size; i++) {
            if (set->hashes[i])
                *place_of(&more, set->hashes[i]) = set->hashes[i];
        }
        mem_free(set->hashes);
        set->hashes = more.hashes;
        set->size = more.size;
    }
    *place_of(set, hash_of(id)) = hash_of(id);
    set->n++;
}

bool letter_set_has(const struct letter_set *set, struct str id)
{
    return set->size && id.len && *place_of(set, hash_of(id)) != 0;
}

void letter_set_fini(struct letter_set *set)
{
    mem_free(set->hashes);
    *set = (struct letter_set){.n = 0};
}
