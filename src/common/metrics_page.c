/* SPDX-License-Identifier: Apache-2.0 */
/* The page of metrics: Prometheus text format 0.0.4 and OpenMetrics 1.0. */
#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/metrics_priv.h"

static const char *const kinds[] = {"counter", "gauge", "histogram"};

struct page {
    struct metrics *m;
    struct buf *out;
    bool open; /* OpenMetrics */
};

/* Label values: backslash, quote and line end are escaped. */
static void put_value(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\\' || *text == '"')
            buf_putc(out, '\\');
        if (*text == '\n')
            buf_puts(out, "\\n");
        else
            buf_putc(out, *text);
    }
}

static void put_head(const struct page *p, const char *name,
                     enum metric_kind kind, const char *help)
{
    struct str n = str_from(name);

    /* OpenMetrics names a counter's family without its suffix. */
    if (p->open && kind == METRIC_IS_COUNTER && str_ends(n, STR("_total")))
        n.len -= 6;
    buf_printf(p->out, "# HELP %.*s %s\n# TYPE %.*s %s\n", STR_ARG(n), help,
               STR_ARG(n), kinds[kind]);
}

/* `name{system="...",region="...",a="..."`, left open. */
static void put_series(const struct page *p, const char *name,
                       const char *suffix, const char *names,
                       const char *values)
{
    struct str rest = str_from(names);

    buf_printf(p->out, "%s%s{system=\"", name, suffix);
    put_value(p->out, p->m->system);
    buf_puts(p->out, "\",region=\"");
    put_value(p->out, p->m->region);
    buf_putc(p->out, '"');
    while (rest.p && rest.len) {
        struct str label = str_cut(&rest, ',');

        buf_printf(p->out, ",%.*s=\"", STR_ARG(label));
        put_value(p->out, values);
        buf_putc(p->out, '"');
        values += strlen(values) + 1;
    }
}

static void put_number(struct buf *out, double v)
{
    if (isfinite(v) && v == floor(v) && fabs(v) < 1e15)
        buf_i64(out, (int64_t)v);
    else
        buf_printf(out, "%.9g", v);
}

static uint64_t cell(const struct metric *s, int bucket)
{
    uint64_t n = 0;

    for (unsigned i = 0; i <= s->mask; i++) {
        const struct metric_shard *at = &s->shards[i];
        n += atomic_load_explicit(bucket < 0 ? &at->sum : &at->buckets[bucket],
                                  memory_order_relaxed);
    }
    return n;
}

static void put_bound(const struct page *p, int64_t us)
{
    double s = (double)us / 1e6;

    buf_printf(p->out, ",le=\"%g%s\"} ", s,
               p->open && s == floor(s) ? ".0" : "");
}

static void put_histogram(const struct page *p, const struct metric_info *info,
                          const struct metric *s)
{
    uint64_t n = 0;

    for (int i = 0; i < METRIC_N_BOUNDS; i++) {
        n += cell(s, i);
        put_series(p, info->name, "_bucket", info->labels, s->labels);
        put_bound(p, metric_bounds_us[i]);
        buf_u64(p->out, n);
        buf_putc(p->out, '\n');
    }
    n += cell(s, METRIC_N_BOUNDS);
    put_series(p, info->name, "_bucket", info->labels, s->labels);
    buf_printf(p->out, ",le=\"+Inf\"} %" PRIu64 "\n", n);
    put_series(p, info->name, "_sum", info->labels, s->labels);
    buf_printf(p->out, "} %.9g\n", (double)cell(s, -1) / 1e6);
    put_series(p, info->name, "_count", info->labels, s->labels);
    buf_printf(p->out, "} %" PRIu64 "\n", n);
}

static void put_simple(const struct page *p, const struct metric_info *info,
                       const struct metric *s)
{
    uint64_t v = cell(s, -1);
    double real;

    put_series(p, info->name, "", info->labels, s->labels);
    buf_puts(p->out, "} ");
    memcpy(&real, &v, sizeof(real));
    if (info->kind == METRIC_IS_GAUGE)
        put_number(p->out, real);
    else
        buf_u64(p->out, v);
    buf_putc(p->out, '\n');
}

static void put_one(const struct page *p, const char *name,
                    enum metric_kind kind, const char *help, double value)
{
    put_head(p, name, kind, help);
    put_series(p, name, "", "", "");
    buf_puts(p->out, "} ");
    put_number(p->out, value);
    buf_putc(p->out, '\n');
}

static unsigned count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned n = 0;

    if (!dir)
        return 0;
    while (readdir(dir))
        n++;
    closedir(dir);
    return n > 3 ? n - 3 : 0; /* ".", "..", and the folder's own */
}

/* Wall time of this process's start, from its age in the kernel's ticks. */
static double start_time(void)
{
    char text[1024], *at;
    unsigned long long ticks = 0;
    FILE *f = fopen("/proc/self/stat", "r");
    size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
    struct timespec up;

    if (f)
        fclose(f);
    text[n] = '\0';
    at = strrchr(text, ')');
    /* field 22, counted from behind the name, which is field 2 */
    for (int i = 2; at && i < 22; i++)
        at = strchr(at + 1, ' ');
    if (!at || sscanf(at, " %llu", &ticks) != 1)
        return 0;
    clock_gettime(CLOCK_BOOTTIME, &up);
    return floor(((double)clock_wall_us() / 1e6 -
                  ((double)up.tv_sec + (double)up.tv_nsec / 1e9) +
                  (double)ticks / (double)sysconf(_SC_CLK_TCK)) *
                 100) /
           100;
}

static void put_process(const struct page *p)
{
    struct rusage use;
    struct rlimit most = {0, 0};
    unsigned long pages = 0, resident = 0;
    double page_size = (double)sysconf(_SC_PAGESIZE);
    FILE *f = fopen("/proc/self/statm", "r");

    if (f) {
        if (fscanf(f, "%lu %lu", &pages, &resident) != 2)
            pages = resident = 0;
        fclose(f);
    }
    getrusage(RUSAGE_SELF, &use);
    getrlimit(RLIMIT_NOFILE, &most);
    put_one(p, "process_cpu_seconds_total", METRIC_IS_COUNTER,
            "CPU time used, user and system.",
            (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6);
    put_one(p, "process_resident_memory_bytes", METRIC_IS_GAUGE,
            "Resident memory.", (double)resident * page_size);
    put_one(p, "process_virtual_memory_bytes", METRIC_IS_GAUGE,
            "Virtual memory.", (double)pages * page_size);
    put_one(p, "process_open_fds", METRIC_IS_GAUGE, "Open descriptors.",
            count_descriptors());
    put_one(p, "process_max_fds", METRIC_IS_GAUGE, "Most descriptors allowed.",
            (double)most.rlim_cur);
    put_one(p, "process_start_time_seconds", METRIC_IS_GAUGE,
            "Start of the process in seconds since 1970.", start_time());
}

void metrics_render(struct metrics *m, bool openmetrics, struct buf *out)
{
    const struct page p = {m, out, openmetrics};

    pthread_mutex_lock(&m->lock);
    for (int f = 0; f < METRICS_N_FAMILIES; f++) {
        const struct metric_info *info = &metric_infos[f];

        if (!m->first[f])
            continue;
        put_head(&p, info->name, info->kind, info->help);
        for (const struct metric *s = m->first[f]; s; s = s->next) {
            if (info->kind == METRIC_IS_HISTOGRAM)
                put_histogram(&p, info, s);
            else
                put_simple(&p, info, s);
        }
    }
    pthread_mutex_unlock(&m->lock);
    put_one(&p, metric_infos[METRIC_LOG_DROPPED].name, METRIC_IS_COUNTER,
            metric_infos[METRIC_LOG_DROPPED].help,
            (double)log_suppressed_total());
    put_process(&p);
    if (openmetrics)
        buf_puts(out, "# EOF\n");
}
