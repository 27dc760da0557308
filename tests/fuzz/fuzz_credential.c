/* modules: src/net src/common */
/* SPDX-License-Identifier: Apache-2.0 */
/* A credential file of any content: a source, or one line that says why not. */
#include <stdlib.h>
#include <string.h>

#include "common/loop.h"
#include "net/credentials.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct loop *loop = loop_new();
    struct token_source *source = NULL;
    struct err err = {.text = ""};
    int rc = credentials_parse(loop, str_of((const char *)data, size), "fuzz",
                               &source, &err);

    if (rc == RC_OK) {
        if (!token_universe(source) || !token_describe(source))
            abort();
        token_source_free(source);
    } else if (!err.text[0] || !memchr(err.text, 0, sizeof(err.text)) ||
               strchr(err.text, '\n')) {
        abort();
    }
    loop_free(loop);
    return 0;
}
