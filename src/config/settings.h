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
#define SETTING(member, kind, variable, flag, value, cloud, low, high, help)   \
    SETTING_##kind##_TYPE member;
#include "config/settings.def"
#undef SETTING
    bool in_cloud;                   /* K_SERVICE is set or DATOS_CLOUD=1 */
    struct settings_source *sources; /* private: where each came from */
};

/* Fills `s`. Takes the flags it knows out of argv (`*argc` shrinks, order of
 * the rest is kept; everything after `--` is left alone). Unknown DATOS_*
 * variables are warned of once. RC_INVALID with one line in `err`: which
 * variable or flag, its value (masked), the allowed form.
 *
 * The lines of an --env-file become part of this process's environment
 * (without replacing what is there), so variables of libraries and children
 * may stand there too. */
RC_MUST_USE int settings_load(struct settings *s, int *argc, char **argv,
                              struct err *err);
void settings_free(struct settings *s);

/* What a role that serves must not start with: one emulator beside one real
 * service, a cloud API without a word on who may POST. */
RC_MUST_USE int settings_check_start(const struct settings *s, bool serves_api,
                                     struct err *err);

/* `datos config`: name, value (secrets masked), source. */
void settings_print(const struct settings *s, FILE *out);
/* The README's table. */
void settings_print_markdown(FILE *out);
/* The part of --help that lists settings. */
/* `without`: flags to leave out, NULL at the end; or NULL. */
void settings_print_help(FILE *out, const char *const *without);
/* The nearest known setting flag, or NULL. */
const char *settings_nearest_flag(const char *flag);
/* The same for a caller with flags of its own: `*distance` is the one to
 * beat, and the one found. */
const char *settings_nearest(const char *flag, unsigned *distance);

/* Puts what came from flags into the environment, for child processes. */
void settings_export_flags(const struct settings *s);

/* Derived values that more than one role needs. */
int64_t settings_cache_check_ms(const struct settings *s);
int64_t settings_store_qps(const struct settings *s); /* 0: no limit */
int64_t settings_threads(const struct settings *s);

#endif
