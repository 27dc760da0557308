/* SPDX-License-Identifier: Apache-2.0 */
/* ARRAY and STRUCT values: made, read, joined, generated. */
#include <math.h>
#include <stdlib.h>

#include "common/mem.h"
#include "emulator/bigquery/sql/civil.h"
#include "emulator/bigquery/sql/fn.h"
#include "emulator/bigquery/sql/part.h"

enum {
    GENERATE_MAX = 1000000
};

static void begin(struct buf *out)
{
    fn_buf(out);
    buf_putc(out, '[');
}

static void comma(struct buf *out)
{
    if (out->len > 1)
        buf_putc(out, ',');
}

static void end(struct fn *f, struct buf *out)
{
    buf_putc(out, ']');
    fn_set_buf(f, out);
}

static void make(struct fn *f, bool per_field)
{
    struct str format = fn_str(f, 0);
    struct buf out;
    struct value v;

    begin(&out);
    for (int i = 1; i < fn_count(f); i++) {
        fn_get(f, i, &v, format.p[per_field ? i - 1 : 0] == 'r');
        comma(&out);
        value_put(&out, &v);
    }
    end(f, &out);
}

void rt_array(struct fn *f)
{
    make(f, false);
}

void rt_struct(struct fn *f)
{
    make(f, true);
}

static void element(struct fn *f, struct str encoded, int64_t i)
{
    struct buf scratch;
    struct value v;

    fn_buf(&scratch);
    if (elems_at(encoded, i, &v, &scratch))
        fn_set_value(f, &v);
    else
        fn_null(f);
    buf_fini(&scratch);
}

void rt_field(struct fn *f)
{
    element(f, fn_str(f, 0), fn_int(f, 1));
}

/* (array, position, ordinal?) */
void rt_elem(struct fn *f)
{
    int64_t i = fn_int(f, 1), at = i - fn_int(f, 2);

    if (at < 0 || at >= elems_count(fn_str(f, 0)))
        fn_fail(f, "Array index %lld is out of bounds", (long long)i);
    else
        element(f, fn_str(f, 0), at);
}

void rt_array_length(struct fn *f)
{
    fn_set_int(f, elems_count(fn_str(f, 0)));
}

void rt_array_concat(struct fn *f)
{
    struct buf out;

    begin(&out);
    for (int i = 0; i < fn_count(f); i++) {
        struct str s = fn_str(f, i);
        if (s.len <= 2)
            continue;
        comma(&out);
        buf_append(&out, s.p + 1, s.len - 2);
    }
    end(f, &out);
}

static void slice(struct fn *f, int64_t from, int64_t to, bool reverse)
{
    struct str s = fn_str(f, 0);
    struct buf out, scratch;
    struct value v;

    begin(&out);
    fn_buf(&scratch);
    for (int64_t i = from; i <= to; i++) {
        if (!elems_at(s, reverse ? to - (i - from) : i, &v, &scratch))
            break;
        comma(&out);
        value_put(&out, &v);
    }
    buf_fini(&scratch);
    end(f, &out);
}

void rt_array_reverse(struct fn *f)
{
    slice(f, 0, elems_count(fn_str(f, 0)) - 1, true);
}

void rt_array_slice(struct fn *f)
{
    int64_t n = elems_count(fn_str(f, 0)), from = fn_int(f, 1),
            to = fn_int(f, 2);

    from = from < 0 ? from + n : from;
    to = to < 0 ? to + n : to;
    slice(f, from < 0 ? 0 : from, to >= n ? n - 1 : to, false);
}

void rt_array_end(struct fn *f)
{
    int64_t n = elems_count(fn_str(f, 0));

    if (n == 0)
        fn_fail(f, "%s cannot get the %s element of an empty array",
                fn_int(f, 1) ? "ARRAY_LAST" : "ARRAY_FIRST",
                fn_int(f, 1) ? "last" : "first");
    else
        element(f, fn_str(f, 0), fn_int(f, 1) ? n - 1 : 0);
}

/* Three-valued: a NULL element leaves "not found" unknown. */
void rt_in_array(struct fn *f)
{
    bool unknown = false, found = false;
    struct value v, wanted;
    struct buf scratch;
    struct elems e;

    if (fn_is_null(f, 1)) {
        fn_set_bool(f, false);
        return;
    }
    fn_get(f, 0, &wanted, false);
    fn_buf(&scratch);
    elems_init(&e, fn_str(f, 1));
    while (!found && elems_next(&e, &v, &scratch)) {
        if (v.kind == FN_NULL || wanted.kind == FN_NULL)
            unknown = true;
        else
            found = value_cmp(&v, &wanted) == 0;
    }
    buf_fini(&scratch);
    if (!found && unknown)
        fn_null(f);
    else
        fn_set_bool(f, found);
}

static int by_text(const void *a, const void *b)
{
    const struct str *x = a, *y = b;
    return str_cmp(*x, *y);
}

/* Equal values have equal encodings. */
void rt_array_is_distinct(struct fn *f)
{
    struct str encoded = fn_str(f, 0);
    size_t n = 0, cap = (size_t)elems_count(encoded);
    struct str *all = MEM_ARRAY(struct str, cap + 1);
    bool distinct = true;
    struct elems e;

    elems_init(&e, encoded);
    while (n < cap && elems_raw(&e, &all[n]))
        n++;
    qsort(all, n, sizeof(*all), by_text);
    for (size_t i = 1; i < n && distinct; i++)
        distinct = !str_eq(all[i - 1], all[i]);
    mem_free(all);
    fn_set_bool(f, distinct);
}

/* An array on its way into a column: (array, column). */
void rt_no_nulls(struct fn *f)
{
    struct str column = fn_str(f, 1);
    struct value v;
    struct elems e;
    struct buf scratch;
    bool bad = false;

    fn_buf(&scratch);
    elems_init(&e, fn_str(f, 0));
    while (!bad && elems_next(&e, &v, &scratch))
        bad = v.kind == FN_NULL;
    buf_fini(&scratch);
    if (bad)
        fn_fail(f,
                "Array cannot have a null element; error in writing field "
                "%.*s",
                STR_ARG(column));
    else
        fn_set_arg(f, 0);
}

void rt_array_to_string(struct fn *f)
{
    struct str sep = fn_str(f, 1);
    bool first = true, with_null = fn_count(f) > 2;
    struct buf out, scratch;
    struct value v;
    struct elems e;

    fn_buf(&out);
    fn_buf(&scratch);
    elems_init(&e, fn_str(f, 0));
    while (elems_next(&e, &v, &scratch)) {
        if (v.kind == FN_NULL && !with_null)
            continue;
        if (!first)
            buf_str(&out, sep);
        first = false;
        buf_str(&out, v.kind == FN_NULL ? fn_str(f, 2) : v.s);
    }
    buf_fini(&scratch);
    if (fn_kind(f, 1) == FN_BLOB)
        fn_set_buf_blob(f, &out);
    else
        fn_set_buf(f, &out);
}

static bool check_step(struct fn *f, bool zero, double n)
{
    if (zero)
        fn_fail(f, "Sequence step cannot be 0.");
    else if (n > GENERATE_MAX)
        fn_fail(f, "Cannot generate more than %d elements", GENERATE_MAX);
    return !zero && n <= GENERATE_MAX;
}

void rt_generate_array(struct fn *f)
{
    int64_t from = fn_int(f, 0), to = fn_int(f, 1),
            step = fn_count(f) > 2 ? fn_int(f, 2) : 1;
    struct buf out;

    if (!check_step(f, step == 0,
                    step ? ((double)to - (double)from) / (double)step : 0))
        return;
    begin(&out);
    while (step > 0 ? from <= to : from >= to) {
        comma(&out);
        buf_i64(&out, from);
        if (__builtin_add_overflow(from, step, &from))
            break;
    }
    end(f, &out);
}

void rt_generate_farray(struct fn *f)
{
    double from = fn_real(f, 0), to = fn_real(f, 1),
           step = fn_count(f) > 2 ? fn_real(f, 2) : 1;
    struct buf out;
    int n = 0;

    if (!check_step(f, step == 0 || isnan(step), fabs((to - from) / step)))
        return;
    begin(&out);
    for (;; n++) {
        double v = from + n * step;
        if (!(step > 0 ? v <= to : v >= to))
            break;
        comma(&out);
        put_real(&out, v);
    }
    end(f, &out);
}

/* (from, to, n, part): dates in days, or instants in microseconds. */
static void generate_times(struct fn *f, bool dates)
{
    int64_t from = fn_int(f, 0), to = fn_int(f, 1), n = fn_int(f, 2);
    int64_t v = from, step;
    struct str part = fn_str(f, 3);
    struct buf out;
    const char *why;

    if (!check_step(f, n == 0, 0))
        return;
    begin(&out);
    for (int64_t i = 1; n > 0 ? v <= to : v >= to; i++) {
        comma(&out);
        buf_i64(&out, v);
        if (i > GENERATE_MAX) {
            check_step(f, false, (double)i);
            buf_fini(&out);
            return;
        }
        if (__builtin_mul_overflow(i, n, &step))
            break;
        why = dates ? part_add_date(from, step, part, &v)
                    : part_add_instant(from, step, part, &v);
        if (why) {
            if (i > 1 && !strncmp(why, "overflow", 8))
                break;
            fn_fail(f, "%s", why);
            buf_fini(&out);
            return;
        }
    }
    end(f, &out);
}

void rt_generate_dates(struct fn *f)
{
    generate_times(f, true);
}

void rt_generate_timestamps(struct fn *f)
{
    generate_times(f, false);
}
