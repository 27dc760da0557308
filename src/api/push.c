/* SPDX-License-Identifier: Apache-2.0 */
/* POST /pubsub/push. Starting with DATOS_INGEST=push is refused (start.c)
 * until its OIDC check is here, so the path is never open. */
#include "api/app.h"

void post_push(struct exchange *x)
{
    reply_problem(x, 404, "push is not enabled", NULL, 0);
}
