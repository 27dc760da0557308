/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/sql/real_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static size_t shortest(char *out, double v)
{
    int n = 0;

    for (int digits = 15; digits <= 17; digits++) {
        n = snprintf(out, 40, "%.*g", digits, v);
        if (strtod(out, NULL) == v)
            break;
    }
    return (size_t)n;
}

size_t real_to_text(char *out, double v)
{
    if (isnan(v))
        return (size_t)snprintf(out, 40, "nan");
    if (isinf(v))
        return (size_t)snprintf(out, 40, v > 0 ? "inf" : "-inf");
    if (v == 0)
        return (size_t)snprintf(out, 40, "0");
    return shortest(out, v);
}

/* As Java's Double.toString, which the service's replies look like. */
size_t real_to_rest(char *out, double v)
{
    char digits[40], *e;
    int exponent, n, precision;

    if (isnan(v))
        return (size_t)snprintf(out, 40, "NaN");
    if (isinf(v))
        return (size_t)snprintf(out, 40, v > 0 ? "Infinity" : "-Infinity");
    if (v == 0)
        return (size_t)snprintf(out, 40, signbit(v) ? "-0.0" : "0.0");
    for (precision = 0; precision < 17; precision++) {
        snprintf(digits, sizeof(digits), "%.*e", precision, v);
        if (strtod(digits, NULL) == v)
            break;
    }
    e = strchr(digits, 'e');
    exponent = (int)strtol(e + 1, NULL, 10);
    if (exponent >= -3 && exponent < 7) {
        int behind = precision - exponent;
        return (size_t)snprintf(out, 40, "%.*f", behind > 0 ? behind : 1, v);
    }
    *e = '\0';
    n = snprintf(out, 40, "%s%sE%d", digits, precision ? "" : ".0", exponent);
    return (size_t)n;
}
