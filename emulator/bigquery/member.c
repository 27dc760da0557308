/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/member.h"

#include "common/str.h"

const char *member_text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

int64_t member_number(const json_t *object, const char *name)
{
    const json_t *v = json_object_get(object, name);
    int64_t n = 0;

    if (json_is_integer(v))
        return json_integer_value(v);
    if (json_is_string(v))
        (void)str_to_i64(str_from(json_string_value(v)), &n);
    return n;
}
