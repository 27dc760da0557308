/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer of BigQuery means for the call, and for those that come
 * after it. The table of reasons is Google's page "Error messages". */
#include "common/clock.h"
#include "net/google_error.h"
#include "store/bigquery_priv.h"

enum {
    STRIKES = 3 /* transient failures in a row that shut the gate */
};

static const struct {
    const char *reason;
    enum bigquery_fate fate;
} reasons[] = {
    {"rateLimitExceeded", BIGQUERY_RETRY},
    {"userRateLimitExceeded", BIGQUERY_RETRY},
    {"backendError", BIGQUERY_RETRY},
    {"internalError", BIGQUERY_RETRY},
    {"jobBackendError", BIGQUERY_RETRY_NEW},
    {"jobInternalError", BIGQUERY_RETRY_NEW},
    {"jobRateLimitExceeded", BIGQUERY_RETRY_NEW},
    {"bytesBilledLimitExceeded", BIGQUERY_FAILED},
    {"responseTooLarge", BIGQUERY_FAILED},
    {"invalidQuery", BIGQUERY_FAILED},
};

enum bigquery_fate bigquery_fate_of(const struct google_call *call)
{
    char reason[64];

    switch (call->rc) {
    case RC_OK:
        return BIGQUERY_FINE;
    case RC_TIMEOUT:
    case RC_UNAVAILABLE:
    case RC_BUSY:
    case RC_NOMEM:
        return BIGQUERY_RETRY;
    case RC_INVALID:
    case RC_DENIED:
        break;
    default:
        return BIGQUERY_DOWN;
    }
    google_error_reason(buf_as_str(&call->http.response), reason,
                        sizeof(reason));
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (str_eq(str_from(reason), str_from(reasons[i].reason)))
            return reasons[i].fate;
    }
    return BIGQUERY_DOWN;
}

bool bigquery_gate_pass(struct bigquery *b, struct bigquery_gate *gate,
                        bool *is_probe)
{
    *is_probe = false;
    if (gate->breaker.state == BREAKER_CLOSED)
        return true;
    *is_probe = breaker_try(&gate->breaker, loop_now_us(b->loop));
    return *is_probe;
}

void bigquery_gate_pass_back(struct bigquery *b, struct bigquery_gate *gate)
{
    if (gate->breaker.state != BREAKER_HALF_OPEN)
        return;
    gate->breaker.state = BREAKER_OPEN;
    gate->breaker.until_us = loop_now_us(b->loop);
}

void bigquery_gate_told(struct bigquery *b, struct bigquery_gate *gate,
                        enum bigquery_fate fate, const struct err *why)
{
    if (fate == BIGQUERY_FINE || fate == BIGQUERY_FAILED) {
        gate->strikes = 0;
        breaker_succeed(&gate->breaker);
        return;
    }
    gate->why = *why;
    gate->strikes++;
    /* a failed probe opens it again; others find it open already */
    if (gate->breaker.state == BREAKER_OPEN)
        return;
    if (fate == BIGQUERY_DOWN || gate->strikes >= STRIKES ||
        gate->breaker.state == BREAKER_HALF_OPEN)
        breaker_fail(&gate->breaker, loop_now_us(b->loop), rand_unit(&b->rand));
}
