/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "emulator/bigquery/csv.h"

static const struct {
    const char *text, *shown; /* fields in <>, quoted in "", rows by ; */
} cases[] = {
    {"", ""},
    {"a,b\n", "<a><b>;"},
    {"a,b\r\nc,\r\n", "<a><b>;<c><>;"},
    {"\n\na\n\n", "<a>;"},
    {"\"x, \"\"y\"\"\",z", "\"x, \"y\"\"<z>;"},
    {",", "<><>;"},
    {"\"\"", "\"\";"},
    {"\xef\xbb\xbf"
     "a",
     "<a>;"},
    {"a\"b", "<a\"b>;"},
    {"\"a\"b,c\nd", "!;<d>;"},
    {"\"a\nb", "!;<b>;"},
};

static void show(struct buf *out, struct csv *c)
{
    while (csv_next(c)) {
        for (size_t i = 0; i < c->n && !c->error; i++) {
            buf_putc(out, c->fields[i].quoted ? '"' : '<');
            buf_str(out, csv_field(c, i));
            buf_putc(out, c->fields[i].quoted ? '"' : '>');
        }
        buf_puts(out, c->error ? "!;" : ";");
    }
}

START_TEST(records_are_read_as_rfc_4180_has_them)
{
    struct csv c;
    struct buf out;

    buf_init(&out, 4096);
    buf_puts(&out, "");
    csv_init(&c, str_from(cases[_i].text));
    show(&out, &c);
    ck_assert_str_eq(buf_as_str(&out).p, cases[_i].shown);
    csv_fini(&c);
    buf_fini(&out);
}
END_TEST

START_TEST(line_ends_within_quotes_when_they_are_allowed)
{
    struct csv c;

    csv_init(&c, STR("\"a\nb\"|1\nc|2"));
    c.delimiter = '|';
    c.newlines = true;
    ck_assert(csv_next(&c));
    ck_assert(str_eq(csv_field(&c, 0), STR("a\nb")));
    ck_assert_uint_eq(c.line, 1);
    ck_assert(csv_next(&c));
    ck_assert(str_eq(csv_field(&c, 1), STR("2")));
    ck_assert_uint_eq(c.line, 3);
    ck_assert(!csv_next(&c));
    csv_fini(&c);
}
END_TEST

START_TEST(without_a_quote_character_quotes_are_text)
{
    struct csv c;

    csv_init(&c, STR("\"a\",b"));
    c.quote = '\0';
    ck_assert(csv_next(&c));
    ck_assert(str_eq(csv_field(&c, 0), STR("\"a\"")));
    csv_fini(&c);
}
END_TEST

Suite *suite_csv(void)
{
    Suite *s = suite_create("csv");
    TCase *tc = tcase_create("csv");

    tcase_add_loop_test(tc, records_are_read_as_rfc_4180_has_them, 0,
                        sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(tc, line_ends_within_quotes_when_they_are_allowed);
    tcase_add_test(tc, without_a_quote_character_quotes_are_text);
    suite_add_tcase(s, tc);
    return s;
}
