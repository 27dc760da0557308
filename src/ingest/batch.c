/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/batch.h"

int64_t batch_wait_us(const struct batch_limits *limits,
                      const struct batch_state *state, int64_t now_us)
{
    int64_t age = now_us - state->oldest_us;

    if (state->rows == 0 || state->calls >= limits->calls)
        return -1;
    if (state->calls == 0 || state->rows >= limits->rows ||
        state->bytes >= limits->bytes || age >= limits->age_us)
        return 0;
    return limits->age_us - age;
}
