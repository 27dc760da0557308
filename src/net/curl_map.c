/* SPDX-License-Identifier: Apache-2.0 */
/* Each function of libcurl that net/ uses, passed on to the library. */
#include "net/curl_map.h"

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <pthread.h>
#include <stdarg.h>

#include "common/library.h"

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
    bool is_mapped;
    FUNCTIONS(LIBRARY_POINTER)
    PROCEDURES(LIBRARY_PROCEDURE_POINTER)
    CURLcode (*curl_easy_setopt)(CURL *e, CURLoption option, ...);
    CURLcode (*curl_easy_getinfo)(CURL *e, CURLINFO info, ...);
    CURLMcode (*curl_multi_setopt)(CURLM *m, CURLMoption option, ...);
} real;

#define PASS_ON(name, result, parameters, arguments)                           \
    LIBRARY_PASSED result name parameters                                      \
    {                                                                          \
        return real.name arguments;                                            \
    }
FUNCTIONS(PASS_ON)
#undef PASS_ON
#define PASS_ON(name, parameters, arguments)                                   \
    LIBRARY_PASSED void name parameters                                        \
    {                                                                          \
        real.name arguments;                                                   \
    }
PROCEDURES(PASS_ON)
#undef PASS_ON

LIBRARY_PASSED CURLcode curl_easy_setopt(CURL *e, CURLoption option, ...)
{
    va_list ap;
    void *value;

    va_start(ap, option);
    value = va_arg(ap, void *);
    va_end(ap);
    return real.curl_easy_setopt(e, option, value);
}

LIBRARY_PASSED CURLcode curl_easy_getinfo(CURL *e, CURLINFO info, ...)
{
    va_list ap;
    void *value;

    va_start(ap, info);
    value = va_arg(ap, void *);
    va_end(ap);
    return real.curl_easy_getinfo(e, info, value);
}

LIBRARY_PASSED CURLMcode curl_multi_setopt(CURLM *m, CURLMoption option, ...)
{
    va_list ap;
    void *value;

    va_start(ap, option);
    value = va_arg(ap, void *);
    va_end(ap);
    return real.curl_multi_setopt(m, option, value);
}

static pthread_once_t mapped = PTHREAD_ONCE_INIT;

static void map_once(void)
{
    static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4",
                                        NULL};
    const struct library_symbol symbols[] = {
        FUNCTIONS(LIBRARY_SYMBOL) PROCEDURES(LIBRARY_SYMBOL)
            LIBRARY_SYMBOL(curl_easy_setopt) LIBRARY_SYMBOL(curl_easy_getinfo)
                LIBRARY_SYMBOL(curl_multi_setopt)};

    real.is_mapped =
        library_map(names, symbols, sizeof(symbols) / sizeof(symbols[0]));
}

int curl_map(struct err *err)
{
    pthread_once(&mapped, map_once);
    if (!real.is_mapped)
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
