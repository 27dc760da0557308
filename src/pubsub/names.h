/* SPDX-License-Identifier: Apache-2.0 */
/* Resource names of Pub/Sub. Pure; threads: any. */
#ifndef PUBSUB_NAMES_H
#define PUBSUB_NAMES_H

/* `projects/P/KIND/ID`; an `id` that is a full name already stays as it is.
 * `kind` is "topics" or "subscriptions". Caller owns. */
char *pubsub_full_name(const char *project, const char *kind, const char *id);
/* The path of a REST call on it: `/v1/NAME:verb`, percent-encoded. Caller
 * owns. */
char *pubsub_path(const char *full_name, const char *verb);

#endif
