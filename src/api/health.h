/* SPDX-License-Identifier: Apache-2.0 */
/* Does the store answer? Asked once a second in the background by a free
 * call, never by a request. Threads: belongs to the main loop; health_is_ok
 * may be called from any. */
#ifndef API_HEALTH_H
#define API_HEALTH_H

#include <stdbool.h>

struct api;
struct health;

struct health *health_new(struct api *api);
void health_start(struct health *h);
void health_stop(struct health *h);
void health_free(struct health *h);
bool health_is_ok(struct health *h);

#endif
