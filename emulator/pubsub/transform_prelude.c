/* SPDX-License-Identifier: Apache-2.0 */
/* Plain ES5, as short as the common cases allow: holes, species and iterators
 * other than arrays and strings are left out. */
#include "emulator/pubsub/transform_prelude.h"

#define ARRAYS                                                                 \
    "def(A, 'find', function (f, self) {"                                      \
    "  for (var i = 0; i < this.length; i++)"                                  \
    "    if (f.call(self, this[i], i, this)) return this[i]; });"              \
    "def(A, 'findIndex', function (f, self) {"                                 \
    "  for (var i = 0; i < this.length; i++)"                                  \
    "    if (f.call(self, this[i], i, this)) return i;"                        \
    "  return -1; });"                                                         \
    "def(A, 'includes', function (x, from) {"                                  \
    "  for (var i = from || 0; i < this.length; i++)"                          \
    "    if (this[i] === x || (x !== x && this[i] !== this[i])) return true;"  \
    "  return false; });"                                                      \
    "def(A, 'fill', function (x, from, to) {"                                  \
    "  to = to === undefined ? this.length : to < 0 ? this.length + to : to;"  \
    "  from = from < 0 ? this.length + from : from || 0;"                      \
    "  for (var i = from; i < to; i++) this[i] = x;"                           \
    "  return this; });"                                                       \
    "def(A, 'flat', function (depth) {"                                        \
    "  var out = [], d = depth === undefined ? 1 : depth;"                     \
    "  for (var i = 0; i < this.length; i++)"                                  \
    "    if (Array.isArray(this[i]) && d > 0)"                                 \
    "      out.push.apply(out, this[i].flat(d - 1));"                          \
    "    else out.push(this[i]);"                                              \
    "  return out; });"                                                        \
    "def(A, 'flatMap', function (f, self) {"                                   \
    "  return this.map(f, self).flat(); });"                                   \
    "def(A, 'at', function (i) {"                                              \
    "  i = Math.trunc(i) || 0;"                                                \
    "  return this[i < 0 ? this.length + i : i]; });"                          \
    "def(A, 'findLastIndex', function (f, self) {"                             \
    "  for (var i = this.length - 1; i >= 0; i--)"                             \
    "    if (f.call(self, this[i], i, this)) return i;"                        \
    "  return -1; });"                                                         \
    "def(A, 'findLast', function (f, self) {"                                  \
    "  var i = this.findLastIndex(f, self);"                                   \
    "  return i < 0 ? undefined : this[i]; });"                                \
    "def(A, 'toReversed', function () { return this.slice().reverse(); });"    \
    "def(A, 'toSorted', function (f) { return this.slice().sort(f); });"       \
    "def(Array, 'of', function () { return A.slice.call(arguments); });"       \
    "def(Array, 'from', function (list, f, self) {"                            \
    "  var out = [];"                                                          \
    "  for (var i = 0; i < list.length; i++)"                                  \
    "    out.push(f ? f.call(self, list[i], i) : list[i]);"                    \
    "  return out; });"

#define OBJECTS                                                                \
    "def(Object, 'values', function (o) {"                                     \
    "  return Object.keys(o).map(function (k) { return o[k]; }); });"          \
    "def(Object, 'entries', function (o) {"                                    \
    "  return Object.keys(o).map(function (k) { return [k, o[k]]; }); });"     \
    "def(Object, 'hasOwn', function (o, k) {"                                  \
    "  return Object.prototype.hasOwnProperty.call(o, k); });"                 \
    "def(Object, 'fromEntries', function (list) {"                             \
    "  var out = {};"                                                          \
    "  list.forEach(function (e) { out[e[0]] = e[1]; });"                      \
    "  return out; });"

#define STRINGS                                                                \
    "function pad(s, n, by) {"                                                 \
    "  by = by === undefined ? ' ' : String(by);"                              \
    "  n -= s.length;"                                                         \
    "  return n <= 0 || !by ? ''"                                              \
    "    : by.repeat(Math.ceil(n / by.length)).slice(0, n); }"                 \
    "def(S, 'padStart', function (n, by) {"                                    \
    "  return pad(this, n, by) + this; });"                                    \
    "def(S, 'padEnd', function (n, by) {"                                      \
    "  return this + pad(this, n, by); });"                                    \
    "def(S, 'trimStart', function () {"                                        \
    "  return this.replace(/^\\s+/, ''); });"                                  \
    "def(S, 'trimEnd', function () {"                                          \
    "  return this.replace(/\\s+$/, ''); });"                                  \
    "def(S, 'trimLeft', S.trimStart);"                                         \
    "def(S, 'trimRight', S.trimEnd);"                                          \
    "def(S, 'at', function (i) {"                                              \
    "  i = Math.trunc(i) || 0;"                                                \
    "  i = i < 0 ? this.length + i : i;"                                       \
    "  return i in Object(this) ? this.charAt(i) : undefined; });"             \
    "def(S, 'replaceAll', function (what, by) {"                               \
    "  if (what instanceof RegExp) return this.replace(what, by);"             \
    "  what = String(what);"                                                   \
    "  if (typeof by !== 'function') return this.split(what).join(by);"        \
    "  return this.split(what).reduce(function (a, b) {"                       \
    "    return a + by(what) + b; }); });"

/* One line: the lines of the script behind it count from 1 all the same. */
const char transform_prelude[] =
    "(function () {"
    "var A = Array.prototype, S = String.prototype;"
    "function def(o, name, f) {"
    "  if (!o[name]) Object.defineProperty(o, name, {"
    "    value: f, writable: true, configurable: true }); }" ARRAYS OBJECTS
        STRINGS "})();";
