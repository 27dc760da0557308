/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/dead_letter.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static struct dead_letter letter;

static const char *attribute(const char *key)
{
    static char value[4096];

    for (size_t i = 0; i < letter.publish.n_attributes; i++) {
        const struct message_attribute *a = &letter.publish.attributes[i];
        if (str_eq(a->key, str_from(key))) {
            snprintf(value, sizeof(value), "%.*s", STR_ARG(a->value));
            return value;
        }
    }
    return NULL;
}

START_TEST(tells_the_reason_beside_the_message_as_it_was)
{
    struct message_attribute own[] = {{STR("origin"), STR("sensor")},
                                      {STR("empty"), STR("")}};
    struct message m = {.id = STR("77"),
                        .data = STR("{bad"),
                        .ordering_key = STR("k"),
                        .attributes = own,
                        .n_attributes = 2};

    dead_letter_init(&letter, &m, "schema", "timestamp", "is missing");
    ck_assert(str_eq(letter.publish.data, STR("{bad")));
    ck_assert(str_eq(letter.publish.ordering_key, STR("k")));
    ck_assert_str_eq(attribute("datos-error"), "schema");
    ck_assert_str_eq(attribute("datos-error-field"), "timestamp");
    ck_assert_str_eq(attribute("datos-error-detail"), "is missing");
    ck_assert_str_eq(attribute("datos-source-message-id"), "77");
    ck_assert_str_eq(attribute("origin"), "sensor");
    ck_assert_str_eq(attribute("empty"), "");
    ck_assert_ptr_null(attribute("datos-attributes-dropped"));
    ck_assert_uint_eq(letter.publish.n_attributes, 6);
}
END_TEST

START_TEST(a_long_detail_is_cut_at_a_character)
{
    char detail[1100];
    struct message m = {.id = STR("1"), .data = STR("")};

    memset(detail, 'a', sizeof(detail));
    memcpy(detail + 999, "\xc3\xa9", 3);
    dead_letter_init(&letter, &m, "malformed", "", detail);
    ck_assert_uint_eq(strlen(attribute("datos-error-detail")), 999);
    memset(detail, 'a', 998);
    memcpy(detail + 998, "\xc3\xa9more", 7);
    dead_letter_init(&letter, &m, "malformed", "", detail);
    ck_assert_uint_eq(strlen(attribute("datos-error-detail")), 1000);
}
END_TEST

START_TEST(attributes_that_do_not_fit_are_dropped_and_counted)
{
    static char keys[120][16];
    struct message_attribute own[120];
    struct message m = {.id = STR("1"),
                        .data = STR(""),
                        .attributes = own,
                        .n_attributes = 120};

    for (int i = 0; i < 120; i++) {
        snprintf(keys[i], sizeof(keys[i]), "k%d", i);
        own[i] = (struct message_attribute){str_from(keys[i]), STR("v")};
    }
    dead_letter_init(&letter, &m, "schema", "id", "why");
    ck_assert_uint_eq(letter.publish.n_attributes, 100);
    ck_assert_str_eq(attribute("datos-attributes-dropped"), "25");
    ck_assert_str_eq(attribute("datos-error"), "schema");
    ck_assert_str_eq(attribute("k94"), "v");
    ck_assert_ptr_null(attribute("k95"));
}
END_TEST

START_TEST(reserved_and_oversized_attributes_are_not_sent)
{
    static char long_value[1026], long_key[258];
    struct message_attribute own[] = {
        {STR("googclient_schemaencoding"), STR("JSON")},
        {STR("v"), {long_value, 1025}},
        {{long_key, 257}, STR("x")},
        {STR("fine"), {long_value, 1024}},
    };
    struct message m = {
        .id = STR("1"), .data = STR(""), .attributes = own, .n_attributes = 4};

    memset(long_value, 'v', 1025);
    memset(long_key, 'k', 257);
    dead_letter_init(&letter, &m, "schema", "id", "why");
    ck_assert_str_eq(attribute("datos-attributes-dropped"), "3");
    ck_assert_ptr_nonnull(attribute("fine"));
    ck_assert_uint_eq(letter.publish.n_attributes, 6);
}
END_TEST

START_TEST(an_old_reason_gives_way_to_the_new_one)
{
    struct message_attribute own[] = {
        {STR("datos-error"), STR("malformed")},
        {STR("datos-error-detail"), STR("old")},
        {STR("datos-source-message-id"), STR("1")},
        {STR("datos-redrive-count"), STR("2")},
    };
    struct message m = {
        .id = STR("9"), .data = STR(""), .attributes = own, .n_attributes = 4};

    dead_letter_init(&letter, &m, "schema", "id", "new");
    ck_assert_str_eq(attribute("datos-error"), "schema");
    ck_assert_str_eq(attribute("datos-error-detail"), "new");
    ck_assert_str_eq(attribute("datos-source-message-id"), "9");
    ck_assert_str_eq(attribute("datos-redrive-count"), "2");
    ck_assert_uint_eq(letter.publish.n_attributes, 5);
    ck_assert_ptr_null(attribute("datos-attributes-dropped"));
}
END_TEST

START_TEST(can_be_reduced_to_its_reason)
{
    struct message_attribute own[] = {{STR("a"), STR("b")}};
    struct message m = {
        .id = STR("9"), .data = STR("d"), .attributes = own, .n_attributes = 1};

    dead_letter_init(&letter, &m, "schema", "id", "new");
    ck_assert(dead_letter_reduce(&letter));
    ck_assert_uint_eq(letter.publish.n_attributes, 4);
    ck_assert_ptr_null(attribute("a"));
    ck_assert(!dead_letter_reduce(&letter));
}
END_TEST

Suite *suite_dead_letter(void)
{
    Suite *s = suite_create("dead_letter");
    TCase *tc = tcase_create("dead_letter");

    tcase_add_test(tc, tells_the_reason_beside_the_message_as_it_was);
    tcase_add_test(tc, a_long_detail_is_cut_at_a_character);
    tcase_add_test(tc, attributes_that_do_not_fit_are_dropped_and_counted);
    tcase_add_test(tc, reserved_and_oversized_attributes_are_not_sent);
    tcase_add_test(tc, an_old_reason_gives_way_to_the_new_one);
    tcase_add_test(tc, can_be_reduced_to_its_reason);
    suite_add_tcase(s, tc);
    return s;
}
