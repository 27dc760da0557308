/* SPDX-License-Identifier: Apache-2.0 */
/* Each function of libcurl that net/ uses, passed on to the library. */
#include "net/curl_map.h"

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>

#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

/* An option's value is a long, a curl_off_t or a pointer: one register of the
 * same kind for all of them. */
_Static_assert(sizeof(long) == sizeof(void *) &&
                   sizeof(curl_off_t) == sizeof(void *),
               "options are passed on as pointers");

/* NAME, result, parameters, arguments */
#define FUNCTIONS(F)                                                           \
    F(curl_global_init, CURLcode, (long flags), (flags))                       \
    F(curl_version_info, curl_version_info_data *, (CURLversion now), (now))   \
    F(curl_easy_strerror, const char *, (CURLcode code), (code))               \
    F(curl_easy_init, CURL *, (void), ())                                      \
    F(curl_multi_init, CURLM *, (void), ())                                    \
    F(curl_multi_cleanup, CURLMcode, (CURLM * m), (m))                         \
    F(curl_multi_assign, CURLMcode, (CURLM * m, curl_socket_t fd, void *p),    \
      (m, fd, p))                                                              \
    F(curl_multi_add_handle, CURLMcode, (CURLM * m, CURL * e), (m, e))         \
    F(curl_multi_remove_handle, CURLMcode, (CURLM * m, CURL * e), (m, e))      \
    F(curl_multi_info_read, CURLMsg *, (CURLM * m, int *left), (m, left))      \
    F(curl_multi_socket_action, CURLMcode,                                     \
      (CURLM * m, curl_socket_t fd, int mask, int *running),                   \
      (m, fd, mask, running))                                                  \
    F(curl_slist_append, struct curl_slist *,                                  \
      (struct curl_slist * list, const char *text), (list, text))

#define PROCEDURES(F)                                                          \
    F(curl_global_cleanup, (void), ())                                         \
    F(curl_easy_cleanup, (CURL * e), (e))                                      \
    F(curl_easy_reset, (CURL * e), (e))                                        \
    F(curl_slist_free_all, (struct curl_slist * list), (list))

/* Written once, by map_once. */
static struct {
    void *library;
#define POINTER(name, result, parameters, arguments) result(*name) parameters;
    FUNCTIONS(POINTER)
#undef POINTER
#define POINTER(name, parameters, arguments) void(*name) parameters;
    PROCEDURES(POINTER)
#undef POINTER
    CURLcode (*easy_setopt)(CURL *e, CURLoption option, ...);
    CURLcode (*easy_getinfo)(CURL *e, CURLINFO info, ...);
    CURLMcode (*multi_setopt)(CURLM *m, CURLMoption option, ...);
} real;

#define PASS_ON(name, result, parameters, arguments)                           \
    result name parameters                                                     \
    {                                                                          \
        return real.name arguments;                                            \
    }
FUNCTIONS(PASS_ON)
#undef PASS_ON
#define PASS_ON(name, parameters, arguments)                                   \
    void name parameters                                                       \
    {                                                                          \
        real.name arguments;                                                   \
    }
PROCEDURES(PASS_ON)
#undef PASS_ON

CURLcode curl_easy_setopt(CURL *e, CURLoption option, ...)
{
    va_list ap;
    void *value;

    va_start(ap, option);
    value = va_arg(ap, void *);
    va_end(ap);
    return real.easy_setopt(e, option, value);
}

CURLcode curl_easy_getinfo(CURL *e, CURLINFO info, ...)
{
    va_list ap;
    void *value;

    va_start(ap, info);
    value = va_arg(ap, void *);
    va_end(ap);
    return real.easy_getinfo(e, info, value);
}

CURLMcode curl_multi_setopt(CURLM *m, CURLMoption option, ...)
{
    va_list ap;
    void *value;

    va_start(ap, option);
    value = va_arg(ap, void *);
    va_end(ap);
    return real.multi_setopt(m, option, value);
}

/* A function's address through an object's: POSIX promises the size. */
static bool find(void *library, const char *name, void *slot)
{
    void *address = dlsym(library, name);

    memcpy(slot, &address, sizeof(address));
    return address != NULL;
}

static bool find_all(void *library)
{
    bool ok = true;

#define FIND(name, ...) ok = ok && find(library, #name, &real.name);
    FUNCTIONS(FIND)
    PROCEDURES(FIND)
#undef FIND
    return ok && find(library, "curl_easy_setopt", &real.easy_setopt) &&
           find(library, "curl_easy_getinfo", &real.easy_getinfo) &&
           find(library, "curl_multi_setopt", &real.multi_setopt);
}

static pthread_once_t mapped = PTHREAD_ONCE_INIT;

static void map_once(void)
{
    static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};

    for (size_t i = 0; !real.library && i < 2; i++) {
        void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);

        if (library && find_all(library))
            real.library = library;
        else if (library)
            dlclose(library);
    }
}

int curl_map(struct err *err)
{
    pthread_once(&mapped, map_once);
    if (!real.library)
        return err_set(err, RC_UNSUPPORTED,
                       "outgoing HTTP needs libcurl.so.4, which is not "
                       "installed: on Debian, apt-get install libcurl4");
    return RC_OK;
}

const char *curl_mapped_version(void)
{
    struct err err = {0};

    return curl_map(&err) ? NULL
                          : real.curl_version_info(CURLVERSION_NOW)->version;
}
