/* SPDX-License-Identifier: Apache-2.0 */
/* Queries: pairs, escapes, what is malformed. */
#include <check.h>

#include "common/buf.h"
#include "http/http.h"

/* All pairs as "name=value;", or "!" at a bad escape. */
static const char *read_all(const char *query, struct buf *out)
{
    struct str rest = str_from(query), name, value;
    struct buf scratch;
    int rc;

    buf_init(&scratch, 4096);
    while (http_query_next(&rest, &scratch, &name, &value, &rc)) {
        buf_str(out, name);
        buf_putc(out, '=');
        buf_str(out, value);
        buf_putc(out, ';');
    }
    if (rc)
        buf_puts(out, "!");
    buf_fini(&scratch);
    return buf_as_str(out).p;
}

static const struct {
    const char *query, *pairs;
} cases[] = {
    {"", ""},
    {"a=b", "a=b;"},
    {"a=b&c=d", "a=b;c=d;"},
    {"a", "a=;"},
    {"a=", "a=;"},
    {"=b", "=b;"},
    {"&&a=b&", "a=b;"},
    {"a=b=c", "a=b=c;"},
    {"a+b=c+d", "a b=c d;"},
    {"a%20b=%2B%c3%b1", "a b=+\xc3\xb1;"},
    {"a=%", "!"},
    {"a=%1", "!"},
    {"a=%zz", "!"},
    {"x=1&a=%1g", "x=1;!"},
};

START_TEST(each_query_is_taken_apart)
{
    struct buf out;

    buf_init(&out, 4096);
    ck_assert_str_eq(read_all(cases[_i].query, &out), cases[_i].pairs);
    buf_fini(&out);
}
END_TEST

Suite *suite_query(void)
{
    Suite *s = suite_create("query");
    TCase *t = tcase_create("pairs");

    tcase_add_loop_test(t, each_query_is_taken_apart, 0,
                        sizeof(cases) / sizeof(cases[0]));
    suite_add_tcase(s, t);
    return s;
}
