/* SPDX-License-Identifier: Apache-2.0 */
/* modules: emulator/pubsub src/grpc src/common */
/* A subscription's filter, and bytes of a message to match: the first line is
 * the filter, the rest the message. NOT must turn every answer. */
#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"
#include "emulator/pubsub/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct str message = str_of((const char *)bytes, len);
    struct str text = str_cut(&message, '\n');
    struct filter *plain = NULL, *turned = NULL;
    struct buf not ;

    if (!message.p)
        message = STR("");
    if (filter_parse(text, &plain, NULL))
        return 0;
    buf_init(&not, 4096);
    buf_puts(&not, "NOT (");
    buf_str(&not, text);
    buf_putc(&not, ')');
    if (filter_parse(buf_as_str(&not ), &turned, NULL) == RC_OK) {
        if (filter_match(plain, message) == filter_match(turned, message))
            abort();
        filter_free(turned);
    }
    buf_fini(&not );
    filter_free(plain);
    return 0;
}
