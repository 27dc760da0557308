/* SPDX-License-Identifier: Apache-2.0 */
/* Every setting of `datos`, from one table: flags over environment over
 * --env-file over defaults.
 *
 * Read-only after settings_load. Threads: any. */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/rc.h"

#define SETTING_TEXT_TYPE   const char * /* NULL: not set */
#define SETTING_SECRET_TYPE const char *
#define SETTING_INT_TYPE    int64_t /* -1: not set and without default */
#define SETTING_FLAG_TYPE   bool

struct settings {
#define SETTING(member, kind, variable, flag, value, cloud, low, high, help) \
    SETTING_##kind##_TYPE member;
#include "config/settings.def"
#undef SETTING
    bool in_cloud; /* K_SERVICE is set or DATOS_CLOUD=1 */
    struct settings_source *sources; /* private: where each came from */
};

/* Fills `s`. Takes the flags it knows out of argv (`*argc` shrinks, order of
 * the rest is kept; everything after `--` is left alone). Unknown DATOS_*
 * variables are warned of once. RC_INVALID with one line in `err`: which
 * variable or flag, its value (masked), the allowed form. */
RC_MUST_USE int settings_load(struct settings *s, int *argc, char **argv,
                              struct err *err);
void settings_free(struct settings *s);

/* `datos config`: name, value (secrets masked), source. */
void settings_print(const struct settings *s, FILE *out);
/* The README's table. */
void settings_print_markdown(FILE *out);
/* The part of --help that lists settings. */
void settings_print_help(FILE *out);
/* The nearest known setting flag, or NULL. */
const char *settings_nearest_flag(const char *flag);

/* Derived values that more than one role needs. */
int64_t settings_cache_check_ms(const struct settings *s);
int64_t settings_threads(const struct settings *s);

#endif
