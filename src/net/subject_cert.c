/* SPDX-License-Identifier: Apache-2.0 */
#include "net/subject_cert.h"

#include <errno.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/io.h"
#include "common/mem.h"

enum {
    FILE_MAX = 256 * 1024
};

struct subject_cert {
    char *name;   /* of the credential file */
    char *config; /* which names the two files below */
    char *chain;  /* NULL: none */
    char *cert, *key;
};

/* Caller owns `*out`. */
static int read_file(const struct subject_cert *s, const char *path,
                     struct buf *out, struct err *err)
{
    int why;

    buf_init(out, FILE_MAX);
    why = io_read_file(path, out);
    if (!why && out->len)
        return RC_OK;
    buf_fini(out);
    return err_set(err, RC_UNAVAILABLE,
                   "cannot read %s, which the credential file %s needs: %s",
                   path, s->name,
                   !why           ? "it is empty"
                   : why == EFBIG ? "it is too large"
                                  : strerror(why));
}

/* {"cert_configs":{"workload":{"cert_path":...,"key_path":...}}} */
static int read_config(struct subject_cert *s, struct err *err)
{
    const json_t *workload;
    const char *cert, *key;
    struct buf text;
    json_t *json;
    int rc = read_file(s, s->config, &text, err);

    if (rc != RC_OK)
        return rc;
    json = json_loadb(text.data, text.len, 0, NULL);
    buf_fini(&text);
    workload =
        json_object_get(json_object_get(json, "cert_configs"), "workload");
    cert = credential_text(workload, "cert_path");
    key = credential_text(workload, "key_path");
    if (cert && key) {
        mem_free(s->cert);
        mem_free(s->key);
        s->cert = mem_strdup(cert);
        s->key = mem_strdup(key);
    } else {
        rc = err_set(err, RC_INVALID,
                     "%s names no cert_path and key_path of "
                     "cert_configs.workload",
                     s->config);
    }
    json_decref(json);
    return rc;
}

/* The base64 of the next PEM block, which is DER's already; false: no more. */
static bool next_certificate(struct str *pem, struct buf *out)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    static const char end[] = "-----END CERTIFICATE-----";
    const char *from = memmem(pem->p, pem->len, begin, sizeof(begin) - 1);
    const char *all_end = pem->p + pem->len, *to;

    if (!from)
        return false;
    from += sizeof(begin) - 1;
    to = memmem(from, (size_t)(all_end - from), end, sizeof(end) - 1);
    if (!to)
        return false;
    for (const char *p = from; p < to; p++) {
        if (!strchr(" \t\r\n", *p))
            buf_putc(out, *p);
    }
    *pem = str_of(to, (size_t)(all_end - to));
    return true;
}

/* Appends those of the file; ours (`skip`) only once. Returns how many. */
static size_t put_certificates(struct buf *out, struct str pem, struct str skip)
{
    struct buf one;
    size_t n = 0;

    buf_init(&one, FILE_MAX);
    while (next_certificate(&pem, &one)) {
        if (!str_eq(buf_as_str(&one), skip)) {
            buf_puts(out, out->data[out->len - 1] == '[' ? "" : ",");
            buf_json_str(out, buf_as_str(&one));
            n++;
        }
        buf_reset(&one);
    }
    buf_fini(&one);
    return n;
}

static int put_chain(const struct subject_cert *s, struct buf *out,
                     struct str ours, struct err *err)
{
    struct buf pem;
    int rc;

    if (!s->chain)
        return RC_OK;
    rc = read_file(s, s->chain, &pem, err);
    if (rc != RC_OK)
        return rc;
    put_certificates(out, buf_as_str(&pem), ours);
    buf_fini(&pem);
    return RC_OK;
}

int subject_cert_read(struct subject_cert *s, char **token, struct err *err)
{
    struct buf pem, out, ours;
    struct str rest;
    int rc = read_config(s, err);

    if (rc == RC_OK)
        rc = read_file(s, s->cert, &pem, err);
    if (rc != RC_OK)
        return rc;
    buf_init(&out, (size_t)4 * FILE_MAX);
    buf_init(&ours, FILE_MAX);
    rest = buf_as_str(&pem);
    if (next_certificate(&rest, &ours)) {
        buf_putc(&out, '[');
        buf_json_str(&out, buf_as_str(&ours));
        rc = put_chain(s, &out, buf_as_str(&ours), err);
        buf_putc(&out, ']');
    } else {
        rc = err_set(err, RC_INVALID, "%s holds no certificate in PEM form",
                     s->cert);
    }
    if (rc == RC_OK)
        *token = buf_take(&out, NULL);
    buf_fini(&out);
    buf_fini(&ours);
    buf_fini(&pem);
    return rc;
}

const char *subject_cert_path(const struct subject_cert *s)
{
    return s->cert;
}

const char *subject_cert_key(const struct subject_cert *s)
{
    return s->key;
}

/* --- opening ---------------------------------------------------------------
 */

static char *default_config(void)
{
    const char *named = getenv("GOOGLE_API_CERTIFICATE_CONFIG");
    const char *gcloud = getenv("CLOUDSDK_CONFIG"), *home = getenv("HOME");

    if (named && named[0])
        return mem_strdup(named);
    if (gcloud && gcloud[0])
        return mem_printf("%s/certificate_config.json", gcloud);
    return mem_printf("%s/.config/gcloud/certificate_config.json",
                      home ? home : "");
}

int subject_cert_open(const struct credential *c, const json_t *certificate,
                      struct subject_cert **out, struct err *err)
{
    const char *config =
        credential_text(certificate, "certificate_config_location");
    const char *chain = credential_text(certificate, "trust_chain_path");
    bool is_default = json_is_true(
        json_object_get(certificate, "use_default_certificate_config"));
    struct subject_cert *s;

    if (!config == !is_default)
        return err_set(err, RC_INVALID,
                       "the credential file %s: \"certificate\" must have "
                       "either \"certificate_config_location\" or "
                       "\"use_default_certificate_config\": true",
                       c->name);
    s = MEM_NEW(struct subject_cert);
    s->name = mem_strdup(c->name);
    s->config = config ? mem_strdup(config) : default_config();
    s->chain = chain ? mem_strdup(chain) : NULL;
    *out = s;
    return RC_OK;
}

void subject_cert_free(struct subject_cert *s)
{
    if (!s)
        return;
    mem_free(s->name);
    mem_free(s->config);
    mem_free(s->chain);
    mem_free(s->cert);
    mem_free(s->key);
    mem_free(s);
}
