/* SPDX-License-Identifier: Apache-2.0 */
/* Function calls: overloads by signature, then the call's SQLite text.
 *
 * Signatures are texts, read here: a letter of type.def each; `1`, `2` any
 * type (all of one digit become one type); `[x]` ARRAY of x; `U` any STRUCT;
 * `#` anything; `P` a date part; `R` an INTERVAL; then `?` optional, `*` any
 * number; behind `>` the result. In emissions `$n` is an argument, `$*` all,
 * `$n+` all from the n-th, `$@n` the same with each one's type before it, `$Z`
 * the zone of those that name none. */
#include "emulator/bigquery/sql/bind_interval.h"

#include "common/buf.h"

enum {
    ARGS_MAX = 1000
};

static const struct signature functions[] = {
#define SIG(name, args, sql) {name, args, sql},
#include "emulator/bigquery/sql/functions.def"
#undef SIG
};
enum {
    N_FUNCTIONS = sizeof(functions) / sizeof(*functions)
};

bool signature_find(const struct signature *table, size_t n, struct str name,
                    size_t *first, size_t *last)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t mid = (low + high) / 2;
        if (str_cmp(str_from(table[mid].name), name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *first = low;
    while (low < n && str_eq(str_from(table[low].name), name))
        low++;
    *last = low;
    return low > *first;
}

static enum sql_type_kind letter_kind(char c)
{
    static const char letters[] = {
#define SQLTYPE(name, letter, legacy, sqlite) letter,
#include "emulator/bigquery/sql/type.def"
#undef SQLTYPE
    };

    for (size_t i = 0; i < sizeof(letters); i++) {
        if (letters[i] == c)
            return (enum sql_type_kind)i;
    }
    return T_N;
}

struct matching {
    struct binder *b;
    struct bexpr **args;
    size_t n;
    struct bexpr **templ[2];
    size_t n_templ[2];
    const struct sql_type *bound[2];
    const char **slot; /* the signature's token for each argument */
};

static const char *next_token(const char *sig)
{
    return sig[0] == '[' ? sig + 3 : sig + 1;
}

/* Hands each argument its token; false if the number does not fit. */
static bool assign_slots(struct matching *m, const char *sig)
{
    size_t i = 0;

    while (*sig != '>') {
        const char *after = next_token(sig);
        if (*after == '*') {
            while (i < m->n)
                m->slot[i++] = sig;
            after++;
        } else if (i < m->n) {
            m->slot[i++] = sig;
            after += *after == '?';
        } else if (*after == '?') {
            after++;
        } else {
            return false;
        }
        sig = after;
    }
    return i == m->n;
}

static int array_slot(struct matching *m, struct bexpr *e, const char *slot)
{
    char c = slot[1];
    struct sql_type t;

    if (c == '1' || c == '2') {
        struct bexpr *elem;
        if (e->type->kind == T_NULLTYPE)
            return 1;
        if (e->type->kind != T_ARRAY)
            return -1;
        elem = bexpr_new(m->b, e->type->elem, "", e->at);
        elem->literal = e->type->elem->kind == T_NULLTYPE;
        m->templ[c - '1'][m->n_templ[c - '1']++] = elem;
        return 0;
    }
    t = (struct sql_type){.kind = T_ARRAY, .elem = type_scalar(letter_kind(c))};
    return coerce_cost(e, &t);
}

static int slot_cost(struct matching *m, struct bexpr *e, const char *slot)
{
    bool special = *slot == 'P' || *slot == 'R';

    if (!e->type)
        return *slot == 'P' ? 0 : -1;
    if (e->part_pair)
        return *slot == 'R' ? 0 : -1;
    if (special)
        return -1;
    if (*slot == '[')
        return array_slot(m, e, slot);
    if (*slot == '1' || *slot == '2') {
        m->templ[*slot - '1'][m->n_templ[*slot - '1']++] = e;
        return 0;
    }
    if (*slot == '#')
        return 0;
    if (*slot == 'U')
        return e->type->kind == T_STRUCT ? 0 : -1;
    return coerce_cost(e, type_scalar(letter_kind(*slot)));
}

static int match(struct matching *m, const char *sig)
{
    int total = 0;

    m->n_templ[0] = m->n_templ[1] = 0;
    if (!assign_slots(m, sig))
        return -1;
    for (size_t i = 0; i < m->n; i++) {
        int cost = slot_cost(m, m->args[i], m->slot[i]);
        if (cost < 0)
            return -1;
        total += cost;
    }
    for (int k = 0; k < 2; k++) {
        m->bound[k] = type_scalar(T_NULLTYPE);
        if (!m->n_templ[k])
            continue;
        m->bound[k] = super_of(m->b, m->templ[k], m->n_templ[k]);
        if (!m->bound[k])
            return -1;
    }
    /* what widens to the shared type costs as much as in a row of that type */
    for (size_t i = 0; i < m->n; i++)
        if (*m->slot[i] == '1' || *m->slot[i] == '2')
            total += coerce_cost(m->args[i], m->bound[*m->slot[i] - '1']);
    return total;
}

static const struct sql_type *slot_type(struct matching *m, const char *slot)
{
    if (*slot == '1' || *slot == '2')
        return m->bound[*slot - '1'];
    if (*slot == '[')
        return type_array(m->b->mem, slot_type(m, slot + 1));
    return type_scalar(letter_kind(*slot));
}

static void emit_typed(struct matching *m, struct buf *out, size_t from)
{
    for (size_t i = from; i < m->n; i++) {
        const char *d = type_descriptor(m->b->mem, m->args[i]->type);
        buf_puts(out, i > from ? "," : "");
        buf_puts(out, quote_sql(m->b->mem, str_from(d)));
        buf_putc(out, ',');
        buf_puts(out, m->args[i]->sql);
    }
}

static void emit_all(struct matching *m, struct buf *out, size_t from)
{
    for (size_t i = from; i < m->n; i++) {
        buf_puts(out, i > from ? "," : "");
        buf_puts(out, m->args[i]->sql);
    }
}

/* SAFE.f: each run-time function in it becomes the one without errors. */
static size_t emit_name(struct buf *out, const char *t, bool safe)
{
    if (!safe || strncmp(t, "bq_", 3))
        return 0;
    buf_puts(out, "bqs_");
    return 3;
}

static const char *emit(struct matching *m, const char *t, bool safe,
                        const char *extra)
{
    struct buf *out = arena_buf(m->b->mem);

    while (*t) {
        size_t name = emit_name(out, t, safe);
        t += name;
        if (name)
            continue;
        if (*t != '$' || !t[1] || !strchr("*@DZ123456789", t[1])) {
            buf_putc(out, *t++); /* also the '$' of a JSON path */
            continue;
        }
        t++;
        if (*t == '*') {
            emit_all(m, out, 0);
        } else if (*t == '@') {
            emit_typed(m, out, (size_t)(*++t - '1'));
        } else if (*t == 'D') {
            buf_puts(out, extra ? extra : "");
        } else if (*t == 'Z') {
            buf_puts(out, bind_zone(m->b));
        } else if (t[1] == '+') {
            emit_all(m, out, (size_t)(*t - '1'));
            t++;
        } else {
            size_t i = (size_t)(*t - '1');
            buf_puts(out, i < m->n ? m->args[i]->sql : "NULL");
        }
        t++;
    }
    return arena_buf_take(m->b->mem, out);
}

static const char *arg_types(struct binder *b, struct bexpr **args, size_t n)
{
    const char *s = "";

    for (size_t i = 0; i < n && i < 20; i++)
        s = arena_cat(b->mem, s, i ? ", " : "",
                      !args[i]->type ? "DATE_PART"
                      : args[i]->type->kind == T_INTERVAL
                          ? "INTERVAL"
                          : bind_type_name(b, args[i]->type),
                      NULL);
    return s;
}

static const char *signature_text(struct binder *b, const struct signature *s)
{
    const char *out = arena_cat(b->mem, s->name, "(", NULL), *sep = "";

    for (const char *t = s->args; *t != '>';) {
        const char *after = next_token(t), *name;
        bool array = *t == '[';
        char c = array ? t[1] : *t;
        enum sql_type_kind k = letter_kind(c);
        name = c == '1' || c == '2' || c == '#' ? "ANY"
               : c == 'P'                       ? "DATE_PART"
               : c == 'R'                       ? "INTERVAL"
               : c == 'U'                       ? "STRUCT"
               : k == T_N                       ? "?"
                          : bind_type_name(b, type_scalar(k));
        out = arena_cat(b->mem, out, sep, *after == '?' ? "[" : "",
                        array ? "ARRAY<" : "", name, array ? ">" : "",
                        *after == '?'   ? "]"
                        : *after == '*' ? ", ..."
                                        : "",
                        NULL);
        t = after + (*after == '?' || *after == '*');
        sep = ", ";
    }
    return arena_cat(b->mem, out, ")", NULL);
}

static _Noreturn void no_match(struct binder *b, const struct ast_expr *x,
                               const struct signature *table, size_t first,
                               size_t last, struct bexpr **args, size_t n)
{
    const char *kind =
        is_aggregate_name(x->text) ? "aggregate function" : "function";
    const char *list = "";

    for (size_t i = first; i < last; i++)
        list = arena_cat(b->mem, list, i > first ? "; " : "",
                         signature_text(b, &table[i]), NULL);
    bind_fail(b, x->at,
              "No matching signature for %s %.*s for argument "
              "types: %s. Supported signature%s: %s",
              kind, STR_ARG(x->text), arg_types(b, args, n),
              last - first > 1 ? "s" : "", list);
}

/* What does more with a value than to hand it on would take two texts of one
 * INTERVAL for different ones. */
static void check_intervals(struct binder *b, const struct ast_expr *x,
                            struct bexpr **args, size_t n)
{
    static const char *const holds[] = {"ANY_VALUE",
                                        "ARRAY_AGG",
                                        "ARRAY_CONCAT",
                                        "ARRAY_CONCAT_AGG",
                                        "ARRAY_FIRST",
                                        "ARRAY_LAST",
                                        "ARRAY_LENGTH",
                                        "ARRAY_REVERSE",
                                        "ARRAY_SLICE",
                                        "COALESCE",
                                        "COUNT",
                                        "DATETIME_BUCKET",
                                        "DATE_BUCKET",
                                        "FIRST_VALUE",
                                        "FORMAT",
                                        "IFNULL",
                                        "JUSTIFY_DAYS",
                                        "JUSTIFY_HOURS",
                                        "JUSTIFY_INTERVAL",
                                        "LAG",
                                        "LAST_VALUE",
                                        "LEAD",
                                        "NTH_VALUE",
                                        "TIMESTAMP_BUCKET",
                                        "TO_JSON",
                                        "TO_JSON_STRING"};

    for (size_t i = 0; i < sizeof(holds) / sizeof(*holds); i++) {
        if (str_eq(x->text, str_from(holds[i])))
            return;
    }
    for (size_t i = 0; i < n; i++) {
        if (args[i]->type && !args[i]->part_pair)
            refuse_interval(b, args[i]->type, x->at,
                            arena_printf(b->mem, "Function %.*s for arguments",
                                         STR_ARG(x->text)));
    }
}

static bool any_decimal(struct bexpr *const *args, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (args[i]->type && is_decimal(args[i]->type))
            return true;
    }
    return false;
}

struct bexpr *resolve_call(struct binder *b, const struct ast_expr *x,
                           const struct signature *table, size_t n_table,
                           struct bexpr **args, size_t n, const char *extra)
{
    struct matching *m = ARENA_NEW(b->mem, struct matching);
    size_t first, last, best = 0;
    int least = -1;
    struct bexpr *out;
    const char *result;

    signature_find(table, n_table, x->text, &first, &last);
    check_intervals(b, x, args, n);
    *m = (struct matching){.b = b, .args = args, .n = n};
    m->templ[0] = ARENA_ARRAY(b->mem, struct bexpr *, n);
    m->templ[1] = ARENA_ARRAY(b->mem, struct bexpr *, n);
    m->slot = ARENA_ARRAY(b->mem, const char *, n);
    for (size_t i = first; i < last; i++) {
        int cost = match(m, table[i].args);
        /* A refused overload is for its own type, not for what widens; beside
         * a decimal, an integer is one. */
        if (cost > 0 && table[i].sql[0] == '!' && table == functions &&
            !any_decimal(args, n))
            continue;
        if (cost >= 0 && (least < 0 || cost < least)) {
            least = cost;
            best = i;
        }
    }
    if (least < 0)
        no_match(b, x, table, first, last, args, n);
    match(m, table[best].args);
    if (table[best].sql[0] == '!' && table == functions)
        bind_refuse(b, x->at, "Function %.*s for arguments of type %s",
                    STR_ARG(x->text), arg_types(b, args, n));
    result = strchr(table[best].args, '>') + 1;
    out = bexpr_new(b, slot_type(m, result), NULL, x->at);
    out->constant = true;
    for (size_t i = 0; i < n; i++) {
        if (args[i]->type && !args[i]->part_pair && *m->slot[i] != '#' &&
            *m->slot[i] != 'U')
            args[i] = coerce(b, args[i], slot_type(m, m->slot[i]));
        bexpr_merge(out, args[i]);
        out->constant &= args[i]->constant;
    }
    out->sql = emit(m, table[best].sql, x->call && x->call->safe, extra);
    return out;
}

/* Does an overload want `letter` (P, R) for this argument? */
static bool wants(char letter, size_t first, size_t last, size_t arg)
{
    for (size_t i = first; i < last; i++) {
        const char *t = functions[i].args;
        for (size_t k = 0; *t != '>'; k++) {
            const char *after = next_token(t);
            if (k == arg && *t == letter)
                return true;
            t = after + (*after == '?' || *after == '*');
        }
    }
    return false;
}

static const char *suggest(struct binder *b, struct str name)
{
    const char *best = NULL;
    unsigned least = name.len > 4 ? 3 : 2;

    for (size_t i = 0; i < N_FUNCTIONS; i++) {
        unsigned d = str_distance(str_from(functions[i].name), name);
        if (d < least) {
            least = d;
            best = functions[i].name;
        }
    }
    return best ? arena_cat(b->mem, "; Did you mean ", best, "?", NULL) : "";
}

/* What BigQuery has and this does not is named so, by its beginning. */
static _Noreturn void unknown(struct binder *b, const struct ast_expr *x)
{
    static const char *const families[] = {"ST_",
                                           "ML.",
                                           "AI.",
                                           "HLL_COUNT.",
                                           "NET.",
                                           "KEYS.",
                                           "AEAD.",
                                           "S2_",
                                           "RANGE",
                                           "BAG.",
                                           "KLL_QUANTILES.",
                                           "DETERMINISTIC_",
                                           "VECTOR_",
                                           "JSON_",
                                           "ARRAY_",
                                           "DLP_",
                                           "EXTERNAL_",
                                           "ENCRYPT",
                                           "NORMALIZE",
                                           "COLLATE",
                                           "SEARCH",
                                           "TO_BASE32",
                                           "FROM_BASE32",
                                           "GAP_FILL",
                                           "APPENDS",
                                           "CHANGES",
                                           "GENERATE_RANGE_ARRAY",
                                           "LAX_",
                                           "BOOL_ARRAY",
                                           "INT64_ARRAY",
                                           "FLOAT64_ARRAY",
                                           "STRING_ARRAY",
                                           "COSINE_DISTANCE",
                                           "EUCLIDEAN_DISTANCE",
                                           "TYPEOF",
                                           "OBJ.",
                                           "BIT_",
                                           "GROUPING_ID",
                                           "FLOAT32"};

    for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++) {
        if (str_starts(x->text, str_from(families[i])))
            bind_refuse(b, x->at, "Function %.*s", STR_ARG(x->text));
    }
    bind_fail(b, x->at, "Function not found: %.*s%s", STR_ARG(x->text),
              suggest(b, x->text));
}

/* CONCAT takes what can be cast to STRING, unless it joins BYTES. */
static void as_strings(struct binder *b, struct bexpr **args, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        enum sql_type_kind k = args[i]->type ? args[i]->type->kind : T_BYTES;

        if (k == T_BYTES || k == T_INTERVAL)
            return;
    }
    for (size_t i = 0; i < n; i++) {
        enum sql_type_kind k = args[i]->type->kind;

        if (k != T_STRING && k != T_NULLTYPE && k != T_ARRAY && k != T_STRUCT &&
            k != T_JSON)
            args[i] = bind_cast(b, args[i], type_scalar(T_STRING), false,
                                args[i]->at);
    }
}

struct bexpr *bind_call(struct binder *b, const struct ast_expr *x)
{
    struct bexpr **args, *e;
    size_t first, last, n = 0;

    if (x->kind == EX_EXTRACT)
        return bind_extract(b, x);
    if (x->call->over)
        return bind_window_call(b, x);
    if (is_aggregate_name(x->text))
        return bind_aggregate(b, x);
    e = bind_special(b, x);
    if (e)
        return e;
    if (!signature_find(functions, N_FUNCTIONS, x->text, &first, &last))
        unknown(b, x);
    if (x->call->distinct || x->call->order || x->call->limit || x->call->nulls)
        bind_fail(b, x->at,
                  "Non-aggregate %.*s() call cannot have DISTINCT, "
                  "ORDER BY, LIMIT or IGNORE NULLS",
                  STR_ARG(x->text));
    if (x->n > ARGS_MAX)
        bind_fail(b, x->at, "Query is too complex: more than %d arguments",
                  ARGS_MAX);
    args = ARENA_ARRAY(b->mem, struct bexpr *, (size_t)x->n);
    for (const struct ast_expr *a = x->list; a; a = a->next, n++) {
        if (a->kind == EX_NAMED)
            bind_refuse(b, a->at, "Named argument %.*s", STR_ARG(a->text));
        if (a->kind == EX_STAR)
            bind_fail(b, a->at, "Argument * can only be used in COUNT(*)");
        if (a->kind == EX_INTERVAL && wants('R', first, last, n))
            args[n] = bind_interval(b, a);
        else if (wants('P', first, last, n))
            args[n] = bind_part(b, a);
        else
            args[n] = bind_expr(b, a);
    }
    if (str_eq(x->text, STR("CONCAT")))
        as_strings(b, args, n);
    e = resolve_call(b, x, functions, N_FUNCTIONS, args, n, NULL);
    check_parts(b, x, args, n);
    return e;
}
