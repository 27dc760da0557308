/* SPDX-License-Identifier: Apache-2.0 */
/* CONTAINS_SUBSTR (page "String functions"): a text looked for in a value, in
 * every field and element of it, without regard to case. */
#include "common/json.h"
#include "emulator/bigquery/sql/fn.h"
#include "emulator/bigquery/sql/show.h"
#include "emulator/bigquery/sql/utf8.h"

struct search {
    const struct tz *zone;
    struct buf needle;     /* in lower case */
    struct buf text, fold; /* of the value at hand */
    bool found, nulls;
};

static void fold(struct buf *out, struct str s)
{
    while (s.len)
        utf8_put(out, utf8_lower(utf8_next(&s)));
}

static void search_init(struct search *s, struct str needle)
{
    *s = (struct search){.found = false};
    fn_buf(&s->needle);
    fn_buf(&s->text);
    fn_buf(&s->fold);
    fold(&s->needle, needle);
}

static void search_fini(struct search *s)
{
    buf_fini(&s->needle);
    buf_fini(&s->text);
    buf_fini(&s->fold);
}

static void look_in(struct search *s, struct str text)
{
    buf_reset(&s->fold);
    fold(&s->fold, text);
    s->found |= s->needle.len == 0 ||
                (s->fold.len && memmem(s->fold.data, s->fold.len,
                                       s->needle.data, s->needle.len));
}

/* The values of a JSON text; its keys are not looked at. */
static void look_in_json(struct search *s, struct str json)
{
    enum json_kind kind;
    struct json_scan scan;
    struct json_token t;

    json_scan_init(&scan, json);
    while (!s->found && (kind = json_scan_next(&scan, &t)) != JSON_T_DONE &&
           kind != JSON_T_ERROR) {
        if (kind == JSON_T_NULL)
            s->nulls = true;
        else if (kind == JSON_T_TRUE || kind == JSON_T_FALSE)
            look_in(s, kind == JSON_T_TRUE ? STR("true") : STR("false"));
        else if (kind == JSON_T_NUMBER)
            look_in(s, t.text);
        else if (kind == JSON_T_STRING) {
            buf_reset(&s->text);
            if (!buf_reserve(&s->text, t.text.len + 1))
                break;
            s->text.len = json_decode(s->text.data, t.text);
            look_in(s, buf_as_str(&s->text));
        }
    }
    json_scan_fini(&scan);
}

static void look(struct search *s, const struct sql_type *t,
                 const struct value *v)
{
    bool nested = t->kind == T_ARRAY || t->kind == T_STRUCT;
    struct buf scratch;
    struct elems e;
    struct value item;

    if (v->kind == FN_NULL) {
        s->nulls = true;
    } else if (t->kind == T_JSON) {
        look_in_json(s, v->s);
    } else if (!nested) {
        buf_reset(&s->text);
        show_text(&s->text, t, v, s->zone, false);
        look_in(s, buf_as_str(&s->text));
    } else {
        fn_buf(&scratch);
        elems_init(&e, v->s);
        for (size_t i = 0; !s->found && elems_next(&e, &item, &scratch); i++) {
            if (t->kind == T_STRUCT && i >= t->n_fields)
                break;
            look(s, t->kind == T_ARRAY ? t->elem : t->fields[i].type, &item);
        }
        buf_fini(&scratch);
    }
}

static void answer(struct fn *f, const struct search *s)
{
    if (fn_failed(f))
        return;
    if (s->needle.failed || s->text.failed || s->fold.failed)
        fn_fail(f, "A value is too large to be searched");
    else if (!s->found && s->nulls)
        fn_null(f);
    else
        fn_set_bool(f, s->found);
}

void rt_contains_substr(struct fn *f)
{
    struct search s;

    search_init(&s, fn_str(f, 1));
    look_in(&s, fn_str(f, 0));
    answer(f, &s);
    search_fini(&s);
}

/* needle, zone, type, value */
void rt_contains_value(struct fn *f)
{
    struct arena mem;
    struct search s;
    struct value v;

    if (fn_is_null(f, 0)) {
        fn_null(f);
        return;
    }
    search_init(&s, fn_str(f, 0));
    s.zone = fn_zone(f, 1);
    arena_init(&mem);
    fn_get(f, 3, &v, false);
    if (s.zone)
        look(&s, type_from_descriptor(&mem, fn_str(f, 2)), &v);
    answer(f, &s);
    search_fini(&s);
    arena_fini(&mem);
}
