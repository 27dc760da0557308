/* SPDX-License-Identifier: Apache-2.0 */
#include "net/aws_sign.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <time.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/digest.h"
#include "net/token_http.h"

enum {
    TEXT_MAX = 64 * 1024,
    SERVICE_MAX = 64,
    DATE_LEN = 8,
    N_HEADERS = 4
};

struct digest {
    unsigned char bytes[SHA256_BYTES];
};

static struct digest hmac(const void *key, size_t len, struct str text)
{
    struct digest d;
    unsigned n = sizeof(d.bytes);

    HMAC(EVP_sha256(), key, (int)len, (const unsigned char *)text.p, text.len,
         d.bytes, &n);
    return d;
}

static struct digest hmac_next(const struct digest *key, const char *text)
{
    return hmac(key->bytes, sizeof(key->bytes), str_from(text));
}

static void put_hex(struct buf *out, const struct digest *d)
{
    for (size_t i = 0; i < sizeof(d->bytes); i++)
        buf_printf(out, "%02x", d->bytes[i]);
}

/* --- the request -------------------------------------------------------------
 */

struct request {
    struct str host, path, query;
    struct {
        const char *name;
        struct str value;
    } headers[N_HEADERS]; /* sorted by name */
    size_t n;
};

static void add_header(struct request *r, const char *name, struct str value)
{
    r->headers[r->n].name = name;
    r->headers[r->n++].value = value;
}

/* https://host/path?query, whose parameters stand in their order. */
static int read_request(struct request *r, const struct aws_keys *keys,
                        const char *url, const char *target, const char *date,
                        struct err *err)
{
    struct str rest = str_from(url);

    *r = (struct request){.path = STR("/")};
    if (!str_starts(rest, STR("https://")))
        return err_set(err, RC_INVALID,
                       "regional_cred_verification_url must be https");
    rest = str_of(rest.p + 8, rest.len - 8);
    r->query = rest;
    rest = str_cut(&r->query, '?');
    r->host = str_of(rest.p, strcspn(rest.p, "/?"));
    if (r->host.len < rest.len)
        r->path = str_of(rest.p + r->host.len, rest.len - r->host.len);
    add_header(r, "host", r->host);
    add_header(r, "x-amz-date", str_from(date));
    if (keys->token)
        add_header(r, "x-amz-security-token", str_from(keys->token));
    if (target)
        add_header(r, "x-goog-cloud-target-resource", str_from(target));
    return RC_OK;
}

static void put_signed_names(struct buf *out, const struct request *r)
{
    for (size_t i = 0; i < r->n; i++)
        buf_printf(out, "%s%s", i ? ";" : "", r->headers[i].name);
}

/* Sorted by name: Action before Version, as everyone writes it. */
static void put_canonical(struct buf *out, const struct request *r)
{
    struct digest empty;

    buf_puts(out, "POST\n");
    buf_str(out, r->path);
    buf_putc(out, '\n');
    if (r->query.p)
        buf_str(out, r->query);
    buf_putc(out, '\n');
    for (size_t i = 0; i < r->n; i++)
        buf_printf(out, "%s:%.*s\n", r->headers[i].name,
                   STR_ARG(r->headers[i].value));
    buf_putc(out, '\n');
    put_signed_names(out, r);
    buf_putc(out, '\n');
    digest_sha256(STR(""), empty.bytes);
    put_hex(out, &empty);
}

/* The host's first label: sts of sts.us-east-2.amazonaws.com. */
static void service_of(const struct request *r, char *out, size_t size)
{
    struct str rest = r->host, label = str_cut(&rest, '.');

    snprintf(out, size, "%.*s", STR_ARG(label));
}

static char *sign(const struct request *r, const struct aws_keys *keys,
                  const char *region, const char *date)
{
    char service[SERVICE_MAX], day[DATE_LEN + 1];
    char *first = mem_printf("AWS4%s", keys->secret);
    struct digest key, hash;
    struct buf text, out;
    char *scope;

    service_of(r, service, sizeof(service));
    snprintf(day, sizeof(day), "%.8s", date);
    scope = mem_printf("%s/%s/%s/aws4_request", day, region, service);
    buf_init(&text, TEXT_MAX);
    put_canonical(&text, r);
    digest_sha256(buf_as_str(&text), hash.bytes);
    buf_reset(&text);
    buf_printf(&text, "AWS4-HMAC-SHA256\n%s\n%s\n", date, scope);
    put_hex(&text, &hash);
    key = hmac(first, strlen(first), str_from(day));
    key = hmac_next(&key, region);
    key = hmac_next(&key, service);
    key = hmac_next(&key, "aws4_request");
    hash = hmac(key.bytes, sizeof(key.bytes), buf_as_str(&text));
    explicit_bzero(&key, sizeof(key));
    token_forget(first);
    buf_init(&out, TEXT_MAX);
    buf_printf(&out,
               "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=", keys->id,
               scope);
    put_signed_names(&out, r);
    buf_puts(&out, ", Signature=");
    put_hex(&out, &hash);
    buf_fini(&text);
    mem_free(scope);
    return buf_take(&out, NULL);
}

int aws_sign(const struct aws_keys *keys, const char *region, const char *url,
             const char *target, const char *date, char **out, struct err *err)
{
    struct request r;
    int rc = read_request(&r, keys, url, target, date, err);

    if (rc == RC_OK)
        *out = sign(&r, keys, region, date);
    return rc;
}

/* --- the subject token
 * -------------------------------------------------------- */

static void put_pair(struct buf *out, const char *name, struct str value)
{
    buf_puts(out, out->data[out->len - 1] == '[' ? "{\"key\":" : ",{\"key\":");
    buf_json_str(out, str_from(name));
    buf_puts(out, ",\"value\":");
    buf_json_str(out, value);
    buf_putc(out, '}');
}

int aws_subject(const struct aws_keys *keys, const char *region,
                const char *url, const char *target, int64_t now_us, char **out,
                struct err *err)
{
    time_t now_s = (time_t)(now_us / US_PER_S);
    struct request r;
    struct buf json, form;
    struct tm tm;
    char date[24], *authorization;
    int rc;

    gmtime_r(&now_s, &tm);
    strftime(date, sizeof(date), "%Y%m%dT%H%M%SZ", &tm);
    rc = read_request(&r, keys, url, target, date, err);
    if (rc != RC_OK)
        return rc;
    authorization = sign(&r, keys, region, date);
    buf_init(&json, TEXT_MAX);
    buf_init(&form, (size_t)4 * TEXT_MAX);
    buf_puts(&json, "{\"url\":");
    buf_json_str(&json, str_from(url));
    buf_puts(&json, ",\"method\":\"POST\",\"headers\":[");
    put_pair(&json, "Authorization", str_from(authorization));
    for (size_t i = 0; i < r.n; i++)
        put_pair(&json, r.headers[i].name, r.headers[i].value);
    buf_puts(&json, "]}");
    token_form_add(&form, "", json.data);
    token_forget(authorization);
    if (json.failed || form.failed)
        rc = err_set(err, RC_TOO_LARGE, "the AWS session token is too long");
    else
        *out = mem_strdup(form.data + 1); /* behind the "=" */
    buf_fini(&json);
    buf_fini(&form);
    return rc;
}
