/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters in, canonical key out and back, links that are queries again. */
#include <check.h>
#include <stdlib.h>

#include "api/query.h"
#include "common/buf.h"
#include "rows.h"

static const struct {
    const char *raw, *key;
} good[] = {
    {"", "10"},
    {"limit=1", "1"},
    {"limit=1000", "1000"},
    {"since=2025-01-01T00:00:00Z", "10 s1735689600000000"},
    {"since=2025-01-01T01:00:00%2B01:00", "10 s1735689600000000"},
    {"since=2025-01-01T01:00:00+01:00", "10 s1735689600000000"},
    {"until=2025-01-01T00:00:00.5Z&limit=3", "3 u1735689600500000"},
    {"id=a%20b", "10 ia%20b"},
    {"id=a+b&limit=2", "2 ia%20b"},
    {"id=%C3%B1", "10 i%C3%B1"},
};

START_TEST(key_is_canonical_and_comes_back)
{
    struct query q, back;
    struct query_error why;
    struct buf key, again;

    buf_init(&key, 10000);
    buf_init(&again, 10000);
    ck_assert_int_eq(query_parse(str_from(good[_i].raw), &q, &why), RC_OK);
    query_put_key(&q, &key);
    ck_assert_msg(str_eq(buf_as_str(&key), str_from(good[_i].key)), "%s: %.*s",
                  good[_i].raw, (int)key.len, key.data);
    ck_assert_int_eq(query_from_key(buf_as_str(&key), &back), RC_OK);
    query_put_key(&back, &again);
    ck_assert(str_eq(buf_as_str(&key), buf_as_str(&again)));
    buf_fini(&key);
    buf_fini(&again);
}
END_TEST

static const struct {
    const char *raw, *field;
} bad[] = {
    {"limit=0", "limit"},
    {"limit=1001", "limit"},
    {"limit=01000", "limit"},
    {"limit=-1", "limit"},
    {"limit=1&limit=1", "limit"},
    {"Limit=1", "Limit"},
    {"x=1", "x"},
    {"since=now", "since"},
    {"until=2025-02-29T00:00:00Z", "until"},
    {"id=", "id"},
    {"id=%0a", "id"},
    {"id=%c3", "id"},
    {"cursor=AAAA", "cursor"},
    {"id=%", ""},
    {"id=%4", ""},
    {"<script>=1", "<script>"},
};

START_TEST(refusal_names_the_parameter)
{
    struct query q;
    struct query_error why = {"none", NULL};

    ck_assert_int_eq(query_parse(str_from(bad[_i].raw), &q, &why), RC_INVALID);
    ck_assert_str_eq(why.field, bad[_i].field);
    ck_assert_ptr_nonnull(why.reason);
}
END_TEST

START_TEST(link_is_a_query_that_stands_after_its_row)
{
    struct schema *schema = rows_schema();
    struct row *row = rows_make(schema, "ñ/ 7", 5, "x");
    struct query q, next;
    struct query_error why;
    struct buf link;
    struct str text;

    buf_init(&link, 10000);
    ck_assert_int_eq(query_parse(STR("limit=7&since=2025-01-01T00:00:01Z&"
                                     "until=2025-01-01T00:01:00Z"),
                                 &q, &why),
                     RC_OK);
    query_put_link(&q, row, &link);
    text = buf_as_str(&link);
    ck_assert(str_starts(text, STR("</datos?")));
    ck_assert(str_ends(text, STR(">; rel=\"next\"")));
    text = str_of(text.p + 8, text.len - 8 - 13);
    ck_assert_int_eq(query_parse(text, &next, &why), RC_OK);
    ck_assert_uint_eq(next.limit, 7);
    ck_assert(next.has_since && next.has_until && next.has_after);
    ck_assert_int_eq(next.since_us, q.since_us);
    ck_assert_int_eq(next.until_us, q.until_us);
    ck_assert_int_eq(next.after_us, row->timestamp_us);
    ck_assert(str_eq(query_after_id(&next), row->id));
    ck_assert(!query_matches(&next, row->timestamp_us, row->id));
    ck_assert(query_matches(&next, row->timestamp_us, STR("ñ/ 8")));
    ck_assert(!query_matches(&next, row->timestamp_us, STR("a")));
    ck_assert(query_matches(&next, row->timestamp_us - 1, STR("a")));
    ck_assert(!query_matches(&next, row->timestamp_us + 1, STR("z")));
    row_unref(row);
    schema_free(schema);
    buf_fini(&link);
}
END_TEST

START_TEST(changed_cursor_is_refused_or_means_the_same)
{
    struct schema *schema = rows_schema();
    struct row *row = rows_make(schema, "id-1", 5, "x");
    struct query q, next;
    struct query_error why;
    struct buf link;
    struct str text;

    buf_init(&link, 10000);
    ck_assert_int_eq(query_parse(STR_NULL, &q, &why), RC_OK);
    query_put_link(&q, row, &link);
    text = str_of(link.data + 8, link.len - 8 - 13);
    for (size_t i = 16; i < text.len; i++) {
        char *copy = strndup(text.p, text.len);

        copy[i] = copy[i] == 'A' ? 'B' : 'A';
        if (query_parse(str_of(copy, text.len), &next, &why) == RC_OK)
            ck_assert_msg(next.after_us == row->timestamp_us &&
                              str_eq(query_after_id(&next), row->id),
                          "byte %zu", i);
        ck_assert_int_eq(query_parse(str_of(copy, i), &next, &why), RC_INVALID);
        free(copy);
    }
    row_unref(row);
    schema_free(schema);
    buf_fini(&link);
}
END_TEST

START_TEST(path_segment_is_an_id)
{
    struct query q;
    struct query_error why;

    ck_assert_int_eq(query_parse_id(STR("a%2Fb+c"), &q, &why), RC_OK);
    ck_assert(str_eq(query_id(&q), STR("a/b+c")));
    ck_assert(q.single);
    ck_assert_int_eq(query_parse_id(STR("a%2"), &q, &why), RC_INVALID);
    ck_assert_int_eq(query_parse_id(STR("a%00"), &q, &why), RC_INVALID);
    ck_assert_int_eq(query_parse_id(STR("%ff"), &q, &why), RC_INVALID);
    ck_assert(query_id_fits_path(STR("a b")));
    ck_assert(!query_id_fits_path(STR("a/b")));
    ck_assert(!query_id_fits_path(STR("..")));
    ck_assert(!query_id_fits_path(STR("stream")));
}
END_TEST

static const char *const broken_keys[] = {
    "", "x", "0", "1001", "10 z", "10 s", "10 sx", "10  ", "10 a", "10 ax:1"};
START_TEST(key_of_no_query_is_refused)
{
    struct query q;

    ck_assert_msg(query_from_key(str_from(broken_keys[_i]), &q) == RC_INVALID,
                  "%s", broken_keys[_i]);
}
END_TEST

Suite *suite_query(void)
{
    Suite *s = suite_create("query");
    TCase *t = tcase_create("query");

    tcase_add_loop_test(t, key_is_canonical_and_comes_back, 0,
                        sizeof(good) / sizeof(good[0]));
    tcase_add_loop_test(t, refusal_names_the_parameter, 0,
                        sizeof(bad) / sizeof(bad[0]));
    tcase_add_test(t, link_is_a_query_that_stands_after_its_row);
    tcase_add_test(t, changed_cursor_is_refused_or_means_the_same);
    tcase_add_test(t, path_segment_is_an_id);
    tcase_add_loop_test(t, key_of_no_query_is_refused, 0,
                        sizeof(broken_keys) / sizeof(broken_keys[0]));
    suite_add_tcase(s, t);
    return s;
}
