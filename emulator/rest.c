/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/rest.h"

#include "common/buf.h"
#include "emulator/partial.h"
#include "emulator/transcode.h"
#include "http/http.h"

enum {
    QUERY_MAX = 64 << 10
};

/* --- paths ---------------------------------------------------------------- */

/* The length of a segment at the start of `path`. A verb (":publish") is no
 * part of it: the colon that begins one is the last of the path. */
static size_t segment(struct str path)
{
    const char *slash = memchr(path.p, '/', path.len);

    return slash ? (size_t)(slash - path.p) : path.len;
}

/* Takes what `pattern` (literals, "*", "**") fits at the front of `*path`. */
static bool take_pattern(struct str pattern, struct str *path)
{
    struct str rest = pattern;

    while (rest.p) {
        struct str part = str_cut(&rest, '/');
        size_t n = segment(*path);

        if (str_eq(part, STR("**"))) {
            n = path->len;
        } else if (str_eq(part, STR("*"))) {
            if (n == 0)
                return false;
        } else if (!str_eq(part, str_of(path->p, n))) {
            return false;
        }
        *path = str_of(path->p + n, path->len - n);
        if (!rest.p)
            return true;
        if (!path->len || *path->p != '/')
            return false;
        path->p++, path->len--;
    }
    return true;
}

/* "{field=pattern}" or "{field}" at the front of `*tail`. */
static bool take_variable(struct str *tail, struct str *path,
                          struct rest_match *out)
{
    struct str inner, pattern, start = *path;

    tail->p++, tail->len--;
    inner = str_cut(tail, '}');
    pattern = inner;
    out->vars[out->n_vars].field = str_cut(&pattern, '=');
    if (!pattern.p)
        pattern = STR("*");
    if (!tail->p)
        *tail = str_of("", 0);
    if (out->n_vars == REST_MAX_VARS || !take_pattern(pattern, path))
        return false;
    out->vars[out->n_vars++].value = str_of(start.p, start.len - path->len);
    return true;
}

static bool path_fits(struct str rule, struct str path, struct rest_match *out)
{
    struct str verb = STR_NULL;
    size_t i;

    /* the verb stands behind the last colon outside of braces */
    for (i = rule.len; i && rule.p[i - 1] != '}' && rule.p[i - 1] != '/'; i--)
        if (rule.p[i - 1] == ':') {
            verb = str_of(rule.p + i - 1, rule.len - i + 1);
            rule.len = i - 1;
            break;
        }
    if (verb.p) {
        if (!str_ends(path, verb))
            return false;
        path.len -= verb.len;
    }
    while (rule.len) {
        if (*rule.p == '{') {
            if (!take_variable(&rule, &path, out))
                return false;
            continue;
        }
        if (!path.len || *path.p != *rule.p)
            return false;
        rule.p++, rule.len--;
        path.p++, path.len--;
    }
    return path.len == 0;
}

bool rest_matches(const char *rule, struct str method, bool any_method,
                  struct str path, struct rest_match *out)
{
    struct str rest = str_from(rule), verb, template;

    *out = (struct rest_match){.body = STR_NULL};
    verb = str_cut(&rest, ' ');
    template = str_cut(&rest, ' ');
    if (rest.p && str_starts(rest, STR("body=")))
        out->body = str_of(rest.p + 5, rest.len - 5);
    return (any_method || str_eq(verb, method)) &&
           path_fits(template, path, out);
}

/* --- the message ---------------------------------------------------------- */

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool decode_path(struct buf *out, struct str in)
{
    for (size_t i = 0; i < in.len; i++) {
        char c = in.p[i];

        if (c == '%') {
            int high = i + 2 < in.len ? hex(in.p[i + 1]) : -1;
            int low = i + 2 < in.len ? hex(in.p[i + 2]) : -1;

            if (high < 0 || low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        }
        buf_putc(out, c);
    }
    return !out->failed;
}

static int set_variables(ProtobufCMessage *m, const struct rest_match *match,
                         struct buf *scratch, struct err *err)
{
    for (size_t i = 0; i < match->n_vars; i++) {
        int rc;

        buf_reset(scratch);
        if (!decode_path(scratch, match->vars[i].value))
            return err_set(err, RC_INVALID, "Invalid escape in the path");
        rc = transcode_set(m, match->vars[i].field, buf_as_str(scratch), err);
        if (rc)
            return rc == RC_NOT_FOUND ? RC_INVALID : rc;
    }
    return RC_OK;
}

/* Parameters of Google's frontend that change nothing here: who asks, whom it
 * is counted for, the form of errors. */
static bool says_nothing(struct str name)
{
    static const char *const names[] = {
        "key",        "quotaUser", "userIp",      "upload_protocol",
        "uploadType", ".xgafv",    "oauth_token", "access_token",
        "unique"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (str_eq(name, str_from(names[i])))
            return true;
    return false;
}

/* "json", "json;enum-encoding=int" */
static int set_alt(struct rest_form *form, struct str value, struct err *err)
{
    struct str rest = value, kind = str_cut(&rest, ';');

    if (str_eq(kind, STR("json")) &&
        (!rest.p || str_eq(rest, STR("enum-encoding=int")))) {
        form->enum_numbers = rest.p != NULL;
        return RC_OK;
    }
    return err_set(err, RC_INVALID,
                   "Invalid alt parameter: %.*s (only json is answered)",
                   value.len > 60 ? 60 : (int)value.len, value.p);
}

static int set_fields(struct rest_form *form,
                      const ProtobufCMessageDescriptor *output,
                      struct str value, struct err *err)
{
    int rc;

    partial_free(form->fields);
    form->fields = NULL;
    rc = partial_parse(value, &form->fields, err);
    return rc ? rc : partial_check(form->fields, output, err);
}

/* One of Google's own parameters; RC_NOT_FOUND: it is none. */
static int set_system(struct rest_form *form,
                      const ProtobufCMessageDescriptor *output, struct str name,
                      struct str value, struct err *err)
{
    bool dollar = name.len && name.p[0] == '$';

    if (dollar)
        name = str_of(name.p + 1, name.len - 1);
    if (str_eq(name, STR("prettyPrint")) || str_eq(name, STR("pp"))) {
        form->compact = str_eq(value, STR("false")) || str_eq(value, STR("0"));
        return RC_OK;
    }
    if (str_eq(name, STR("alt")))
        return set_alt(form, value, err);
    if (str_eq(name, STR("fields")))
        return set_fields(form, output, value, err);
    if (str_eq(name, STR("callback")))
        return err_set(err, RC_INVALID,
                       "The parameter callback (JSONP) is not supported");
    return says_nothing(name) || dollar ? RC_OK : RC_NOT_FOUND;
}

static int set_query(ProtobufCMessage *m,
                     const ProtobufCMessageDescriptor *output, struct str query,
                     struct buf *scratch, struct rest_form *form,
                     struct err *err)
{
    struct str rest = query, name, value;
    int rc;

    while (http_query_next(&rest, scratch, &name, &value, &rc)) {
        rc = set_system(form, output, name, value, err);
        if (rc == RC_NOT_FOUND)
            rc = transcode_set(m, name, value, err);
        if (rc)
            return rc == RC_NOT_FOUND ? RC_INVALID : rc;
    }
    if (rc)
        return err_set(err, RC_INVALID, "Invalid escape in the query");
    return RC_OK;
}

static int read_body(ProtobufCMessage *m, const struct rest_match *match,
                     struct str body, struct err *err)
{
    ProtobufCMessage *sub;

    if (!match->body.p)
        return RC_OK; /* a body that no rule asks for says nothing */
    if (str_eq(match->body, STR("*")))
        return transcode_merge(m, body, err);
    sub = transcode_sub(m, match->body);
    if (!sub)
        return err_set(err, RC_NOMEM, "out of memory");
    return transcode_merge(sub, body, err);
}

int rest_read(const ProtobufCMessageDescriptor *type,
              const ProtobufCMessageDescriptor *output,
              const struct rest_match *match, struct str query, struct str body,
              ProtobufCMessage **out, struct rest_form *form, struct err *err)
{
    ProtobufCMessage *m = NULL;
    struct buf scratch;
    int rc = transcode_read(type, STR_NULL, &m, err);

    if (rc)
        return rc;
    *form = (struct rest_form){0};
    buf_init(&scratch, QUERY_MAX);
    rc = read_body(m, match, body, err);
    if (rc == RC_OK)
        rc = set_query(m, output, query, &scratch, form, err);
    /* last: the path names the resource, whatever the body says */
    if (rc == RC_OK)
        rc = set_variables(m, match, &scratch, err);
    buf_fini(&scratch);
    if (rc) {
        partial_free(form->fields);
        form->fields = NULL;
        protobuf_c_message_free_unpacked(m, NULL);
    } else {
        *out = m;
    }
    return rc;
}
