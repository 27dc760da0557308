/* modules: src/auth src/net src/common */
/* SPDX-License-Identifier: Apache-2.0 */
/* A token from anybody, its claims, and the same bytes as a key set. */
#include <stddef.h>
#include <stdint.h>

#include "auth/jwks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct jwt jwt;
    const struct jwt_expected expected = {"i", "a", "e"};
    struct str text = str_of((const char *)data, size);
    struct jwks *set = NULL;
    const char *why = NULL;

    if (jwt_parse(text, &jwt, &why))
        (void)jwt_check_claims(str_of(jwt.payload, jwt.payload_len), &expected,
                               1000, &why);
    (void)jwt_check_claims(text, &expected, 1000, &why);
    if (jwks_parse(text, &set, NULL) == RC_OK)
        jwks_unref(set);
    return 0;
}
