/* SPDX-License-Identifier: Apache-2.0 */
#include "dev/announce.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"
#include "dev/dev.h"
#include "dev/part.h"
#include "dev/push.h"
#include "dev/state.h"

/* What a real cloud, or an earlier run's exports, may have left: none of it
 * is meant for the parts. */
static const char *const unwanted[] = {
    "K_SERVICE",        "DATOS_CLOUD", "BIGQUERY_EMULATOR_HOST",
    "DATOS_ADMIN_PORT", "PORT",        "DATOS_BIND",
    "DATOS_INGEST",     "REDIS_URL",   "PUBSUB_EMULATOR_HOST",
};

static bool has_redis(const struct parts *parts)
{
    return parts->part[PART_REDIS].phase != PART_ABSENT;
}

static bool has_ingest(const struct parts *parts)
{
    return parts->part[PART_INGEST].phase != PART_ABSENT;
}

static bool uses_bigquery(const struct parts *parts)
{
    return strcmp(parts->options->store, "bigquery") == 0;
}

static void set(const char *name, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void set(const char *name, const char *fmt, ...)
{
    char value[4200];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(value, sizeof(value), fmt, ap);
    va_end(ap);
    setenv(name, value, 1);
}

void announce_environment(const struct parts *parts)
{
    for (size_t i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++)
        unsetenv(unwanted[i]);
    set("GOOGLE_CLOUD_PROJECT", "%s", parts->options->project);
    if (uses_bigquery(parts))
        set("DATOS_STORE", "bigquery");
    else
        set("DATOS_STORE", "sqlite:%s/datos.db", parts->state->dir);
    /* with its scheme, which Google's own clients want */
    if (parts->bigquery_port > 0)
        set("BIGQUERY_EMULATOR_HOST", "http://127.0.0.1:%" PRId64,
            parts->bigquery_port);
    if (has_redis(parts))
        set("REDIS_URL", "unix://%s", parts->redis_socket);
    if (parts->pubsub_port > 0)
        set("PUBSUB_EMULATOR_HOST", "127.0.0.1:%" PRId64, parts->pubsub_port);
    if (parts->api_port > 0)
        set("DATOS_API_URL", "http://127.0.0.1:%" PRId64, parts->api_port);
}

/* For the shell: quoted only where it must be. */
static void print_export(FILE *out, const char *name)
{
    const char *value = getenv(name);
    bool is_plain = value && strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                           "abcdefghijklmnopqrstuvwxyz"
                                           "0123456789_./:@-") == strlen(value);

    if (!value)
        return;
    fprintf(out, "  export %s=%s", name, is_plain ? "" : "'");
    for (const char *c = value; *c; c++) {
        if (*c == '\'')
            fputs("'\\''", out);
        else
            fputc(*c, out);
    }
    fputs(is_plain ? "\n" : "'\n", out);
}

/* This program as the user may type it: below the present folder, short. */
static void print_program(const struct parts *parts, FILE *out)
{
    char here[PATH_MAX];
    size_t len = getcwd(here, sizeof(here)) ? strlen(here) : 0;
    const char *dir = parts->own_dir;

    if (len > 1 && strncmp(dir, here, len) == 0 && dir[len] == '/')
        dir += len + 1;
    fprintf(out, "\nTry:  %s/datos", dir);
}

void announce_table(const struct parts *parts, int64_t took_us, FILE *out)
{
    fprintf(out, "\ndatos is ready (%lld ms)\n\n", took_us / US_PER_MS);
    fprintf(out, "  API        http://127.0.0.1:%" PRId64 "/datos\n",
            parts->api_port);
    if (has_ingest(parts))
        fprintf(out, "  ingest     http://127.0.0.1:%" PRId64 "/metrics\n",
                parts->ingest_port);
    else if (dev_pushes(parts))
        fprintf(out,
                "  ingest     pushed to http://127.0.0.1:%" PRId64
                "/pubsub/push%s\n",
                parts->api_port,
                parts->options->push_signs ? "   (with tokens)" : "");
    else
        fprintf(out, "  ingest     off (DATOS_INGEST): messages stay in the "
                     "subscription\n");
    fprintf(out, "  Pub/Sub    127.0.0.1:%" PRId64 "   (REST and gRPC)\n",
            parts->pubsub_port);
    if (parts->bigquery_port > 0)
        fprintf(out, "  BigQuery   http://127.0.0.1:%" PRId64 "%s\n",
                parts->bigquery_port,
                uses_bigquery(parts) ? "" : "   (not this run's store)");
    if (parts->console_port > 0)
        fprintf(out, "  control    http://127.0.0.1:%" PRId64 "/_emulator/\n",
                parts->console_port);
    if (has_redis(parts))
        fprintf(out, "  Redis      unix://%s\n", parts->redis_socket);
    fprintf(out, "  state      %s%s\n\n", parts->state->dir,
            parts->options->memory ? "   (forgotten at the end)" : "");
    print_export(out, "PUBSUB_EMULATOR_HOST");
    print_export(out, "BIGQUERY_EMULATOR_HOST");
    print_export(out, "GOOGLE_CLOUD_PROJECT");
    print_export(out, "DATOS_STORE");
    print_export(out, "REDIS_URL");
    print_program(parts, out);
    fprintf(out,
            " publish --id 1 --contenido Hola\n"
            "      curl http://127.0.0.1:%" PRId64 "/datos\n\n",
            parts->api_port);
    fflush(out);
}

static void member(struct buf *b, const char *name, const char *prefix,
                   int64_t port)
{
    buf_printf(b, "\"%s\":\"%s127.0.0.1:%" PRId64 "\",", name, prefix, port);
}

static void render(const struct parts *parts, struct buf *b)
{
    bool first = true;

    buf_putc(b, '{');
    member(b, "api", "http://", parts->api_port);
    if (has_ingest(parts))
        member(b, "ingest", "http://", parts->ingest_port);
    else if (dev_pushes(parts)) /* the API's own part */
        member(b, "ingest", "http://", parts->api_port);
    member(b, "pubsub", "", parts->pubsub_port);
    if (parts->bigquery_port > 0)
        member(b, "bigquery", "http://", parts->bigquery_port);
    if (parts->console_port > 0)
        member(b, "console", "http://", parts->console_port);
    if (has_redis(parts)) {
        buf_puts(b, "\"redis\":");
        buf_json_str(b, str_from(getenv("REDIS_URL")));
        buf_putc(b, ',');
    }
    buf_puts(b, "\"pids\":{");
    for (int i = N_PARTS - 1; i >= 0; i--) {
        if (parts->part[i].phase == PART_ABSENT)
            continue;
        buf_printf(b, "%s\"%s\":%d", first ? "" : ",", parts->part[i].name,
                   (int)parts->part[i].pid);
        first = false;
    }
    buf_puts(b, "}}\n");
}

int announce_file(const struct parts *parts, const char *path, struct err *err)
{
    char *beside = mem_printf("%s.%d.new", path, (int)getpid());
    struct buf b;
    FILE *f = fopen(beside, "we");
    bool ok = false;

    buf_init(&b, 65536);
    render(parts, &b);
    if (f) {
        ok = fwrite(b.data, 1, b.len, f) == b.len;
        ok = fclose(f) == 0 && ok && rename(beside, path) == 0;
    }
    if (!ok) {
        err_set(err, RC_IO, "--ready-file %s: %s", path, strerror(errno));
        unlink(beside);
    }
    buf_fini(&b);
    mem_free(beside);
    return ok ? RC_OK : RC_IO;
}
