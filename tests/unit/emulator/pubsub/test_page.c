/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/pubsub/page.h"

#include <check.h>
#include <stdio.h>

#include "common/mem.h"

static char keys[30][40];

/* n-00 .. n-19 of project aa, n-20 .. n-24 of aa-b. */
static void fill(struct names *names)
{
    for (int i = 24; i >= 0; i--) {
        snprintf(keys[i], sizeof(keys[i]), "projects/%s/topics/n-%02d",
                 i < 20 ? "aa" : "aa-b", i);
        names_add(names, keys[i], keys[i]);
    }
}

/* --- names ---------------------------------------------------------------- */

START_TEST(names_are_sorted_found_and_removed)
{
    struct names names = {0};

    fill(&names);
    ck_assert_uint_eq(names.n, 25);
    for (size_t i = 1; i < names.n; i++)
        ck_assert_int_lt(str_cmp(names.rows[i - 1].name, names.rows[i].name),
                         0);
    ck_assert_ptr_eq(names_find(&names, STR("projects/aa/topics/n-07")),
                     keys[7]);
    ck_assert_ptr_null(names_find(&names, STR("projects/aa/topics/n-0")));
    ck_assert_ptr_null(names_find(&names, STR("projects/aa/topics/n-077")));
    names_remove(&names, "projects/aa/topics/n-077");
    ck_assert_uint_eq(names.n, 25);
    names_remove(&names, keys[7]);
    ck_assert_uint_eq(names.n, 24);
    ck_assert_ptr_null(names_find(&names, str_from(keys[7])));
    ck_assert_uint_eq(names_lower(&names, STR("")), 0);
    ck_assert_uint_eq(names_lower(&names, STR("z")), 24);
    names_fini(&names);
    ck_assert_ptr_null(names_find(&names, str_from(keys[1])));
}
END_TEST

START_TEST(names_have_a_project_and_an_id)
{
    struct str project, id;

    name_split("projects/p/topics/t", &project, &id);
    ck_assert(str_eq(project, STR("p")));
    ck_assert(str_eq(id, STR("t")));
}
END_TEST

/* --- pages ---------------------------------------------------------------- */

static struct page page(const struct names *names, const char *prefix,
                        uint32_t size, const char *token)
{
    const struct page_list list = {names, "topics", str_from(prefix)};
    struct page out;

    ck_assert(page_find(&list, size, token, &out));
    return out;
}

START_TEST(pages_have_each_row_once)
{
    struct names names = {0};
    char *token = mem_strdup("");
    size_t seen = 0, pages = 0;

    fill(&names);
    do {
        struct page p = page(&names, "projects/aa/", 7, token);

        for (size_t i = 0; i < p.n; i++)
            ck_assert_ptr_eq(p.rows[i].resource, keys[seen++]);
        mem_free(token);
        token = p.token;
        pages++;
    } while (*token);
    ck_assert_uint_eq(seen, 20);
    ck_assert_uint_eq(pages, 3);
    mem_free(token);
    names_fini(&names);
}
END_TEST

START_TEST(the_last_page_has_no_token_even_if_it_is_full)
{
    struct names names = {0};
    struct page p;

    fill(&names);
    p = page(&names, "projects/aa/", 20, "");
    ck_assert_uint_eq(p.n, 20);
    ck_assert_str_eq(p.token, "");
    mem_free(p.token);
    p = page(&names, "projects/none/", 0, "");
    ck_assert_uint_eq(p.n, 0);
    ck_assert_str_eq(p.token, "");
    mem_free(p.token);
    names_fini(&names);
}
END_TEST

START_TEST(a_token_outlives_its_row)
{
    struct names names = {0};
    struct page first, second;

    fill(&names);
    first = page(&names, "projects/aa/", 5, "");
    names_remove(&names, keys[4]);
    names_remove(&names, keys[5]);
    second = page(&names, "projects/aa/", 5, first.token);
    ck_assert_ptr_eq(second.rows[0].resource, keys[6]);
    mem_free(first.token);
    mem_free(second.token);
    names_fini(&names);
}
END_TEST

START_TEST(pages_have_a_default_and_a_largest_size)
{
    static char rows[1100][40];
    struct names names = {0};
    struct page p;

    for (int i = 0; i < 1100; i++) {
        snprintf(rows[i], sizeof(rows[i]), "projects/p/topics/%04d", i);
        names_add(&names, rows[i], rows[i]);
    }
    p = page(&names, "projects/p/", 0, "");
    ck_assert_uint_eq(p.n, 100);
    mem_free(p.token);
    p = page(&names, "projects/p/", INT32_MAX, "");
    ck_assert_uint_eq(p.n, 1000);
    ck_assert(*p.token);
    mem_free(p.token);
    names_fini(&names);
}
END_TEST

/* In base64: what other lists gave, or nobody. */
static const char *const tokens[] = {
    "x",
    "!!!!",
    "bm90IGEgbmFtZQ==",                             /* not a name */
    "cHJvamVjdHMvYWEtYi90b3BpY3Mvbi0yMCB0b3BpY3M=", /* projects/aa-b/topics/n-20
                                                       topics */
    "cHJvamVjdHMvYWEvdG9waWNzL24tMDA=", /* projects/aa/topics/n-00 */
    "cHJvamVjdHMvYWEvdG9waWNzL24tMDAg", /* projects/aa/topics/n-00  */
    "cHJvamVjdHMvYWEvdG9waWNzL24tMDAgdG9waWNzIHg=", /* projects/aa/topics/n-00
                                                       topics x */
    "cHJvamVjdHMvYWEvdG9waWNzL24tMDAgc25hcHNob3Rz", /* projects/aa/topics/n-00
                                                       snapshots */
};

START_TEST(tokens_of_other_lists_are_refused)
{
    struct names names = {0};
    const struct page_list list = {&names, "topics", STR("projects/aa/")};
    struct page out;

    fill(&names);
    ck_assert(!page_find(&list, 5, tokens[_i], &out));
    names_fini(&names);
}
END_TEST

START_TEST(a_list_of_nothing_takes_no_others_token)
{
    struct names all = {0}, none = {0};
    const struct page_list other = {&none, "projects/aa/topics/t/subscriptions",
                                    STR("projects/aa/")};
    struct page first, out;

    fill(&all);
    first = page(&all, "projects/aa/", 5, "");
    ck_assert(!page_find(&other, 5, first.token, &out));
    mem_free(first.token);
    names_fini(&all);
}
END_TEST

Suite *suite_page(void);
Suite *suite_page(void)
{
    Suite *s = suite_create("page");
    TCase *tc = tcase_create("page");

    tcase_add_test(tc, names_are_sorted_found_and_removed);
    tcase_add_test(tc, names_have_a_project_and_an_id);
    tcase_add_test(tc, pages_have_each_row_once);
    tcase_add_test(tc, the_last_page_has_no_token_even_if_it_is_full);
    tcase_add_test(tc, a_token_outlives_its_row);
    tcase_add_test(tc, pages_have_a_default_and_a_largest_size);
    tcase_add_loop_test(tc, tokens_of_other_lists_are_refused, 0,
                        sizeof(tokens) / sizeof(tokens[0]));
    tcase_add_test(tc, a_list_of_nothing_takes_no_others_token);
    suite_add_tcase(s, tc);
    return s;
}
