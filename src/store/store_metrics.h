/* SPDX-License-Identifier: Apache-2.0 */
/* Counts a store's calls into datos_store_request_duration_seconds. Call once,
 * before the first operation; `metrics` outlives the store. */
#ifndef STORE_STORE_METRICS_H
#define STORE_STORE_METRICS_H

struct metrics;
struct store;

void store_measure(struct store *store, struct metrics *metrics);

#endif
