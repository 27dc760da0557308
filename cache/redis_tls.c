/* SPDX-License-Identifier: Apache-2.0 */
/* A build whose hiredis has no TLS refuses rediss:// when it parses the URL;
 * the second form here is never reached. */
#include "cache/redis_tls.h"

#ifdef DATOS_REDIS_TLS
#include <hiredis/async.h>
#include <hiredis/hiredis_ssl.h>

#include "cache/resolve.h"

int redis_tls_start(struct redisAsyncContext *ac, const char *host,
                    const char *ca_file, struct err *err)
{
    redisSSLContextError why = REDIS_SSL_CTX_NONE;
    /* SNI names hosts, not addresses (RFC 6066 section 3) */
    const char *name = resolve_is_address(host) ? NULL : host;
    redisSSLContext *context;
    int rc;

    redisInitOpenSSL();
    context = redisCreateSSLContext(ca_file, ca_file ? NULL : "/etc/ssl/certs",
                                    NULL, NULL, name, &why);
    if (!context)
        return err_set(err, RC_INVALID, "TLS for Redis: %s",
                       redisSSLContextGetError(why));
    rc = redisInitiateSSLWithContext(&ac->c, context);
    redisFreeSSLContext(context);
    if (rc != REDIS_OK)
        return err_set(err, RC_UNAVAILABLE, "TLS for Redis: %s", ac->c.errstr);
    return RC_OK;
}
#else
int redis_tls_start(struct redisAsyncContext *ac, const char *host,
                    const char *ca_file, struct err *err)
{
    (void)ac;
    (void)host;
    (void)ca_file;
    return err_set(err, RC_UNSUPPORTED, "this build has no TLS for Redis");
}
#endif
