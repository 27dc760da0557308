/* SPDX-License-Identifier: Apache-2.0 */
/* The settings table as data, for the files of this folder. */
#ifndef CONFIG_SETTINGS_PRIV_H
#define CONFIG_SETTINGS_PRIV_H

#include "config/settings.h"

enum setting_kind {
    KIND_TEXT,
    KIND_SECRET,
    KIND_INT,
    KIND_FLAG
};

struct setting_spec {
    enum setting_kind kind;
    const char *variable, *flag;
    const char *value; /* default; NULL: none */
    const char *cloud; /* default in the cloud; NULL: the same; "": none */
    int64_t low, high;
    const char *help;
    size_t offset; /* of the member in struct settings */
};

enum {
#define SETTING(member, kind, variable, flag, value, cloud, low, high, help)   \
    SETTING_##member,
#include "config/settings.def"
#undef SETTING
    N_SETTINGS
};
extern const struct setting_spec setting_specs[N_SETTINGS];

enum setting_origin {
    ORIGIN_DEFAULT,
    ORIGIN_FILE,
    ORIGIN_ENVIRONMENT,
    ORIGIN_FLAG,
    N_ORIGINS
};

struct settings_source {
    enum setting_origin origin[N_SETTINGS];
    char *text[N_SETTINGS]; /* owned; NULL: not set */
    const char *file;       /* the --env-file, borrowed from argv */
};

/* A secret as it may be shown: a URL without what stands before its @ and
 * behind its ?, anything else as ***. Cut at the size of `out`. */
void setting_mask(const char *text, char *out, size_t size);

/* Reads NAME=value lines (`#` comments, an optional `export `, quotes as in a
 * shell without expansion) and puts the names that are not set into the
 * environment; `src->origin` remembers the settings that came so. */
RC_MUST_USE int setting_read_file(const char *path, struct settings_source *src,
                                  struct err *err);

#endif
