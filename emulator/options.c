/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/options.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/log.h"

enum option_kind {
    OPTION_KIND_TEXT,
    OPTION_KIND_FLAG,
    OPTION_KIND_PORT,
    OPTION_KIND_NUMBER
};

static const struct option_row {
    size_t at;
    enum option_kind kind;
    const char *flag, *argument, *help;
} rows[] = {
#define OPTION(field, kind, flag, argument, help)                              \
    {offsetof(struct options, field), OPTION_KIND_##kind, flag, argument, help},
#include "emulator/options.def"
#undef OPTION
};

enum {
    N_ROWS = sizeof(rows) / sizeof(rows[0])
};

static void *slot(struct options *o, const struct option_row *row)
{
    return (char *)o + row->at;
}

static int unknown(struct str word, struct err *err)
{
    const char *nearest = NULL;
    unsigned best = 5;

    for (size_t i = 0; i < N_ROWS && str_starts(word, STR("-")); i++) {
        unsigned d = str_distance(word, str_from(rows[i].flag));

        if (d < best) {
            best = d;
            nearest = rows[i].flag;
        }
    }
    if (nearest)
        return err_set(err, RC_INVALID, "unknown flag '%.*s': did you mean %s?",
                       STR_ARG(word), nearest);
    return err_set(err, RC_INVALID,
                   "unknown word '%.*s': see datos-emulator --help",
                   STR_ARG(word));
}

static int set_value(struct options *o, const struct option_row *row,
                     const char *value, struct err *err)
{
    uint64_t n;

    if (row->kind == OPTION_KIND_TEXT) {
        if (!*value)
            return err_set(err, RC_INVALID, "%s needs a value", row->flag);
        *(const char **)slot(o, row) = value;
        return RC_OK;
    }
    if (!str_to_u64(str_from(value), &n) ||
        n > (row->kind == OPTION_KIND_PORT ? UINT16_MAX : INT64_MAX))
        return err_set(err, RC_INVALID, "%s: '%s' is no %s", row->flag, value,
                       row->kind == OPTION_KIND_PORT ? "port (0 to 65535)"
                                                     : "number");
    *(int64_t *)slot(o, row) = (int64_t)n;
    return RC_OK;
}

/* One flag at argv[*i], with its value there or in the next word. */
static int read_flag(struct options *o, int argc, char **argv, int *i,
                     struct err *err)
{
    struct str rest = str_from(argv[*i]), name = str_cut(&rest, '=');
    const struct option_row *row = NULL;

    for (size_t k = 0; k < N_ROWS; k++)
        if (str_eq(str_from(rows[k].flag), name))
            row = &rows[k];
    if (!row)
        return unknown(name, err);
    if (row->kind == OPTION_KIND_FLAG) {
        if (rest.p)
            return err_set(err, RC_INVALID, "%s takes no value", row->flag);
        *(bool *)slot(o, row) = true;
        return RC_OK;
    }
    if (rest.p)
        return set_value(o, row, rest.p, err);
    if (*i + 1 >= argc)
        return err_set(err, RC_INVALID, "%s needs a value: %s %s", row->flag,
                       row->flag, row->argument);
    return set_value(o, row, argv[++*i], err);
}

static bool read_command(struct options *o, const char *word)
{
    static const struct {
        const char *word;
        enum options_command command;
    } commands[] = {
        {"start", OPTIONS_START},     {"healthcheck", OPTIONS_HEALTHCHECK},
        {"version", OPTIONS_VERSION}, {"--version", OPTIONS_VERSION},
        {"help", OPTIONS_HELP},       {"--help", OPTIONS_HELP},
        {"-h", OPTIONS_HELP},
    };

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(commands[i].word, word) == 0) {
            o->command = commands[i].command;
            return true;
        }
    return false;
}

/* "HOST:PORT", ":PORT", "[::1]:PORT" or a bare port. */
static int split_host_port(struct options *o, struct err *err)
{
    struct str all = str_from(o->host_port), host = STR_NULL;
    struct str port = all;
    uint64_t n;

    for (size_t i = all.len; i; i--)
        if (all.p[i - 1] == ':') {
            host = str_of(all.p, i - 1);
            port = str_of(all.p + i, all.len - i);
            break;
        }
    if (host.len > 2 && host.p[0] == '[' && host.p[host.len - 1] == ']')
        host = str_of(host.p + 1, host.len - 2);
    if (!str_to_u64(port, &n) || n > UINT16_MAX ||
        host.len >= sizeof(o->host_buf))
        return err_set(err, RC_INVALID, "--host-port: '%s' is no HOST:PORT",
                       o->host_port);
    o->pubsub_port = (int64_t)n;
    if (host.len) {
        snprintf(o->host_buf, sizeof(o->host_buf), "%.*s", STR_ARG(host));
        o->host = o->host_buf;
    }
    return RC_OK;
}

/* As lenient as the services: letters, digits and what joins them. */
static bool is_project(const char *id)
{
    const char *p = id;

    while (isalnum((uint8_t)*p) || (*p && strchr("-_.:", *p)))
        p++;
    return p > id && !*p;
}

static bool is_writable(int64_t fd)
{
    int flags = fd > INT_MAX ? -1 : fcntl((int)fd, F_GETFL);

    return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

/* Whom a token names: its verifiers compare it to a URL of theirs. */
static bool is_issuer(const char *url)
{
    struct str s = str_from(url);
    size_t scheme = str_starts(s, STR("https://"))  ? 8
                    : str_starts(s, STR("http://")) ? 7
                                                    : 0;

    return scheme && isalnum((uint8_t)url[scheme]) && !strpbrk(url, " \t?#\"");
}

/* What would start and then not do what was asked. */
static int check_effect(const struct options *o, struct err *err)
{
    if (o->fsync && !o->state)
        return err_set(err, RC_INVALID,
                       "--fsync needs --state: in memory nothing is kept");
    if (o->project && !is_project(o->project))
        return err_set(err, RC_INVALID, "--project: '%s' is no project's id",
                       o->project);
    if (o->oidc_issuer && !is_issuer(o->oidc_issuer))
        return err_set(err, RC_INVALID,
                       "--oidc-issuer: '%.200s' is no http or https URL",
                       o->oidc_issuer);
    if (o->ready_fd >= 0 && !is_writable(o->ready_fd))
        return err_set(err, RC_INVALID,
                       "--ready-fd: %lld is not open for writing",
                       (long long)o->ready_fd);
    return RC_OK;
}

static int check(struct options *o, struct err *err)
{
    enum log_level level;

    if (o->profile && strcmp(o->profile, "strict") != 0 &&
        strcmp(o->profile, "lenient") != 0)
        return err_set(err, RC_INVALID,
                       "--profile: '%s' is neither strict nor lenient",
                       o->profile);
    if (o->log && !log_level_parse(str_from(o->log), &level))
        return err_set(err, RC_INVALID,
                       "--log: '%s' is no level: debug, info, warn, error, "
                       "off",
                       o->log);
    if (o->database && o->state)
        return err_set(err, RC_INVALID,
                       "--database and --state name the same folder: give one");
    if (o->database)
        o->state = o->database;
    if (o->memory && o->state)
        return err_set(err, RC_INVALID,
                       "--memory and --state exclude each other");
    return check_effect(o, err);
}

/* "[::1]" as in URLs. */
static void unwrap_host(struct options *o)
{
    size_t len = strlen(o->host);

    if (len < 3 || len >= sizeof(o->host_buf) || o->host[0] != '[' ||
        o->host[len - 1] != ']')
        return;
    memmove(o->host_buf, o->host + 1, len - 2);
    o->host_buf[len - 2] = '\0';
    o->host = o->host_buf;
}

static void fill_in(struct options *o)
{
    const char *host = getenv("DATOS_BIND");

    if (!o->host)
        o->host = host && *host ? host : "127.0.0.1";
    unwrap_host(o);
    if (strcmp(o->host, "localhost") == 0)
        o->host = "127.0.0.1";
    if (o->port >= 0)
        o->bigquery_port = o->port;
    if (o->grpc_port >= 0) {
        o->bigquery_grpc_port = o->grpc_port;
        LOG_W("--grpc-port: BigQuery's gRPC (the Storage API) is not served "
              "yet, nothing listens there");
    }
    o->pubsub_port = o->pubsub_port < 0 ? 8085 : o->pubsub_port;
    o->bigquery_port = o->bigquery_port < 0 ? 9050 : o->bigquery_port;
    o->bigquery_grpc_port =
        o->bigquery_grpc_port < 0 ? 9060 : o->bigquery_grpc_port;
    o->console_port = o->console_port < 0 ? 4000 : o->console_port;
    if (!o->project)
        o->project = "datos-local";
}

int options_parse(struct options *o, int argc, char **argv, struct err *err)
{
    int rc = RC_OK;

    memset(o, 0, sizeof(*o));
    for (size_t i = 0; i < N_ROWS; i++)
        if (rows[i].kind == OPTION_KIND_PORT ||
            rows[i].kind == OPTION_KIND_NUMBER)
            *(int64_t *)slot(o, &rows[i]) = -1;
    for (int i = 1; i < argc && rc == RC_OK; i++)
        if (!read_command(o, argv[i]))
            rc = read_flag(o, argc, argv, &i, err);
    if (rc == RC_OK && o->host_port)
        rc = split_host_port(o, err);
    if (rc == RC_OK)
        rc = check(o, err);
    if (rc == RC_OK)
        fill_in(o);
    return rc;
}

void options_help(struct buf *out)
{
    buf_puts(out, "datos-emulator: Google Cloud, offline, in one process\n\n"
                  "usage: datos-emulator [start] [flags]\n"
                  "       datos-emulator healthcheck [--console-port N]\n"
                  "       datos-emulator version\n\n");
    for (size_t i = 0; i < N_ROWS; i++) {
        char left[64];

        snprintf(left, sizeof(left), "%s %s", rows[i].flag, rows[i].argument);
        buf_printf(out, "  %-30s %s\n", left, rows[i].help);
    }
}
