/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns to programs: recursive descent that emits as it reads; what a
 * quantifier repeats is emitted again from its text. */
#include <stdio.h>

#include "common/json.h"
#include "common/mem.h"
#include "emulator/bigquery/sql/re_set.h"
#include "emulator/bigquery/sql/utf8.h"

enum {
    CODE_MAX = 50000,
    RANGES_MAX = 100000,
    REPEAT_MAX = 1000,
    DEPTH_MAX = 200
};

struct parser {
    struct re *re;
    struct str rest, whole;
    char *error;
    bool fold, dot_all, multi_line, ungreedy;
    int depth;
    bool failed;
};

static void fail(struct parser *p, const char *why)
{
    if (!p->failed)
        snprintf(p->error, RE_ERROR_MAX, "%s", why);
    p->failed = true;
}

/* RE2 tells the whole pattern after what is missing at its end. */
static void fail_whole(struct parser *p, const char *why)
{
    char text[RE_ERROR_MAX];

    snprintf(text, sizeof(text), "%s: %.*s", why,
             (int)(p->whole.len < 60 ? p->whole.len : 60), p->whole.p);
    fail(p, text);
}

static uint32_t emit(struct parser *p, enum re_op op, uint32_t x, uint32_t y)
{
    struct re *re = p->re;

    if (re->n_code == CODE_MAX) {
        fail(p, "pattern too large - compile failed");
        return 0;
    }
    if (re->n_code == re->cap_code) {
        re->cap_code = re->cap_code ? re->cap_code * 2 : 32;
        re->code = mem_realloc(re->code, re->cap_code * sizeof(*re->code));
    }
    re->code[re->n_code] = (struct re_inst){op, x, y};
    return re->n_code++;
}

/* Opens a place for one instruction at `at`; targets behind it move along. */
static void insert(struct parser *p, uint32_t at)
{
    struct re *re = p->re;

    emit(p, RE_JUMP, 0, 0);
    if (p->failed)
        return;
    memmove(re->code + at + 1, re->code + at,
            (re->n_code - 1 - at) * sizeof(*re->code));
    for (uint32_t i = at + 1; i < re->n_code; i++) {
        struct re_inst *c = &re->code[i];
        if (c->op == RE_SPLIT || c->op == RE_JUMP) {
            c->x += c->x >= at;
            c->y += c->y >= at;
        }
    }
}

static char head(const struct parser *p)
{
    return p->rest.len ? p->rest.p[0] : '\0';
}

static bool eat(struct parser *p, const char *text)
{
    if (!str_starts(p->rest, str_from(text)))
        return false;
    p->rest = str_of(p->rest.p + strlen(text), p->rest.len - strlen(text));
    return true;
}

static uint32_t hex(struct parser *p)
{
    bool braces = eat(p, "{");
    uint32_t v = 0;
    int n = 0;

    while (p->rest.len && n < (braces ? 6 : 2)) {
        char c = head(p);
        int d = c >= '0' && c <= '9'                     ? c - '0'
                : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                         : -1;
        if (d < 0)
            break;
        v = v * 16 + (uint32_t)d;
        n++;
        p->rest = str_of(p->rest.p + 1, p->rest.len - 1);
    }
    if (n == 0 || (!braces && n < 2) || (braces && !eat(p, "}")) ||
        v > 0x10ffff)
        fail(p, "invalid escape sequence: \\x");
    return v;
}

/* The character behind a backslash. */
static uint32_t escaped(struct parser *p)
{
    static const char from[] = "aftnrv", to[] = "\a\f\t\n\r\v";
    char c = head(p);
    const char *hit = c ? strchr(from, c) : NULL;
    uint32_t v;

    if (!p->rest.len) {
        fail(p, "trailing \\");
        return 0;
    }
    if (hit) {
        p->rest = str_of(p->rest.p + 1, p->rest.len - 1);
        return (uint32_t)to[hit - from];
    }
    if (eat(p, "x"))
        return hex(p);
    if (eat(p, "0"))
        return 0;
    v = utf8_next(&p->rest);
    if ((v >= '0' && v <= '9') || (v >= 'a' && v <= 'z') ||
        (v >= 'A' && v <= 'Z'))
        fail(p, "invalid escape sequence");
    return v;
}

/* The set becomes a part of the program. A big one that is there already, as
 * copies of a repeated atom are, is not kept twice. */
static void emit_set(struct parser *p, enum re_op op, struct re_set *s)
{
    struct re *re = p->re;
    size_t size;
    uint32_t first;

    re_set_finish(s);
    size = s->n * sizeof(*s->ranges);
    first = re->n_ranges >= s->n ? re->n_ranges - s->n : 0;
    if (re->n_ranges < s->n || !size ||
        memcmp(re->ranges + first, s->ranges, size) != 0)
        first = re->n_ranges;
    if (first + s->n > RANGES_MAX)
        fail(p, "pattern too large - compile failed");
    while (!p->failed && first + s->n > re->cap_ranges) {
        re->cap_ranges = re->cap_ranges ? re->cap_ranges * 2 : 32;
        re->ranges =
            mem_realloc(re->ranges, re->cap_ranges * sizeof(*re->ranges));
    }
    if (!p->failed && size) {
        memcpy(re->ranges + first, s->ranges, size);
        re->n_ranges = first + s->n;
    }
    emit(p, op, first, s->n);
    re_set_fini(s);
}

static void class_item(struct parser *p, struct re_set *set)
{
    struct str behind = p->rest;
    char why[RE_ERROR_MAX];
    enum re_read read = re_set_posix(set, &p->rest, why);
    uint32_t from, to;

    if (read == RE_READ_NONE && str_starts(behind, STR("\\"))) {
        behind = str_of(behind.p + 1, behind.len - 1);
        read = re_set_escape(set, &behind, why);
        if (read == RE_READ_OK)
            p->rest = behind;
    }
    if (read == RE_READ_BAD)
        fail(p, why);
    if (read != RE_READ_NONE)
        return;
    from = eat(p, "\\") ? escaped(p) : utf8_next(&p->rest);
    to = from;
    if (p->rest.len > 1 && head(p) == '-' && p->rest.p[1] != ']') {
        eat(p, "-");
        to = eat(p, "\\") ? escaped(p) : utf8_next(&p->rest);
    }
    if (to < from)
        fail(p, "invalid character class range");
    else
        re_set_add(set, from, to);
}

static void char_class(struct parser *p)
{
    enum re_op op = eat(p, "^") ? RE_NOT_CLASS : RE_CLASS;
    struct re_set set = {.fold = p->fold};
    bool any = false;

    while (!p->failed) {
        if (!p->rest.len) {
            fail(p, "missing ]");
            break;
        }
        if (any && eat(p, "]"))
            break;
        any = true;
        class_item(p, &set);
    }
    emit_set(p, op, &set);
}

static void alternation(struct parser *p);

/* (?flags), (?flags:...), (?:...), (?P<name>...): true if a group follows. */
static bool group_flags(struct parser *p, bool *captures)
{
    char why[40];
    bool on = true;

    *captures = false;
    if (eat(p, "P<") || eat(p, "<")) {
        while (p->rest.len && head(p) != '>')
            p->rest = str_of(p->rest.p + 1, p->rest.len - 1);
        if (!eat(p, ">"))
            fail(p, "invalid named capture group");
        *captures = true;
        return true;
    }
    for (;;) {
        if (eat(p, "i"))
            p->fold = on;
        else if (eat(p, "s"))
            p->dot_all = on;
        else if (eat(p, "m"))
            p->multi_line = on;
        else if (eat(p, "U"))
            p->ungreedy = on;
        else if (eat(p, "-"))
            on = false;
        else if (eat(p, ":"))
            return true;
        else if (eat(p, ")"))
            return false;
        else {
            snprintf(why, sizeof(why), "invalid perl operator: (?%.1s",
                     p->rest.len ? p->rest.p : "");
            fail(p, why);
            return false;
        }
        if (p->failed)
            return false;
    }
}

static void group(struct parser *p)
{
    struct parser saved = *p;
    bool captures = true;
    int slot = 0;

    if (++p->depth > DEPTH_MAX) {
        fail(p, "pattern is nested too deeply");
        return;
    }
    if (eat(p, "?") && !group_flags(p, &captures)) {
        p->depth--;
        return; /* flags stay until the enclosing group ends */
    }
    if (captures) {
        slot = ++p->re->n_groups;
        if (slot <= RE_GROUPS_MAX)
            emit(p, RE_SAVE, (uint32_t)(2 * slot), 0);
    }
    alternation(p);
    if (!eat(p, ")"))
        fail_whole(p, "missing )");
    if (captures && slot <= RE_GROUPS_MAX)
        emit(p, RE_SAVE, (uint32_t)(2 * slot + 1), 0);
    p->fold = saved.fold;
    p->dot_all = saved.dot_all;
    p->multi_line = saved.multi_line;
    p->ungreedy = saved.ungreedy;
    p->depth--;
}

static void literal(struct parser *p, uint32_t c)
{
    if (p->fold && (utf8_lower(c) != c || utf8_upper(c) != c))
        emit(p, RE_FOLD, utf8_lower(c), 0);
    else
        emit(p, RE_CHAR, c, 0);
}

static void backslash(struct parser *p)
{
    struct re_set set = {.fold = p->fold};
    char why[RE_ERROR_MAX];
    enum re_read read = re_set_escape(&set, &p->rest, why);

    if (read == RE_READ_BAD) {
        fail(p, why);
    } else if (read == RE_READ_OK) {
        emit_set(p, RE_CLASS, &set);
    } else if (eat(p, "b")) {
        emit(p, RE_WORD, 0, 0);
    } else if (eat(p, "B")) {
        emit(p, RE_NOT_WORD, 0, 0);
    } else if (eat(p, "A")) {
        emit(p, RE_BEGIN, 0, 0);
    } else if (eat(p, "z")) {
        emit(p, RE_END, 0, 0);
    } else if (eat(p, "Q")) {
        while (p->rest.len && !eat(p, "\\E") && !p->failed)
            literal(p, utf8_next(&p->rest));
    } else {
        literal(p, escaped(p));
    }
}

static void atom(struct parser *p)
{
    if (eat(p, "("))
        group(p);
    else if (eat(p, "["))
        char_class(p);
    else if (eat(p, "."))
        emit(p, p->dot_all ? RE_ALL : RE_ANY, 0, 0);
    else if (eat(p, "^"))
        emit(p, p->multi_line ? RE_LINE_BEGIN : RE_BEGIN, 0, 0);
    else if (eat(p, "$"))
        emit(p, p->multi_line ? RE_LINE_END : RE_END, 0, 0);
    else if (eat(p, "\\"))
        backslash(p);
    else if (strchr("*+?", head(p)))
        fail(p, "no argument for repetition operator");
    else
        literal(p, utf8_next(&p->rest));
}

/* {n}, {n,}, {n,m}: false if it is none, and then a literal brace. */
static bool counts(struct parser *p, int *low, int *high)
{
    struct str s = p->rest;
    int n, used = 0;
    char text[24];

    snprintf(text, sizeof(text), "%.*s", s.len < 20 ? (int)s.len : 20, s.p);
    if (sscanf(text, "{%d,%d}%n", low, high, &used) == 2 && used) {
    } else if (sscanf(text, "{%d,}%n", low, &used) == 1 && used) {
        *high = -1;
    } else if (sscanf(text, "{%d}%n", low, &used) == 1 && used) {
        *high = *low;
    } else {
        return false;
    }
    n = *high > *low ? *high : *low;
    if (text[1] < '0' || text[1] > '9')
        return false;
    if (n > REPEAT_MAX || (*high >= 0 && *high < *low))
        fail(p, "invalid repetition size");
    p->rest = str_of(s.p + used, s.len - (size_t)used);
    return true;
}

static void star(struct parser *p, uint32_t start, bool lazy, bool plus)
{
    uint32_t end;

    if (plus) {
        end = emit(p, RE_SPLIT, start, 0);
        if (p->failed)
            return;
        p->re->code[end].y = end + 1;
        if (lazy) {
            p->re->code[end].x = end + 1;
            p->re->code[end].y = start;
        }
        return;
    }
    insert(p, start);
    end = emit(p, RE_JUMP, start, 0);
    if (p->failed)
        return;
    p->re->code[start] = lazy ? (struct re_inst){RE_SPLIT, end + 1, start + 1}
                              : (struct re_inst){RE_SPLIT, start + 1, end + 1};
}

static void optional(struct parser *p, uint32_t start, bool lazy)
{
    uint32_t end;

    insert(p, start);
    end = p->re->n_code;
    if (p->failed)
        return;
    p->re->code[start] = lazy ? (struct re_inst){RE_SPLIT, end, start + 1}
                              : (struct re_inst){RE_SPLIT, start + 1, end};
}

/* The atom's text is read again for each copy that {n,m} needs. */
static void repeat(struct parser *p, struct parser before, uint32_t start,
                   int low, int high, bool lazy)
{
    struct str after = p->rest;
    int groups = p->re->n_groups;

    if (low == 0 && high == 0) {
        p->re->n_code = start;
        return;
    }
    for (int i = 1; i < low && !p->failed; i++) {
        p->rest = before.rest;
        p->re->n_groups = before.depth; /* see quantified */
        start = p->re->n_code;
        atom(p);
        p->re->n_groups = groups;
    }
    if (high < 0) {
        star(p, start, lazy, low > 0);
    } else if (low == 0) {
        optional(p, start, lazy);
        low = 1;
    }
    for (int i = low; i < high && !p->failed; i++) {
        p->rest = before.rest;
        p->re->n_groups = before.depth;
        start = p->re->n_code;
        atom(p);
        p->re->n_groups = groups;
        optional(p, start, lazy);
    }
    p->rest = after;
}

static void quantified(struct parser *p)
{
    struct parser before = *p;
    uint32_t start = p->re->n_code;
    int low, high;
    bool lazy;

    before.depth = p->re->n_groups; /* groups before the atom */
    atom(p);
    for (int n = 0; !p->failed; n++) {
        char c = head(p);
        if (c == '*' || c == '+' || c == '?') {
            eat(p, (char[]){c, '\0'});
            low = c == '+';
            high = c == '?' ? 1 : -1;
        } else if (c != '{' || !counts(p, &low, &high)) {
            return;
        }
        if (n) {
            fail(p, "bad repetition operator: **");
            return;
        }
        lazy = eat(p, "?") != p->ungreedy;
        repeat(p, before, start, low, high, lazy);
    }
}

static void alternation(struct parser *p)
{
    uint32_t start = p->re->n_code, jumps[256];
    int n = 0;

    for (;;) {
        while (p->rest.len && head(p) != '|' && head(p) != ')' && !p->failed)
            quantified(p);
        if (p->failed || !eat(p, "|"))
            break;
        if (n == 256) {
            fail(p, "too many alternatives");
            return;
        }
        insert(p, start);
        jumps[n++] = emit(p, RE_JUMP, 0, 0);
        if (p->failed)
            return;
        p->re->code[start] =
            (struct re_inst){RE_SPLIT, start + 1, p->re->n_code};
        start = p->re->n_code;
    }
    for (int i = 0; i < n && !p->failed; i++)
        p->re->code[jumps[i]].x = p->re->n_code;
}

struct re *re_compile(struct str pattern, char *error)
{
    struct parser p = {.re = MEM_NEW(struct re),
                       .rest = pattern,
                       .whole = pattern,
                       .error = error};

    if (!json_is_utf8(pattern))
        fail(&p, "invalid UTF-8");
    emit(&p, RE_SAVE, 0, 0);
    alternation(&p);
    if (p.rest.len)
        fail(&p, "unexpected )");
    emit(&p, RE_SAVE, 1, 0);
    emit(&p, RE_MATCH, 0, 0);
    if (!p.failed)
        return p.re;
    re_free(p.re);
    return NULL;
}
