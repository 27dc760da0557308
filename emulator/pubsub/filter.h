/* SPDX-License-Identifier: Apache-2.0 */
/* Subscription filters: the grammar of
 * cloud.google.com/pubsub/docs/subscription-message-filter, parsed to a tree
 * and matched against a message's protobuf bytes.
 *
 *   expression := term { AND term } | term { OR term }
 *   term       := [NOT | -] ( "(" expression ")" | predicate )
 *   predicate  := attributes:KEY | attributes.KEY (= | !=) STRING
 *               | hasPrefix(attributes.KEY, STRING)
 *
 * AND and OR do not mix without parentheses. Pure; a filter is immutable. */
#ifndef EMULATOR_PUBSUB_FILTER_H
#define EMULATOR_PUBSUB_FILTER_H

#include <stdbool.h>

#include "common/rc.h"
#include "common/str.h"

struct filter;

enum {
    FILTER_MAX_BYTES = 256
};

/* Returns owned; NULL and RC_INVALID with what is wrong and where. */
RC_MUST_USE int filter_parse(struct str text, struct filter **out,
                             struct err *err);
void filter_free(struct filter *f);
/* `message`: a PubsubMessage's bytes. */
bool filter_match(const struct filter *f, struct str message);

#endif
