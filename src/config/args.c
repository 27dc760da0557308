/* SPDX-License-Identifier: Apache-2.0 */
/* Flags are matched one at a time and cut out of argv in place: tables of a
 * few dozen rows and lines of a few dozen words need nothing cleverer. */
#include "config/args.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/str.h"
#include "config/settings.h"

enum {
    HELP_COLUMN = 34,
    HELP_WIDTH = 80
};

static void cut(int i, int n, int *argc, char **argv)
{
    for (int j = i; j + n <= *argc; j++)
        argv[j] = argv[j + n];
    *argc -= n;
}

int args_match(const char *flag, bool takes_value, int i, int *argc,
               char **argv, const char **value, struct err *err)
{
    size_t len = strlen(flag);

    if (strncmp(argv[i], flag, len) != 0)
        return 0;
    if (argv[i][len] == '=') {
        *value = argv[i] + len + 1;
        cut(i, 1, argc, argv);
        return 1;
    }
    if (argv[i][len] != '\0')
        return 0;
    if (!takes_value) {
        *value = NULL;
        cut(i, 1, argc, argv);
        return 1;
    }
    if (i + 1 >= *argc || strcmp(argv[i + 1], "--") == 0)
        return err_set(err, RC_INVALID, "%s needs a value", flag);
    *value = argv[i + 1];
    cut(i, 2, argc, argv);
    return 1;
}

static int take_int(const struct args_flag *f, const char *value,
                    struct err *err)
{
    int64_t n;

    if (!str_to_i64(str_from(value), &n) || n < f->low || n > f->high)
        return err_set(err, RC_INVALID,
                       "%s=%s: must be a whole number from %" PRId64
                       " to %" PRId64,
                       f->flag, value, f->low, f->high);
    *(int64_t *)f->out = n;
    return RC_OK;
}

static int take_real(const struct args_flag *f, const char *value,
                     struct err *err)
{
    char *end;
    double d;

    errno = 0;
    d = strtod(value, &end);
    if (errno || end == value || *end || !(d >= (double)f->low) ||
        !(d <= (double)f->high))
        return err_set(err, RC_INVALID,
                       "%s=%s: must be a number from %" PRId64 " to %" PRId64,
                       f->flag, value, f->low, f->high);
    *(double *)f->out = d;
    return RC_OK;
}

static int take_flag(const struct args_flag *f, const char *value,
                     struct err *err)
{
    if (value)
        return err_set(err, RC_INVALID, "%s takes no value, not '%s'", f->flag,
                       value);
    *(bool *)f->out = true;
    return RC_OK;
}

static int take_one(const struct args_flag *f, const char *value,
                    struct err *err)
{
    if (!value && f->kind != ARGS_FLAG)
        return err_set(err, RC_INVALID, "%s needs a value", f->flag);
    switch (f->kind) {
    case ARGS_INT:
        return take_int(f, value, err);
    case ARGS_REAL:
        return take_real(f, value, err);
    case ARGS_FLAG:
        return take_flag(f, value, err);
    case ARGS_TEXT:
        break;
    }
    *(const char **)f->out = value;
    return RC_OK;
}

int args_take(const struct args_flag *flags, size_t n, int *argc, char **argv,
              struct err *err)
{
    int i = 1;

    while (i < *argc && strcmp(argv[i], "--") != 0) {
        const char *value = NULL;
        int rc = 0;
        size_t k;

        for (k = 0; k < n && rc == 0; k++)
            rc = args_match(flags[k].flag, flags[k].kind != ARGS_FLAG, i, argc,
                            argv, &value, err);
        if (rc == 1)
            rc = take_one(&flags[k - 1], value, err);
        else
            i++;
        if (rc < 0)
            return rc;
    }
    return RC_OK;
}

const char *args_left_over(int argc, char **argv)
{
    return argc > 1 && strcmp(argv[1], "--") != 0 ? argv[1] : NULL;
}

const char *args_nearest(const struct args_flag *flags, size_t n,
                         const char *flag, unsigned *distance)
{
    struct str text = str_of(flag, strcspn(flag, "="));
    const char *best = NULL;

    for (size_t i = 0; i < n; i++) {
        unsigned d;

        if (!flags[i].help)
            continue;
        d = str_distance(text, str_from(flags[i].flag));
        if (d < *distance) {
            *distance = d;
            best = flags[i].flag;
        }
    }
    return best;
}

unsigned args_too_far(const char *word)
{
    size_t dashes = strspn(word, "-");
    size_t letters = strcspn(word + dashes, "=");

    return 1 + (letters > 6 ? 3 : (unsigned)(letters + 2) / 3);
}

int args_refuse(const char *command, const struct err *err)
{
    fprintf(stderr, "datos %s: %s\n", command, err->text);
    return ARGS_EXIT_USAGE;
}

int args_finish(const char *command, const struct args_flag *flags, size_t n,
                bool with_settings, int argc, char **argv)
{
    const char *word = args_left_over(argc, argv);
    const char *near = NULL, *nearer = NULL;
    unsigned distance = args_too_far(word ? word : "");

    if (!word)
        return 0;
    if (word[0] == '-') {
        near = args_nearest(flags, n, word, &distance);
        if (with_settings)
            nearer = settings_nearest(word, &distance);
    }
    if (nearer)
        near = nearer;
    fprintf(stderr, "datos %s: unknown %s %.*s%s%s%s\n", command,
            word[0] == '-' ? "flag" : "argument", (int)strcspn(word, "="), word,
            near ? "; did you mean " : "", near ? near : "",
            near ? "?" : "; see --help");
    return ARGS_EXIT_USAGE;
}

void args_print_row(FILE *out, const char *left, const char *text)
{
    int column = fprintf(out, "  %s", left);

    if (column > HELP_COLUMN - 2) {
        fputc('\n', out);
        column = 0;
    }
    column += fprintf(out, "%*s", HELP_COLUMN - column, "");
    while (*text) {
        int len = (int)strcspn(text, " ");

        if (column + 1 + len > HELP_WIDTH && column > HELP_COLUMN)
            column = fprintf(out, "\n%*s", HELP_COLUMN, "") - 1;
        else if (column > HELP_COLUMN)
            column += fprintf(out, " ");
        column += fprintf(out, "%.*s", len, text);
        text += len;
        text += *text == ' ';
    }
    fputc('\n', out);
}

void args_print_help(const struct args_flag *flags, size_t n, FILE *out)
{
    for (size_t i = 0; i < n; i++) {
        char left[80];

        if (!flags[i].help)
            continue;
        snprintf(left, sizeof(left), "%s%s%s", flags[i].flag,
                 flags[i].value ? " " : "",
                 flags[i].value ? flags[i].value : "");
        args_print_row(out, left, flags[i].help);
    }
}
