/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/dead_letter.h"

#include <stdio.h>

#include "common/json.h"

enum {
    KEY_MAX = 256, /* Pub/Sub's limits of an attribute */
    VALUE_MAX = 1024,
    N_REASON = 4 /* attributes of ours, without the count of dropped ones */
};

static void add(struct dead_letter *l, struct str key, struct str value)
{
    l->attributes[l->publish.n_attributes++] =
        (struct message_attribute){key, value};
}

/* A message that comes back from the dead-letter topic tells its new reason,
 * not its old one. */
static bool is_ours(struct str key)
{
    return str_starts(key, STR("datos-error")) ||
           str_eq(key, STR("datos-source-message-id")) ||
           str_eq(key, STR("datos-attributes-dropped"));
}

/* Could Pub/Sub refuse it? Keys that begin with goog are reserved. */
static bool is_publishable(const struct message_attribute *a)
{
    return a->key.len > 0 && a->key.len <= KEY_MAX &&
           a->value.len <= VALUE_MAX && !str_starts(a->key, STR("goog"));
}

static void add_source(struct dead_letter *l, const struct message *m)
{
    size_t room = DEAD_LETTER_ATTRIBUTES - N_REASON - 1;

    for (size_t i = 0; i < m->n_attributes; i++) {
        const struct message_attribute *a = &m->attributes[i];
        if (is_ours(a->key))
            continue;
        if (is_publishable(a) && room) {
            add(l, a->key, a->value);
            room--;
        } else {
            l->dropped++;
        }
    }
    if (!l->dropped)
        return;
    snprintf(l->dropped_text, sizeof(l->dropped_text), "%zu", l->dropped);
    add(l, STR("datos-attributes-dropped"), str_from(l->dropped_text));
}

static void keep_text(char *to, size_t size, const char *text)
{
    struct str cut = json_cut_utf8(str_from(text), size - 1);

    memcpy(to, cut.p, cut.len);
    to[cut.len] = '\0';
}

void dead_letter_init(struct dead_letter *l, const struct message *message,
                      const char *error, const char *field, const char *detail)
{
    memset(&l->publish, 0, sizeof(l->publish));
    l->dropped = 0;
    keep_text(l->error, sizeof(l->error), error);
    keep_text(l->field, sizeof(l->field), field);
    keep_text(l->detail, sizeof(l->detail), detail);
    l->publish.data = message->data;
    l->publish.ordering_key = message->ordering_key;
    l->publish.attributes = l->attributes;
    add(l, STR("datos-error"), str_from(l->error));
    add(l, STR("datos-error-field"), str_from(l->field));
    add(l, STR("datos-error-detail"), str_from(l->detail));
    add(l, STR("datos-source-message-id"), message->id);
    add_source(l, message);
}

bool dead_letter_reduce(struct dead_letter *l)
{
    if (l->publish.n_attributes <= N_REASON)
        return false;
    l->dropped += l->publish.n_attributes - N_REASON;
    l->publish.n_attributes = N_REASON;
    return true;
}
