/* modules: src/common */
/* SPDX-License-Identifier: Apache-2.0 */
/* A time that is read is shown as a text that reads as the same time. */
#include <stdlib.h>

#include "common/timefmt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[TIMEFMT_MAX];
    int64_t us, again;
    const char *why = NULL;

    if (timefmt_parse(str_of((const char *)data, size), &us, &why) != RC_OK) {
        if (!why)
            abort();
        return 0;
    }
    if (timefmt_parse(str_of(text, timefmt_format(text, us)), &again, NULL) !=
            RC_OK ||
        again != us)
        abort();
    if (timefmt_parse(str_of(text, timefmt_format_z(text, us)), &again, NULL) !=
            RC_OK ||
        again != us)
        abort();
    return 0;
}
