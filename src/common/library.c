/* SPDX-License-Identifier: Apache-2.0 */
#include "common/library.h"

#include <dlfcn.h>
#include <string.h>

/* A function's address through an object's: POSIX promises the size. */
static bool find(void *library, const struct library_symbol *symbol)
{
    void *address = dlsym(library, symbol->name);

    memcpy(symbol->slot, &address, sizeof(address));
    return address != NULL;
}

bool library_map(const char *const *names, const struct library_symbol *symbols,
                 size_t n)
{
    for (; *names; names++) {
        void *library = dlopen(*names, RTLD_NOW | RTLD_LOCAL);
        size_t found = 0;

        while (library && found < n && find(library, &symbols[found]))
            found++;
        if (library && found == n)
            return true;
        if (library)
            dlclose(library);
    }
    return false;
}
