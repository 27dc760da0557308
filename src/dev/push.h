/* SPDX-License-Identifier: Apache-2.0 */
/* DATOS_INGEST=push, offline as in the cloud: the subscription pushes to the
 * API with tokens that the API verifies. */
#ifndef DEV_PUSH_H
#define DEV_PUSH_H

#include <stdbool.h>

struct parts;

bool dev_pushes(const struct parts *parts);
/* Points the subscription at the API, or, when messages are pulled, takes away
 * what an earlier run left. One try, at most 50 ms; false: not done. */
bool dev_push_point(const struct parts *parts);

#endif
