/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/pubsub/transform_syntax.h"

#include <check.h>

static const struct {
    const char *code;
    const char *what; /* NULL: nothing newer */
    unsigned line;
} cases[] = {
    {"function f(m) { let x = 1; return m; }", "let", 1},
    {"\n\nlet [a] = b", "let", 3},
    {"var f = function () {\n return (m) => m }", "arrow functions (=>)", 2},
    {"var s = `a`", "template literals (`...`)", 1},
    {"class A {}", "classes", 1},
    {"var a = class {}", "classes", 1},
    {"async function f(m) {}", "async functions", 1},
    {"x = async (m) => m", "async functions", 1},
    {"var y = await f()", "await", 1},
    {"function* g() {}", "generator functions (function*)", 1},
    {"function f(a, b = 1) {}", "default parameters", 1},
    {"function f({data}) {}", "destructured parameters", 1},
    {"function f(...a) {}", "spread and rest (...)", 1},
    {"f(...a)", "spread and rest (...)", 1},
    {"var {a} = b", "destructuring", 1},
    {"const [a] = b", "destructuring", 1},
    {"for (var x of y) {}", "for (... of ...)", 1},
    {"for (const x of y) {}", "for (... of ...)", 1},
    {"for (const x in y) {}", "const as a loop's variable", 1},
    {"for (let i = 0;;) {}", "let", 1},
    {"a?.b", "optional chaining (?.)", 1},
    {"a ?\?= b", "the ?\?= operator", 1},
    {"a ?? b", "the ?? operator", 1},
    {"a &&= b", "the &&= operator", 1},
    {"try {} catch {}", "catch without a variable", 1},
    {"var n = 10n", "BigInt literals", 1},
    {"var n = 1_000", "separators in numbers (1_000)", 1},
    {"/(?<y>x)/", "named groups in patterns", 1},
    {"/(?<=y)x/", "lookbehind in patterns", 1},
    {"/x/u", "the flags d, s, u, v and y of patterns", 1},
    {"import a from 'b'", "modules (import, export)", 1},
    {"export function f() {}", "modules (import, export)", 1},
    /* words and marks that only look like it */
    {"", NULL, 0},
    {"function f(m) { return m; }", NULL, 0},
    {"const a = 1; for (var i in m) { a[i] = m.let; }", NULL, 0},
    {"var s = 'a => b', t = \"`${x}`\"; // => let x", NULL, 0},
    {"/* class A {} \n => */ var r = /=>`[/`]/g;", NULL, 0},
    {"var a = b / c; var d = e / f; `", "template literals (`...`)", 1},
    {"a ? .5 : 1", NULL, 0},
    {"var o = {let: 1, class: 2, async: 3, for: 4}; o.class = o.let", NULL, 0},
    {"var async = 1; async = 2; let = 3", NULL, 0},
    {"try { f(); } catch (e) { g(e); }", NULL, 0},
    {"var h = 0x1fn, e = 1e+10", NULL, 0},
    {"'never ends", NULL, 0},
    {"/never ends", NULL, 0},
    {"/* never ends", NULL, 0},
    {"function", NULL, 0},
    {"for (", NULL, 0},
};

START_TEST(newer_syntax_is_named_with_its_line)
{
    struct newer_syntax found;
    bool any = transform_syntax_newer(str_from(cases[_i].code), &found);

    ck_assert_msg(any == (cases[_i].what != NULL), "%s: %s", cases[_i].code,
                  any ? found.what : "nothing");
    if (!any)
        return;
    ck_assert_str_eq(found.what, cases[_i].what);
    ck_assert_uint_eq(found.line, cases[_i].line);
    ck_assert(*found.instead);
}
END_TEST

Suite *suite_transform_syntax(void);
Suite *suite_transform_syntax(void)
{
    Suite *s = suite_create("transform_syntax");
    TCase *t = tcase_create("all");

    tcase_add_loop_test(t, newer_syntax_is_named_with_its_line, 0,
                        sizeof(cases) / sizeof(cases[0]));
    suite_add_tcase(s, t);
    return s;
}
