/* SPDX-License-Identifier: Apache-2.0 */
/* Command-line flags from a table: `--flag value`, `--flag=value`, `--flag`.
 *
 * Each taker removes what it knows from argv and leaves the rest in order, so
 * that a command's own flags and the settings share one line; what is left at
 * the end is a usage error. Nothing behind a bare `--` is touched.
 * Threads: start-up only. */
#ifndef CONFIG_ARGS_H
#define CONFIG_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/rc.h"

enum args_kind {
    ARGS_TEXT, /* out: const char **, borrowed from argv */
    ARGS_INT,  /* out: int64_t *, within low..high */
    ARGS_REAL, /* out: double *, within low..high */
    ARGS_FLAG  /* out: bool * */
};

struct args_flag {
    const char *flag; /* with its dashes */
    enum args_kind kind;
    void *out;
    int64_t low, high;
    const char *value; /* what --help calls the value; NULL for ARGS_FLAG */
    const char *help;  /* NULL: accepted, not listed */
};

/* RC_INVALID names the flag, its value and the allowed form. */
RC_MUST_USE int args_take(const struct args_flag *flags, size_t n, int *argc,
                          char **argv, struct err *err);

/* If argv[i] is `flag`, removes it and its value: 1 and `*value` (NULL when
 * `takes_value` is false and none was attached with `=`). 0: it is not.
 * RC_INVALID: the value is missing. */
int args_match(const char *flag, bool takes_value, int i, int *argc,
               char **argv, const char **value, struct err *err);

/* The first argument that nothing took, or NULL; `--` ends the search. */
const char *args_left_over(int argc, char **argv);
/* The nearest of `flags`, or NULL; `*distance` is its edit distance and, on
 * entry, the one to beat. */
const char *args_nearest(const struct args_flag *flags, size_t n,
                         const char *flag, unsigned *distance);
void args_print_help(const struct args_flag *flags, size_t n, FILE *out);

enum {
    ARGS_EXIT_FAILED = 1,
    ARGS_EXIT_USAGE = 2
};

/* Wrong usage, told on standard error as `datos COMMAND: text`; returns the
 * exit code. */
int args_refuse(const char *command, const struct err *err);
/* The end of parsing: 0, or the same for an argument that nothing took, with
 * the nearest flag (of `flags`, and of the settings if `with_settings`). */
int args_finish(const char *command, const struct args_flag *flags, size_t n,
                bool with_settings, int argc, char **argv);

/* One row of a --help list: the text wraps under itself. */
void args_print_row(FILE *out, const char *left, const char *text);
/* How near a name must be to be offered for `word`: the first edit distance
 * (dashes and values do not count) that is too far. Short words are near to
 * everything, so a third of the letters may differ, three at most. */
unsigned args_too_far(const char *word);

#endif
