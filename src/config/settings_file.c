/* SPDX-License-Identifier: Apache-2.0 */
/* The --env-file: what people already have for docker and for `source`. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/io.h"
#include "config/settings_priv.h"

enum {
    FILE_MAX_BYTES = 1024 * 1024
};

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        bool alpha = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

        if (c != '_' && !alpha && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return s.len > 0;
}

/* Takes quotes off; without quotes a ` #` begins a comment. False if a quote
 * is not closed. */
static bool unquote(struct str value, struct buf *out)
{
    char quote = value.len ? value.p[0] : 0;

    if (quote != '"' && quote != '\'') {
        for (size_t i = 1; i < value.len; i++) {
            if (value.p[i] == '#' && value.p[i - 1] == ' ') {
                value = str_trim(str_of(value.p, i));
                break;
            }
        }
        buf_str(out, value);
        return true;
    }
    for (size_t i = 1; i < value.len; i++) {
        char c = value.p[i];

        if (c == quote)
            return true;
        if (c == '\\' && quote == '"' && i + 1 < value.len)
            c = value.p[++i];
        buf_putc(out, c);
    }
    return false;
}

static void put(struct settings_source *src, struct str name, const char *value)
{
    char text[128];
    const char *present;

    snprintf(text, sizeof(text), "%.*s", STR_ARG(name));
    present = getenv(text);
    if (present && *present)
        return; /* the environment is the stronger */
    setenv(text, value, 1);
    for (int i = 0; i < N_SETTINGS; i++) {
        if (strcmp(setting_specs[i].variable, text) == 0)
            src->origin[i] = *value ? ORIGIN_FILE : ORIGIN_DEFAULT;
    }
}

static int read_line(const char *path, unsigned number, struct str line,
                     struct settings_source *src, struct err *err)
{
    struct str rest, name;
    struct buf value;
    bool closed;

    if (line.len && line.p[line.len - 1] == '\r')
        line.len--;
    rest = str_trim(line);
    if (rest.len == 0 || rest.p[0] == '#')
        return RC_OK;
    if (str_starts(rest, STR("export ")))
        rest = str_trim(str_of(rest.p + 7, rest.len - 7));
    name = str_trim(str_cut(&rest, '='));
    if (!is_name(name) || name.len > 120 || !rest.p)
        return err_set(err, RC_INVALID, "%s:%u: must be NAME=value", path,
                       number);
    buf_init(&value, FILE_MAX_BYTES);
    buf_puts(&value, "");
    closed = unquote(str_trim(rest), &value);
    if (closed)
        put(src, name, value.data ? value.data : "");
    buf_fini(&value);
    if (!closed)
        return err_set(err, RC_INVALID, "%s:%u: a quote is not closed", path,
                       number);
    return RC_OK;
}

static int read_all(const char *path, struct buf *out, struct err *err)
{
    int why = io_read_file(path, out);

    if (why == EFBIG)
        return err_set(err, RC_INVALID, "--env-file %s: larger than 1 MiB",
                       path);
    if (why)
        return err_set(err, RC_INVALID, "--env-file %s: %s", path,
                       strerror(why));
    return RC_OK;
}

int setting_read_file(const char *path, struct settings_source *src,
                      struct err *err)
{
    struct buf text;
    struct str rest;
    unsigned number = 0;
    int rc;

    buf_init(&text, FILE_MAX_BYTES);
    rc = read_all(path, &text, err);
    if (!rc && memchr(buf_as_str(&text).p, '\0', text.len))
        rc = err_set(err, RC_INVALID, "--env-file %s: is no text file", path);
    rest = buf_as_str(&text);
    while (!rc && rest.p)
        rc = read_line(path, ++number, str_cut(&rest, '\n'), src, err);
    buf_fini(&text);
    return rc;
}
