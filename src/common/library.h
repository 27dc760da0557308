/* SPDX-License-Identifier: Apache-2.0 */
/* Shared libraries mapped while a program runs, and the tables that pass
 * their functions on: FUNCTIONS(F) lists F(name, result, parameters,
 * arguments), PROCEDURES(F) lists F(name, parameters, arguments); the
 * pointers lie in a struct `real` of the file.
 * Threads: any; the caller sees to it that one maps. */
#ifndef COMMON_LIBRARY_H
#define COMMON_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

/* A function that stands in for a library's: nobody but the program itself
 * may find it, least of all the library. */
#define LIBRARY_PASSED __attribute__((visibility("hidden")))

struct library_symbol {
    const char *name;
    void *slot; /* of a function pointer */
};

#define LIBRARY_POINTER(name, result, parameters, arguments)                   \
    result(*name) parameters;
#define LIBRARY_PROCEDURE_POINTER(name, parameters, arguments)                 \
    void(*name) parameters;
#define LIBRARY_SYMBOL(name, ...) {#name, &real.name},

/* Maps the first of `names` (up to a NULL) that is installed and has all
 * `symbols`, for the rest of the process, and fills their slots in. False:
 * there is none. */
bool library_map(const char *const *names, const struct library_symbol *symbols,
                 size_t n);

#endif
