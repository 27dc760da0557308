/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/results.h"

bool results_is_anonymous(struct str dataset)
{
    return dataset.len && dataset.p[0] == '_';
}
void results_table_get(struct call *c)
{
    call_fail(c, "notFound", "Not found: Table");
}
void results_table_list(struct call *c)
{
    call_fail(c, "notFound", "Not found: Table");
}
