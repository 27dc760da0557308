/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/pubsub/filter.h"

#include <check.h>

#include "emulator/pubsub/message.h"

/* The message of all cases: a=1, b-c="x y", "ñ"=wörld, empty="". */
static void put_message(struct buf *out)
{
    buf_init(out, 4096);
    message_put_attribute(out, STR("a"), STR("1"));
    message_put_attribute(out, STR("b-c"), STR("x y"));
    message_put_attribute(out, STR("ñ"), STR("wörld"));
    message_put_attribute(out, STR("empty"), STR(""));
}

static const struct {
    const char *text;
    int matches; /* -1: refused */
} cases[] = {
    {"attributes:a", 1},
    {"attributes:z", 0},
    {"attributes:empty", 1},
    {"attributes:\"ñ\"", 1},
    {"attributes:ñ", -1},
    {"attributes.a = \"1\"", 1},
    {"attributes.a=\"1\"", 1},
    {"attributes.a = \"2\"", 0},
    {"attributes.a != \"1\"", 0},
    {"attributes.a != \"2\"", 1},
    {"attributes.z != \"2\"", 1},
    {"attributes.b-c = \"x y\"", 1},
    {"attributes.\"b-c\" = \"x\\x20y\"", 1},
    {"attributes.\"\\u00f1\" = \"w\\u00f6rld\"", 1},
    {"attributes.a = \"\\061\"", 1},
    {"attributes.a = '1'", -1},
    {"hasPrefix(attributes.b-c, \"x \")", 1},
    {"hasPrefix(attributes.b-c,\"y\")", 0},
    {"hasPrefix( attributes.b-c , \"\" )", 1},
    {"hasPrefix(attributes.z, \"\")", 0},
    {"NOT attributes:a", 0},
    {"NOT attributes:z", 1},
    {"-attributes:z", 1},
    {"NOT (attributes:z AND attributes:a)", 1},
    {"attributes:a AND attributes:empty", 1},
    {"attributes:a AND attributes:z", 0},
    {"attributes:z OR attributes:a", 1},
    {"attributes:a AND NOT attributes:z AND -attributes:y", 1},
    {"attributes:a AND attributes:z OR attributes:a", -1},
    {"attributes:z OR attributes:a AND attributes:a", -1},
    {"(attributes:a AND attributes:z) OR attributes:a", 1},
    {"attributes:a AND (attributes:z OR attributes:a)", 1},
    {"attributes:a and attributes:z", -1},
    {"attributes:a or attributes:z", -1},
    {"not attributes:a", -1},
    {"", -1},
    {"data = \"x\"", -1},
    {"attributes", -1},
    {"attributes.a", -1},
    {"attributes.a = 1", -1},
    {"attributes.a == \"1\"", -1},
    {"attributes.a > \"1\"", -1},
    {"attributes:a attributes:a", -1},
    {"(attributes:a", -1},
    {"attributes:a)", -1},
    {"attributes.a = \"x", -1},
    {"attributes.a = \"\\q\"", -1},
    {"attributes.a = \"\\ud800\"", -1},
    {"attributes:a AND", -1},
    {"ANDattributes:a", -1},
    {"hasPrefix(attributes.a)", -1},
    {"hasprefix(attributes.a, \"1\")", -1},
    {"attributes.\"\" = \"1\"", -1},
};

START_TEST(matches_as_the_grammar_says)
{
    struct filter *f;
    struct buf message;
    struct err err = {0};
    int rc = filter_parse(str_from(cases[_i].text), &f, &err);

    ck_assert_msg(rc == (cases[_i].matches < 0 ? RC_INVALID : RC_OK),
                  "%s: rc %d %s", cases[_i].text, rc, err.text);
    if (rc)
        return;
    put_message(&message);
    ck_assert_msg(filter_match(f, buf_as_str(&message)) == cases[_i].matches,
                  "%s", cases[_i].text);
    buf_fini(&message);
    filter_free(f);
}
END_TEST

START_TEST(refuses_more_than_256_bytes)
{
    struct filter *f;
    char text[300] = "attributes:";

    memset(text + 11, 'k', 246);
    ck_assert_int_eq(filter_parse(str_from(text), &f, NULL), RC_INVALID);
    text[256] = '\0';
    ck_assert_int_eq(filter_parse(str_from(text), &f, NULL), RC_OK);
    filter_free(f);
}
END_TEST

Suite *suite_filter(void)
{
    Suite *s = suite_create("filter");
    TCase *t = tcase_create("filter");

    tcase_add_loop_test(t, matches_as_the_grammar_says, 0,
                        sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(t, refuses_more_than_256_bytes);
    suite_add_tcase(s, t);
    return s;
}
