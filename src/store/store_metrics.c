/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_metrics.h"

#include "common/metrics.h"
#include "store/store.h"

/* What an operator tells apart; other failures are `error`. */
static const char *outcome_of(int rc)
{
    switch (rc) {
    case RC_OK:
        return "ok";
    case RC_CONFLICT:
    case RC_SCHEMA:
        return "refused";
    case RC_BUSY:
        return "limited";
    case RC_TIMEOUT:
        return "timeout";
    case RC_UNAVAILABLE:
        return "unavailable";
    default:
        return "error";
    }
}

/* A call takes far longer than the look-up of its series. */
static void observe(void *arg, const char *op, int rc, int64_t us)
{
    const char *const labels[] = {op, outcome_of(rc)};

    metric_observe_us(metrics_get(arg, METRIC_STORE_SECONDS, labels), us);
}

void store_measure(struct store *store, struct metrics *metrics)
{
    store_set_observer(store, observe, metrics);
}
