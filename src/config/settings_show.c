/* SPDX-License-Identifier: Apache-2.0 */
/* The table shown: `datos config`, --help, the README's table. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/str.h"
#include "config/args.h"
#include "config/settings_priv.h"

static const char *const origins[N_ORIGINS] = {"default", "env file",
                                               "environment", "flag"};

void setting_mask(const char *text, char *out, size_t size)
{
    const char *authority = strstr(text, "://");
    const char *at = strrchr(text, '@');
    size_t path;

    if (!authority) {
        snprintf(out, size, "***");
        return;
    }
    authority += 3;
    if (!at || at < authority)
        at = NULL;
    path = strcspn(at ? at : authority, "?");
    snprintf(out, size, "%.*s%s%.*s%s", (int)(authority - text), text,
             at ? "***" : "", (int)path, at ? at : authority,
             (at ? at : authority)[path] ? "?***" : "");
}

/* What stands for a setting that nobody set and that has no one default. */
static bool derive(const struct settings *s, int i, char *out, size_t size)
{
    int64_t n;

    switch (i) {
    case SETTING_store_qps:
        n = settings_store_qps(s);
        break;
    case SETTING_cache_check_ms:
        n = settings_cache_check_ms(s);
        break;
    case SETTING_threads:
        n = settings_threads(s);
        break;
    case SETTING_admin_port:
        snprintf(out, size, "none (api), any free one (ingest)");
        return true;
    default:
        return false;
    }
    snprintf(out, size, "%" PRId64, n);
    return true;
}

void settings_print(const struct settings *s, FILE *out)
{
    const struct settings_source *src = s->sources;

    for (int i = 0; i < N_SETTINGS; i++) {
        const struct setting_spec *spec = &setting_specs[i];
        const char *value = src->text[i] ? src->text[i] : "-";
        char masked[256];
        bool is_derived = !src->text[i] && derive(s, i, masked, sizeof(masked));

        if (spec->kind == KIND_SECRET && src->text[i]) {
            setting_mask(value, masked, sizeof(masked));
            value = masked;
        }
        if (is_derived)
            value = masked;
        fprintf(out, "%-30s %-40s %s%s%s\n", spec->variable, value,
                is_derived ? "derived" : origins[src->origin[i]],
                src->origin[i] == ORIGIN_FLAG   ? " "
                : src->origin[i] == ORIGIN_FILE ? " "
                                                : "",
                src->origin[i] == ORIGIN_FLAG   ? spec->flag
                : src->origin[i] == ORIGIN_FILE ? src->file
                                                : "");
    }
    fprintf(out, "%-30s %-40s %s\n", "in the cloud", s->in_cloud ? "yes" : "no",
            "K_SERVICE or DATOS_CLOUD=1");
}

static void print_markdown_default(FILE *out, const struct setting_spec *spec)
{
    if (spec->value)
        fprintf(out, "`%s`", spec->value);
    else
        fputs("–", out);
    if (spec->cloud && *spec->cloud)
        fprintf(out, "; in the cloud `%s`", spec->cloud);
    else if (spec->cloud)
        fputs("; in the cloud –", out);
}

void settings_print_markdown(FILE *out)
{
    fputs("| variable | flag | default | meaning |\n|---|---|---|---|\n", out);
    for (int i = 0; i < N_SETTINGS; i++) {
        const struct setting_spec *spec = &setting_specs[i];

        fprintf(out, "| `%s` | `%s` | ", spec->variable, spec->flag);
        print_markdown_default(out, spec);
        fprintf(out, " | %s |\n", spec->help);
    }
}

static bool is_among(const char *flag, const char *const *list)
{
    while (list && *list) {
        if (strcmp(*list++, flag) == 0)
            return true;
    }
    return false;
}

void settings_print_help(FILE *out, const char *const *without)
{
    static const char *const values[] = {" TEXT", " TEXT", " N", ""};

    for (int i = 0; i < N_SETTINGS; i++) {
        const struct setting_spec *spec = &setting_specs[i];
        char left[80], text[512];

        if (is_among(spec->flag, without))
            continue;
        snprintf(left, sizeof(left), "%s%s", spec->flag, values[spec->kind]);
        snprintf(text, sizeof(text), "%s [%s%s%s]", spec->help, spec->variable,
                 spec->value ? "=" : "", spec->value ? spec->value : "");
        args_print_row(out, left, text);
    }
    args_print_row(out, "--env-file FILE",
                   "read NAME=value lines first; what the environment holds "
                   "is the stronger");
}

const char *settings_nearest(const char *flag, unsigned *distance)
{
    struct str text = str_of(flag, strcspn(flag, "="));
    const char *best = NULL;
    unsigned d;

    for (int i = 0; i < N_SETTINGS; i++) {
        d = str_distance(text, str_from(setting_specs[i].flag));
        if (d < *distance) {
            *distance = d;
            best = setting_specs[i].flag;
        }
    }
    d = str_distance(text, STR("--env-file"));
    if (d < *distance) {
        *distance = d;
        best = "--env-file";
    }
    return best;
}

const char *settings_nearest_flag(const char *flag)
{
    unsigned distance = args_too_far(flag);

    return settings_nearest(flag, &distance);
}
