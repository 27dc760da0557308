/* SPDX-License-Identifier: Apache-2.0 */
#include "common/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/timefmt.h"

enum {
    LINE_MAX_BYTES = 8192,
    LINES_A_WINDOW = 5, /* a call site's allowance a second */
};

/* Written once by log_init before any thread starts. */
static struct {
    enum log_level level;
    bool readable;
    char role[24];
    char system[64];
    atomic_ullong suppressed; /* the one member that changes later */
} settings = {.level = LOG_INFO};

static const char *const names[] = {"debug", "info", "warn", "error", "off"};
static const char *const severities[] = {"DEBUG", "INFO", "WARNING", "ERROR"};

void log_init(enum log_level level, const char *role, const char *system)
{
    settings.level = level;
    settings.readable = isatty(STDERR_FILENO);
    snprintf(settings.role, sizeof(settings.role), "%s", role);
    snprintf(settings.system, sizeof(settings.system), "%s", system);
}

bool log_level_parse(struct str text, enum log_level *out)
{
    if (str_eq(text, STR("warning"))) {
        *out = LOG_WARN;
        return true;
    }
    for (int i = LOG_DEBUG; i <= LOG_OFF; i++) {
        if (str_eq(text, str_from(names[i]))) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

bool log_enabled(enum log_level level)
{
    return level >= settings.level && level < LOG_OFF;
}

unsigned long long log_suppressed_total(void)
{
    return atomic_load(&settings.suppressed);
}

/* True if the line may be written; `*suppressed`: how many were not since. */
static bool admit(struct log_site *site, unsigned *suppressed)
{
    long long now = clock_mono_us();
    long long start =
        atomic_load_explicit(&site->window_start_us, memory_order_relaxed);

    *suppressed = 0;
    if (start == 0 || now - start >= US_PER_S) {
        atomic_store_explicit(&site->window_start_us, now,
                              memory_order_relaxed);
        atomic_store_explicit(&site->written, 1, memory_order_relaxed);
        *suppressed = atomic_exchange(&site->suppressed, 0);
        return true;
    }
    if (atomic_fetch_add(&site->written, 1) < LINES_A_WINDOW)
        return true;
    atomic_fetch_add(&site->suppressed, 1);
    atomic_fetch_add(&settings.suppressed, 1);
    return false;
}

static void write_json(struct buf *line, enum log_level level, struct str now,
                       const char *text, unsigned suppressed, const char *extra)
{
    buf_printf(line, "{\"severity\":\"%s\",\"message\":", severities[level]);
    buf_json_str(line, str_from(text));
    buf_printf(line,
               ",\"time\":\"%.*s\",\"role\":\"%s\",\"system\":", STR_ARG(now),
               settings.role);
    buf_json_str(line, str_from(settings.system));
    if (suppressed)
        buf_printf(line, ",\"suppressed\":%u", suppressed);
    if (extra)
        buf_printf(line, ",%s", extra);
    buf_puts(line, "}\n");
}

static void write_readable(struct buf *line, enum log_level level,
                           struct str now, const char *text,
                           unsigned suppressed, const char *extra)
{
    /* the time of day is enough on a terminal */
    struct str day = str_of(now.p + 11, now.len > 12 ? now.len - 12 : 0);

    buf_printf(line, "%.*s %-6s %-5s %s", STR_ARG(day), settings.role,
               names[level], text);
    if (suppressed)
        buf_printf(line, " (%u more like this)", suppressed);
    if (extra)
        buf_printf(line, "  %s", extra);
    buf_putc(line, '\n');
}

void log_write(struct log_site *site, enum log_level level, const char *extra,
               const char *fmt, ...)
{
    char text[2048], stamp[TIMEFMT_MAX];
    struct buf line;
    unsigned suppressed;
    struct str now;
    va_list ap;
    ssize_t n;

    if (site && !admit(site, &suppressed))
        return;
    if (!site)
        suppressed = 0;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    now = str_of(stamp, timefmt_format_z(stamp, clock_wall_us()));
    buf_init(&line, LINE_MAX_BYTES);
    if (settings.readable)
        write_readable(&line, level, now, text, suppressed, extra);
    else
        write_json(&line, level, now, text, suppressed, extra);
    if (!line.failed) {
        /* one write a line: lines of several processes do not interleave */
        n = write(STDERR_FILENO, line.data, line.len);
        (void)n;
    }
    buf_fini(&line);
}
