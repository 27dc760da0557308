/* SPDX-License-Identifier: Apache-2.0 */
/* The log: one line an event on standard error. JSON in Cloud Logging's
 * fields when standard error is no terminal, readable text when it is.
 * Never message contents, never credentials.
 *
 * A call site that repeats within a second is counted, not written: the next
 * line it writes says how often. Threads: any after log_init. */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>

#include "common/str.h"

enum log_level {
    LOG_DEBUG,
    LOG_INFO,
    LOG_WARN,
    LOG_ERROR,
    LOG_OFF
};

/* Start-up only. `role` (api, ingest, ...) and `system` are copied and appear
 * on each line. */
void log_init(enum log_level level, const char *role, const char *system);
/* "debug", "info", "warn"/"warning", "error", "off"; false otherwise. */
bool log_level_parse(struct str text, enum log_level *out);
bool log_enabled(enum log_level level);
/* Lines that the rate limit left out since the start. */
unsigned long long log_suppressed_total(void);

/* One call site's memory for the rate limit; make it static. */
struct log_site {
    _Atomic long long window_start_us;
    _Atomic unsigned written;
    _Atomic unsigned suppressed;
};

/* `extra`: NULL, or more members of the JSON object, ready-made, without
 * braces and without a leading comma (for httpRequest, trace). Shown as it is
 * in readable form. */
void log_write(struct log_site *site, enum log_level level, const char *extra,
               const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#define LOG_AT(level, extra, ...)                                              \
    do {                                                                       \
        static struct log_site log_site_;                                      \
        if (log_enabled(level))                                                \
            log_write(&log_site_, (level), (extra), __VA_ARGS__);              \
    } while (0)

#define LOG_D(...) LOG_AT(LOG_DEBUG, NULL, __VA_ARGS__)
#define LOG_I(...) LOG_AT(LOG_INFO, NULL, __VA_ARGS__)
#define LOG_W(...) LOG_AT(LOG_WARN, NULL, __VA_ARGS__)
#define LOG_E(...) LOG_AT(LOG_ERROR, NULL, __VA_ARGS__)

#endif
