/* SPDX-License-Identifier: Apache-2.0 */
/* Every kind of credential against a token server on the same loop. */
#include "net/credentials.h"

#include <check.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/buf.h"
#include "common/log.h"
#include "common/mem.h"
#include "net/metadata.h"
#include "service.h"

static struct loop *loop;
static struct service service;
static struct token_source *source;
static unsigned n_requests;
static char seen[8][2048]; /* path, authorization, body */
static int token_status;   /* 0: well */
static const char *flavor; /* of the metadata server's answers */
static char dir[] = "/tmp/datos-test-XXXXXX";

static void on_request(struct http_req *req, void *arg)
{
    struct str path = http_req_path(req);
    struct http_field fields[] = {
        {STR("metadata-flavor"), str_from(flavor)},
    };
    struct str answer = STR("{\"access_token\":\"plain\",\"expires_in\":3599}");
    struct str own = http_req_field(req, STR("x-own"));

    (void)arg;
    if (!own.p)
        own = http_req_field(req, STR("x-aws-ec2-metadata-token"));
    snprintf(seen[n_requests++ % 8], sizeof(seen[0]), "%.*s|%.*s|%.*s|%.*s",
             STR_ARG(path), STR_ARG(http_req_known(req, HTTP_H_AUTHORIZATION)),
             STR_ARG(own), STR_ARG(http_req_body(req)));
    if (token_status) {
        http_reply(req, token_status, NULL, 0,
                   STR("{\"error\":\"invalid_grant\",\"error_description\":"
                       "\"Token has been revoked.\"}"));
        return;
    }
    if (str_eq(path, STR("/sts")))
        answer = STR("{\"access_token\":\"federated\",\"expires_in\":3600}");
    else if (str_starts(path, STR("/v1/act")))
        answer = STR("{\"accessToken\":\"acting\",\"expireTime\":"
                     "\"2100-01-01T00:00:00Z\"}");
    else if (str_eq(path, STR("/subject.json")))
        answer = STR("{\"tok\":\"from-url\"}");
    else if (str_eq(path, STR("/aws/session")))
        answer = http_req_method(req) == HTTP_PUT ? STR("session-1") : STR("");
    else if (str_eq(path, STR("/aws/zone")))
        answer = STR("us-east-2b");
    else if (str_eq(path, STR("/aws/roles")))
        answer = STR("a-role");
    else if (str_eq(path, STR("/aws/roles/a-role")))
        answer = STR("{\"AccessKeyId\":\"AKID\",\"SecretAccessKey\":\"SECRET\","
                     "\"Token\":\"TOKEN\"}");
    else if (str_ends(path, STR("/instance/region")))
        answer = STR("projects/1/regions/southamerica-west1");
    else if (str_starts(path, STR("/computeMetadata/")))
        answer = STR("{\"access_token\":\"attached\",\"expires_in\":300}");
    http_reply(req, 200, fields, 1, answer);
}

static void setup(void)
{
    log_init(LOG_OFF, "test", "test");
    strcpy(dir + strlen(dir) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    unsetenv("GOOGLE_APPLICATION_CREDENTIALS");
    unsetenv("GOOGLE_CLOUD_QUOTA_PROJECT");
    unsetenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN");
    unsetenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES");
    unsetenv("AWS_REGION");
    unsetenv("AWS_DEFAULT_REGION");
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    unsetenv("AWS_SESSION_TOKEN");
    setenv("CLOUDSDK_CONFIG", dir, 1);
    loop = loop_new();
    service = (struct service){0};
    service_start(&service, loop, on_request, NULL);
    source = NULL;
    n_requests = 0;
    token_status = 0;
    flavor = "Google";
}

static void remove_dir(void)
{
    char *command = mem_printf("rm -rf '%s'", dir);

    ck_assert_int_eq(system(command), 0);
    mem_free(command);
}

static void teardown(void)
{
    token_source_free(source);
    service_stop(&service);
    loop_free(loop);
    remove_dir();
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    char *path = mem_printf("%s/%s", dir, name);
    FILE *f = fopen(path, "w");

    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
    chmod(path, mode);
    mem_free(path);
}

/* --- asking ------------------------------------------------------------------
 */

struct question {
    struct token_get get;
    bool is_done;
    char bearer[2048];
};

static void on_token(struct token_get *get)
{
    struct question *q = LOOP_OWNER(get, struct question, get);

    q->is_done = true;
    snprintf(q->bearer, sizeof(q->bearer), "%.*s", STR_ARG(get->bearer));
}

static const char *ask(void)
{
    static struct question q;

    q = (struct question){.get = {.done = on_token}};
    token_get(source, &q.get);
    ck_assert(!q.is_done);
    run_until(loop, flag_is_set, &q.is_done);
    if (q.get.rc == RC_OK)
        return q.bearer;
    snprintf(q.bearer, sizeof(q.bearer), "error: %s", q.get.err.text);
    return q.bearer;
}

/* `text` with each ~ replaced by the service's address. */
static char *with_base(const char *text)
{
    struct buf b;

    buf_init(&b, 65536);
    for (; *text; text++) {
        if (*text == '~')
            buf_puts(&b, service.base);
        else
            buf_putc(&b, *text);
    }
    return buf_take(&b, NULL);
}

static int parse(const char *text, struct err *err)
{
    char *json = with_base(text);
    int rc = credentials_parse(loop, str_from(json), "test.json", &source, err);

    mem_free(json);
    return rc;
}

static void open_text(const char *text)
{
    struct err err = {0};

    ck_assert_msg(parse(text, &err) == RC_OK, "%s", err.text);
}

/* --- a service account
 * -------------------------------------------------------- */

static EVP_PKEY *make_key(unsigned bits, char *pem, size_t size)
{
    EVP_PKEY *key = EVP_RSA_gen(bits);
    BIO *bio = BIO_new(BIO_s_mem());
    int n;

    PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    n = BIO_read(bio, pem, (int)size - 1);
    ck_assert_int_gt(n, 0);
    pem[n] = '\0';
    BIO_free(bio);
    return key;
}

static void open_service_account(const char *pem)
{
    struct buf b;
    struct err err = {0};

    buf_init(&b, 65536);
    buf_puts(&b, "{\"type\":\"service_account\",\"client_email\":\"a@b\","
                 "\"private_key_id\":\"kid1\",\"quota_project_id\":\"payer\","
                 "\"private_key\":");
    buf_json_str(&b, str_from(pem));
    buf_putc(&b, '}');
    ck_assert_msg(credentials_parse(loop, buf_as_str(&b), "key.json", &source,
                                    &err) == RC_OK,
                  "%s", err.text);
    buf_fini(&b);
}

static bool verifies(EVP_PKEY *key, struct str signed_part,
                     struct str signature)
{
    unsigned char raw[1024];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t len;
    bool ok =
        base64_decode(signature, raw, &len) &&
        EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
        EVP_DigestVerify(ctx, raw, len, (const unsigned char *)signed_part.p,
                         signed_part.len) == 1;

    EVP_MD_CTX_free(ctx);
    return ok;
}

START_TEST(a_service_account_signs_its_own_token)
{
    char pem[8192], claims[2048];
    EVP_PKEY *key = make_key(2048, pem, sizeof(pem));
    struct str token, rest, head, body;
    size_t len;

    open_service_account(pem);
    token = rest = str_from(ask());
    head = str_cut(&rest, '.');
    body = str_cut(&rest, '.');
    ck_assert(base64_decode(head, claims, &len));
    claims[len] = '\0';
    ck_assert_str_eq(claims,
                     "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"kid1\"}");
    ck_assert(base64_decode(body, claims, &len));
    claims[len] = '\0';
    ck_assert_ptr_nonnull(strstr(claims, "\"iss\":\"a@b\",\"sub\":\"a@b\""));
    ck_assert_ptr_nonnull(strstr(claims, "auth/cloud-platform"));
    ck_assert(verifies(key, str_of(token.p, head.len + 1 + body.len), rest));
    ck_assert_uint_eq(n_requests, 0);
    ck_assert_str_eq(token_quota_project(source), "payer");
    ck_assert_ptr_nonnull(strstr(token_describe(source), "a@b"));
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(a_token_is_kept_until_it_is_refused)
{
    char pem[8192], first[2048];
    EVP_PKEY *key = make_key(2048, pem, sizeof(pem));

    open_service_account(pem);
    snprintf(first, sizeof(first), "%s", ask());
    ck_assert_str_eq(ask(), first);
    token_refused(source, STR("another"));
    ck_assert_str_eq(ask(), first);
    EVP_PKEY_free(key);
}
END_TEST

/* --- the kinds that ask
 * -------------------------------------------------------- */

#define USER                                                                   \
    "{\"type\":\"authorized_user\",\"client_id\":\"id\",\"client_secret\":"    \
    "\"s&cret\",\"refresh_token\":\"r/t\",\"token_uri\":\"~/token\"}"

START_TEST(a_user_trades_the_refresh_token)
{
    open_text(USER);
    ck_assert_str_eq(ask(), "plain");
    ck_assert_str_eq(seen[0], "/token|||grant_type=refresh_token&client_id=id&"
                              "client_secret=s%26cret&refresh_token=r%2Ft");
    ck_assert_str_eq(ask(), "plain");
    ck_assert_uint_eq(n_requests, 1);
}
END_TEST

START_TEST(a_refusal_is_told_without_secrets)
{
    const char *text;

    open_text(USER);
    token_status = 400;
    text = ask();
    ck_assert_ptr_nonnull(strstr(text, "Token has been revoked."));
    ck_assert_ptr_null(strstr(text, "s&cret"));
    ck_assert_ptr_null(strstr(text, "r/t"));
    token_status = 0;
    ck_assert_str_eq(ask(), "plain");
}
END_TEST

START_TEST(the_metadata_server_gives_the_attached_accounts_token)
{
    struct err err;

    setenv("GCE_METADATA_HOST", service.base + 7, 1);
    ck_assert_int_eq(credentials_open(loop, &source, &err), RC_OK);
    ck_assert_str_eq(ask(), "attached");
    ck_assert_ptr_nonnull(
        strstr(seen[0],
               "/computeMetadata/v1/instance/service-accounts/default/token"));
}
END_TEST

static void *read_region(void *arg)
{
    char **region = arg;
    struct err err;

    if (metadata_read("instance/region", 5000000, region, &err) != RC_OK)
        *region = mem_strdup(err.text);
    loop_stop(loop);
    return NULL;
}

START_TEST(start_up_reads_project_and_region)
{
    pthread_t thread;
    char *region = NULL;
    struct err err;

    setenv("GCE_METADATA_HOST", service.base + 7, 1);
    ck_assert_int_eq(pthread_create(&thread, NULL, read_region, &region), 0);
    loop_run(loop);
    pthread_join(thread, NULL);
    ck_assert_str_eq(region, "southamerica-west1");
    mem_free(region);
    setenv("GCE_METADATA_HOST", "127.0.0.1:1", 1);
    ck_assert_int_ne(metadata_read("x", 5000000, &region, &err), RC_OK);
    setenv("GCE_METADATA_HOST", "a/b", 1);
    ck_assert_int_eq(metadata_read("x", 5000000, &region, &err), RC_INVALID);
}
END_TEST

START_TEST(an_impostor_of_the_metadata_server_is_not_believed)
{
    struct err err;

    setenv("GCE_METADATA_HOST", service.base + 7, 1);
    flavor = "Other";
    ck_assert_int_eq(credentials_open(loop, &source, &err), RC_OK);
    ck_assert_ptr_nonnull(strstr(ask(), "is not Google's metadata server"));
}
END_TEST

START_TEST(without_any_credential_it_says_what_to_do)
{
    struct err err;

    setenv("GCE_METADATA_HOST", "127.0.0.1:1", 1);
    ck_assert_int_eq(credentials_open(loop, &source, &err), RC_OK);
    ck_assert_ptr_nonnull(
        strstr(ask(), "set GOOGLE_APPLICATION_CREDENTIALS, or run gcloud auth "
                      "application-default login"));
}
END_TEST

START_TEST(impersonation_trades_the_base_token)
{
    open_text(
        "{\"type\":\"impersonated_service_account\",\"delegates\":[\"d\"],"
        "\"service_account_impersonation_url\":\"~/v1/act:gen\","
        "\"source_credentials\":" USER "}");
    ck_assert_str_eq(ask(), "acting");
    ck_assert_ptr_nonnull(strstr(seen[1], "/v1/act:gen|Bearer plain||"));
    ck_assert_ptr_nonnull(strstr(seen[1], "\"delegates\":[\"d\"]"));
    ck_assert_ptr_nonnull(strstr(seen[1], "\"lifetime\":\"3600s\""));
}
END_TEST

#define EXTERNAL                                                               \
    "{\"type\":\"external_account\",\"audience\":\"//iam/pool\","              \
    "\"subject_token_type\":\"urn:jwt\",\"token_url\":\"~/sts\","

START_TEST(an_external_account_trades_a_file)
{
    char *text = mem_printf(
        EXTERNAL "\"credential_source\":{\"file\":\"%s/subject\"}}", dir);

    write_file("subject", " from-file\n", 0600);

    open_text(text);
    mem_free(text);
    ck_assert_str_eq(ask(), "federated");
    ck_assert_ptr_nonnull(strstr(seen[0], "audience=%2F%2Fiam%2Fpool"));
    ck_assert_ptr_nonnull(strstr(seen[0], "subject_token=from-file"));
    ck_assert_ptr_nonnull(strstr(seen[0], "grant-type%3Atoken-exchange"));
}
END_TEST

START_TEST(an_external_account_trades_what_a_url_gives_and_impersonates)
{
    open_text(EXTERNAL
              "\"service_account_impersonation_url\":\"~/v1/act\","
              "\"service_account_impersonation\":{\"token_lifetime_seconds\":"
              "1200},\"credential_source\":{\"url\":\"~/subject.json\","
              "\"headers\":{\"x-own\":\"yes\"},\"format\":{\"type\":\"json\","
              "\"subject_token_field_name\":\"tok\"}}}");
    ck_assert_str_eq(ask(), "acting");
    ck_assert_str_eq(seen[0], "/subject.json||yes|");
    ck_assert_ptr_nonnull(strstr(seen[1], "subject_token=from-url"));
    ck_assert_ptr_nonnull(strstr(seen[2], "/v1/act|Bearer federated|"));
    ck_assert_ptr_nonnull(strstr(seen[2], "1200s"));
}
END_TEST

#define AWS                                                                    \
    EXTERNAL                                                                   \
    "\"credential_source\":{\"environment_id\":\"aws1\",\"region_url\":"       \
    "\"~/aws/zone\",\"url\":\"~/aws/roles\",\"imdsv2_session_token_url\":"     \
    "\"~/aws/session\",\"regional_cred_verification_url\":"                    \
    "\"https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version="   \
    "2011-06-15\"}}"

START_TEST(an_external_account_of_aws_asks_the_instance)
{
    open_text(AWS);
    ck_assert_str_eq(ask(), "federated");
    ck_assert_str_eq(seen[0], "/aws/session|||");
    ck_assert_str_eq(seen[1], "/aws/zone||session-1|");
    ck_assert_str_eq(seen[2], "/aws/roles||session-1|");
    ck_assert_str_eq(seen[3], "/aws/roles/a-role||session-1|");
    ck_assert_ptr_nonnull(strstr(seen[4], "subject_token=%257B%2522url%2522"
                                          "%253A%2522https%253A%252F%252Fsts."
                                          "us-east-2.amazonaws.com"));
    ck_assert_ptr_null(strstr(seen[4], "SECRET"));
}
END_TEST

START_TEST(an_external_account_of_aws_takes_the_environment)
{
    setenv("AWS_REGION", "eu-west-1", 1);
    setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "SECRET", 1);
    open_text(AWS);
    ck_assert_str_eq(ask(), "federated");
    ck_assert_uint_eq(n_requests, 1);
    ck_assert_ptr_nonnull(strstr(seen[0], "sts.eu-west-1.amazonaws.com"));
}
END_TEST

START_TEST(an_external_account_shows_its_certificates)
{
    char *text =
        mem_printf(EXTERNAL "\"credential_source\":{\"certificate\":{"
                            "\"certificate_config_location\":\"%s/config\","
                            "\"trust_chain_path\":\"%s/chain\"}}}",
                   dir, dir);
    char *config = mem_printf("{\"cert_configs\":{\"workload\":{\"cert_path\":"
                              "\"%s/cert\",\"key_path\":\"%s/key\"}}}",
                              dir, dir);

    write_file("config", config, 0600);
    write_file("cert",
               "Bag\n-----BEGIN CERTIFICATE-----\nTE\nVBRg==\n-----END "
               "CERTIFICATE-----\n",
               0600);
    write_file("chain",
               "-----BEGIN CERTIFICATE-----\nTEVBRg==\n-----END "
               "CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nQ0E=\n-----END "
               "CERTIFICATE-----\n",
               0600);
    open_text(text);
    ck_assert_str_eq(ask(), "federated");
    ck_assert_ptr_nonnull(strstr(
        seen[0], "subject_token=%5B%22TEVBRg%3D%3D%22%2C%22Q0E%3D%22%5D"));
    mem_free(text);
    mem_free(config);
}
END_TEST

START_TEST(a_certificate_that_is_not_there_is_told)
{
    char *text =
        mem_printf(EXTERNAL "\"credential_source\":{\"certificate\":{"
                            "\"use_default_certificate_config\":true}}}");

    open_text(text);
    ck_assert_ptr_nonnull(strstr(ask(), "certificate_config.json"));
    mem_free(text);
}
END_TEST

static void open_program(const char *script)
{
    char *text = mem_printf(EXTERNAL "\"credential_source\":{\"executable\":{"
                                     "\"command\":\"%s/program x\"}}}",
                            dir);

    write_file("program", script, 0700);
    open_text(text);
    mem_free(text);
}

START_TEST(an_external_account_runs_a_program_only_if_allowed)
{
    struct err err;

    ck_assert_int_eq(parse(EXTERNAL "\"credential_source\":{\"executable\":{"
                                    "\"command\":\"/bin/true\"}}}",
                           &err),
                     RC_DENIED);
    ck_assert_ptr_nonnull(
        strstr(err.text, "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1"));
    setenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1", 1);
    open_program("#!/bin/sh\necho '{\"version\":1,\"success\":true,"
                 "\"id_token\":\"'$1-$GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE'\"}'");
    ck_assert_str_eq(ask(), "federated");
    ck_assert_ptr_nonnull(strstr(seen[0], "subject_token=x-urn%3Ajwt"));
}
END_TEST

static const struct {
    const char *script, *error;
} programs[] = {
    {"#!/bin/sh\nexit 3", "failed"},
    {"#!/bin/sh\necho nothing", "no JSON"},
    {"#!/bin/sh\necho '{\"version\":1,\"success\":false,\"message\":\"no "
     "luck\"}'",
     "no luck"},
    {"#!/bin/sh\necho '{\"version\":2,\"success\":true,\"id_token\":\"x\"}'",
     "version"},
    {"#!/bin/sh\necho '{\"version\":1,\"success\":true,\"id_token\":\"x\","
     "\"expiration_time\":5}'",
     "expired"},
    {"#!/no/such/interpreter\n", "started"},
};

START_TEST(a_program_that_fails_is_an_error)
{
    setenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1", 1);
    open_program(programs[_i].script);
    ck_assert_ptr_nonnull(strstr(ask(), programs[_i].error));
    ck_assert_uint_eq(n_requests, 0);
}
END_TEST

/* --- what is refused
 * ----------------------------------------------------------- */

static const struct {
    const char *json;
    int rc;
    const char *word;
} refused[] = {
    {"", RC_INVALID, "no JSON object"},
    {"[]", RC_INVALID, "no JSON object"},
    {"{}", RC_INVALID, "\"type\""},
    {"{\"type\":\"gdch_service_account\"}", RC_UNSUPPORTED, "not supported"},
    {"{\"type\":\"service_account\",\"client_email\":\"a@b\"}", RC_INVALID,
     "\"private_key\""},
    {"{\"type\":\"service_account\",\"client_email\":\"a@b\",\"private_key\":"
     "\"SECRET\"}",
     RC_INVALID, "RSA key"},
    {"{\"type\":\"authorized_user\",\"client_id\":\"i\",\"client_secret\":"
     "\"SECRET\"}",
     RC_INVALID, "\"refresh_token\""},
    {"{\"type\":\"authorized_user\",\"client_id\":\"i\",\"client_secret\":"
     "\"SECRET\",\"refresh_token\":\"r\",\"token_uri\":\"http://evil.org/\"}",
     RC_INVALID, "https://"},
    {EXTERNAL "\"credential_source\":{\"url\":\"http://evil.org/\"}}",
     RC_INVALID, "https://"},
    {EXTERNAL "\"credential_source\":{\"environment_id\":\"aws2\",\"url\":"
              "\"http://169.254.169.254/\"}}",
     RC_UNSUPPORTED, "aws1"},
    {EXTERNAL "\"credential_source\":{\"environment_id\":\"aws1\",\"url\":"
              "\"http://169.254.169.254/\"}}",
     RC_INVALID, "regional_cred_verification_url"},
    {EXTERNAL "\"credential_source\":{\"environment_id\":\"aws1\",\"url\":"
              "\"http://evil.org/\",\"regional_cred_verification_url\":"
              "\"https://sts/\"}}",
     RC_INVALID, "metadata address"},
    {EXTERNAL "\"credential_source\":{\"certificate\":{}}}", RC_INVALID,
     "certificate_config_location"},
    {EXTERNAL "\"credential_source\":{\"else\":{}}}", RC_UNSUPPORTED,
     "environment_id"},
    {EXTERNAL "\"service_account_impersonation_url\":\"ftp://x\","
              "\"credential_source\":{\"file\":\"/x\"}}",
     RC_INVALID, "https://"},
    {"{\"type\":\"authorized_user\",\"universe_domain\":\"other.org\"}",
     RC_INVALID, "client_id"},
};

START_TEST(a_bad_file_is_an_error_that_names_it_and_no_secret)
{
    struct err err = {0};

    ck_assert_int_eq(parse(refused[_i].json, &err), refused[_i].rc);
    ck_assert_msg(strstr(err.text, refused[_i].word) != NULL, "%s", err.text);
    ck_assert_ptr_nonnull(strstr(err.text, "test.json"));
    ck_assert_ptr_null(strstr(err.text, "SECRET"));
}
END_TEST

START_TEST(a_weak_key_is_refused)
{
    char pem[8192];
    EVP_PKEY *key = make_key(1024, pem, sizeof(pem));
    struct buf b;
    struct err err = {0};

    buf_init(&b, 65536);
    buf_puts(&b, "{\"type\":\"service_account\",\"client_email\":\"a@b\","
                 "\"private_key\":");
    buf_json_str(&b, str_from(pem));
    buf_putc(&b, '}');
    ck_assert_int_eq(
        credentials_parse(loop, buf_as_str(&b), "k", &source, &err),
        RC_INVALID);
    buf_fini(&b);
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(a_named_file_that_cannot_be_read_is_an_error)
{
    struct err err;

    setenv("GOOGLE_APPLICATION_CREDENTIALS", "/no/such/file.json", 1);
    ck_assert_int_eq(credentials_open(loop, &source, &err), RC_DENIED);
    ck_assert_ptr_nonnull(strstr(err.text, "/no/such/file.json"));
    ck_assert_ptr_nonnull(strstr(err.text, "GOOGLE_APPLICATION_CREDENTIALS"));
}
END_TEST

START_TEST(gclouds_own_file_is_found)
{
    char *text = with_base(USER);
    struct err err;

    write_file("application_default_credentials.json", text, 0600);
    mem_free(text);
    ck_assert_int_eq(credentials_open(loop, &source, &err), RC_OK);
    ck_assert_str_eq(ask(), "plain");
}
END_TEST

START_TEST(another_universe_than_the_credentials_is_refused)
{
    struct err err;

    setenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN", "other.org", 1);
    ck_assert_int_eq(parse(USER, &err), RC_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "other.org"));
}
END_TEST

START_TEST(the_environment_names_the_quota_project)
{
    setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "mine", 1);
    open_text(USER);
    ck_assert_str_eq(token_quota_project(source), "mine");
}
END_TEST

START_TEST(a_source_can_go_while_it_asks)
{
    static struct question q;

    open_text(EXTERNAL "\"credential_source\":{\"url\":\"~/subject.json\"}}");
    q = (struct question){.get = {.done = on_token}};
    token_get(source, &q.get);
    run_for(loop, 1);
    token_get_cancel(&q.get);
    token_source_free(source);
    source = NULL;
    run_for(loop, 20000);
    ck_assert(!q.is_done);
}
END_TEST

Suite *suite_credentials(void)
{
    Suite *s = suite_create("credentials");
    TCase *tc = tcase_create("credentials");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_service_account_signs_its_own_token);
    tcase_add_test(tc, a_token_is_kept_until_it_is_refused);
    tcase_add_test(tc, a_user_trades_the_refresh_token);
    tcase_add_test(tc, a_refusal_is_told_without_secrets);
    tcase_add_test(tc, the_metadata_server_gives_the_attached_accounts_token);
    tcase_add_test(tc, start_up_reads_project_and_region);
    tcase_add_test(tc, an_impostor_of_the_metadata_server_is_not_believed);
    tcase_add_test(tc, without_any_credential_it_says_what_to_do);
    tcase_add_test(tc, impersonation_trades_the_base_token);
    tcase_add_test(tc, an_external_account_trades_a_file);
    tcase_add_test(
        tc, an_external_account_trades_what_a_url_gives_and_impersonates);
    tcase_add_test(tc, an_external_account_of_aws_asks_the_instance);
    tcase_add_test(tc, an_external_account_of_aws_takes_the_environment);
    tcase_add_test(tc, an_external_account_shows_its_certificates);
    tcase_add_test(tc, a_certificate_that_is_not_there_is_told);
    tcase_add_test(tc, an_external_account_runs_a_program_only_if_allowed);
    tcase_add_loop_test(tc, a_program_that_fails_is_an_error, 0,
                        sizeof(programs) / sizeof(programs[0]));
    tcase_add_loop_test(tc, a_bad_file_is_an_error_that_names_it_and_no_secret,
                        0, sizeof(refused) / sizeof(refused[0]));
    tcase_add_test(tc, a_weak_key_is_refused);
    tcase_add_test(tc, a_named_file_that_cannot_be_read_is_an_error);
    tcase_add_test(tc, gclouds_own_file_is_found);
    tcase_add_test(tc, another_universe_than_the_credentials_is_refused);
    tcase_add_test(tc, the_environment_names_the_quota_project);
    tcase_add_test(tc, a_source_can_go_while_it_asks);
    suite_add_tcase(s, tc);
    return s;
}
