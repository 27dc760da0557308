/* SPDX-License-Identifier: Apache-2.0 */
#include "net/token_subject.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/mem.h"
#include "net/program.h"
#include "net/subject_aws.h"
#include "net/subject_cert.h"
#include "net/token_http.h"

enum {
    TOKEN_MAX = 256 * 1024,
    PROGRAM_US = 30 * 1000000
};

enum subject_kind {
    SUBJECT_FILE,
    SUBJECT_URL,
    SUBJECT_PROGRAM,
    SUBJECT_AWS,
    SUBJECT_CERT
};

struct subject {
    enum subject_kind kind;
    char *path;  /* file, or URL */
    char *field; /* member of a JSON text, or NULL */
    char *names[HTTP_CALL_FIELDS], *values[HTTP_CALL_FIELDS];
    size_t n_fields;
    struct token_http http;
    struct loop_timer timer;
    struct program *program;
    struct subject_aws *aws;
    struct subject_cert *cert;
    char *command;
    char **environment; /* of the program, beside ours */
    int64_t timeout_us;
    struct loop *loop;
    void (*done)(const struct subject_answer *answer, void *arg);
    void *arg;
};

/* --- reading
 * ------------------------------------------------------------------ */

static struct str trimmed(struct str s)
{
    while (s.len && strchr(" \t\r\n", s.p[0])) {
        s.p++;
        s.len--;
    }
    while (s.len && strchr(" \t\r\n", s.p[s.len - 1]))
        s.len--;
    return s;
}

int subject_extract(struct str text, const char *field, char **out,
                    struct err *err)
{
    json_t *json;
    const char *token;
    int rc = RC_OK;

    if (!field) {
        text = trimmed(text);
        if (text.len == 0)
            return err_set(err, RC_MALFORMED, "the subject token is empty");
        *out = mem_strndup(text.p, text.len);
        return RC_OK;
    }
    json = json_loadb(text.p, text.len, 0, NULL);
    token = credential_text(json, field);
    if (token)
        *out = mem_strdup(token);
    else
        rc = err_set(err, RC_MALFORMED,
                     "the subject token's JSON has no member \"%.60s\"", field);
    json_decref(json);
    return rc;
}

int subject_read_program(struct str text, int64_t now_s, char **out,
                         struct err *err)
{
    json_t *json = json_loadb(text.p, text.len, 0, NULL);
    const json_t *expires = json_object_get(json, "expiration_time");
    const char *token = credential_text(json, "id_token");
    const char *message = credential_text(json, "message");
    int rc = RC_OK;

    if (!token)
        token = credential_text(json, "saml_response");
    if (!json_is_object(json))
        rc = err_set(err, RC_MALFORMED,
                     "the program of the external account printed no JSON "
                     "object");
    else if (json_integer_value(json_object_get(json, "version")) != 1)
        rc = err_set(err, RC_UNSUPPORTED,
                     "the program of the external account must answer in "
                     "\"version\": 1");
    else if (!json_is_true(json_object_get(json, "success")))
        rc = err_set(err, RC_DENIED,
                     "the program of the external account gave no token: "
                     "%.200s",
                     message ? message : "no message");
    else if (!token)
        rc = err_set(err, RC_MALFORMED,
                     "the program of the external account printed neither "
                     "id_token nor saml_response");
    else if (json_is_integer(expires) && json_integer_value(expires) <= now_s)
        rc = err_set(err, RC_DENIED,
                     "the program of the external account gave a token that "
                     "has expired");
    else
        *out = mem_strdup(token);
    json_decref(json);
    return rc;
}

/* --- the ways
 * ------------------------------------------------------------ */

static void tell(struct subject *s, int rc, const struct err *err, char *token)
{
    struct subject_answer answer = {.rc = rc};

    if (rc == RC_OK)
        answer.token = str_from(token);
    else
        answer.err = *err;
    s->done(&answer, s->arg);
    token_forget(token);
}

static void read_cert(struct subject *s)
{
    char *token = NULL;
    struct err err;
    int rc = subject_cert_read(s->cert, &token, &err);

    tell(s, rc, &err, token);
}

static void read_token_file(struct subject *s)
{
    FILE *f = fopen(s->path, "re");
    char *text = mem_alloc(TOKEN_MAX), *token = NULL;
    size_t len = f ? fread(text, 1, TOKEN_MAX, f) : 0;
    struct err err;
    int rc;

    if (!f || ferror(f) || len == TOKEN_MAX)
        rc = err_set(&err, RC_UNAVAILABLE,
                     "cannot read the subject token's file %s: %s", s->path,
                     len == TOKEN_MAX ? "it is too large" : strerror(errno));
    else
        rc = subject_extract(str_of(text, len), s->field, &token, &err);
    if (f)
        fclose(f);
    explicit_bzero(text, len);
    mem_free(text);
    tell(s, rc, &err, token);
}

static void on_file_turn(struct loop_timer *timer)
{
    struct subject *s = LOOP_OWNER(timer, struct subject, timer);

    if (s->kind == SUBJECT_CERT)
        read_cert(s);
    else
        read_token_file(s);
}

static void on_url(struct token_http *http, int rc)
{
    struct subject *s = http->owner;
    char *token = NULL;

    if (rc == RC_OK)
        rc = subject_extract(buf_as_str(&http->call.response), s->field, &token,
                             &http->err);
    tell(s, rc, &http->err, token);
}

static void on_program(struct program *program, int rc, const struct err *err,
                       struct str output, void *arg)
{
    struct subject *s = arg;
    struct err own;
    char *token = NULL;

    (void)program;
    s->program = NULL;
    if (rc == RC_OK) {
        rc = subject_read_program(output, clock_wall_us() / US_PER_S, &token,
                                  &own);
        err = &own;
    }
    tell(s, rc, err, token);
}

static void on_aws(int rc, const struct err *err, char *token, void *arg)
{
    tell(arg, rc, err, token);
}

void subject_fetch(struct subject *s,
                   void (*done)(const struct subject_answer *answer, void *arg),
                   void *arg)
{
    s->done = done;
    s->arg = arg;
    switch (s->kind) {
    case SUBJECT_FILE:
    case SUBJECT_CERT:
        loop_timer_arm(&s->timer, 0);
        break;
    case SUBJECT_URL:
        s->http.call.n_fields = s->n_fields;
        for (size_t i = 0; i < s->n_fields; i++)
            s->http.call.fields[i] =
                (struct http_call_field){s->names[i], s->values[i]};
        token_http_get(&s->http, s->path);
        break;
    case SUBJECT_PROGRAM:
        s->program = program_run(s->loop, s->command, s->environment,
                                 s->timeout_us, on_program, s);
        break;
    case SUBJECT_AWS:
        subject_aws_fetch(s->aws, on_aws, s);
        break;
    }
}

void subject_client(const struct subject *s, const char **cert,
                    const char **key)
{
    *cert = s->cert ? subject_cert_path(s->cert) : NULL;
    *key = s->cert ? subject_cert_key(s->cert) : NULL;
}

void subject_free(struct subject *s)
{
    if (!s)
        return;
    program_kill(s->program);
    subject_aws_free(s->aws);
    subject_cert_free(s->cert);
    token_http_fini(&s->http);
    loop_timer_fini(&s->timer);
    for (size_t i = 0; i < s->n_fields; i++) {
        mem_free(s->names[i]);
        token_forget(s->values[i]);
    }
    for (char **e = s->environment; e && *e; e++)
        mem_free(*e);
    mem_free(s->environment);
    mem_free(s->path);
    mem_free(s->field);
    mem_free(s->command);
    mem_free(s);
}

/* --- opening
 * ------------------------------------------------------------------ */

static int open_format(struct subject *s, const struct credential *c,
                       const json_t *source, struct err *err)
{
    const json_t *format = json_object_get(source, "format");
    const char *type = credential_text(format, "type");
    const char *field = credential_text(format, "subject_token_field_name");

    if (!type || strcmp(type, "text") == 0)
        return RC_OK;
    if (strcmp(type, "json") != 0 || !field)
        return err_set(err, RC_INVALID,
                       "the credential file %s: \"format\" must be text, or "
                       "json with \"subject_token_field_name\"",
                       c->name);
    s->field = mem_strdup(field);
    return RC_OK;
}

static int open_url(struct subject *s, const struct credential *c,
                    const json_t *source, struct err *err)
{
    json_t *headers = json_object_get(source, "headers");
    const char *url, *name;
    json_t *value;
    int rc = credential_url(c, source, "url", NULL, &url, err);

    if (rc != RC_OK)
        return rc;
    s->kind = SUBJECT_URL;
    s->path = mem_strdup(url);
    json_object_foreach(headers, name, value)
    {
        if (s->n_fields == HTTP_CALL_FIELDS || !json_is_string(value) ||
            strpbrk(name, "\r\n:") || strpbrk(json_string_value(value), "\r\n"))
            return err_set(err, RC_INVALID,
                           "the credential file %s: \"headers\" must be at "
                           "most %d names with texts",
                           c->name, HTTP_CALL_FIELDS);
        s->names[s->n_fields] = mem_strdup(name);
        s->values[s->n_fields++] = mem_strdup(json_string_value(value));
    }
    return RC_OK;
}

static int open_program(struct subject *s, const struct credential *c,
                        const json_t *program, struct err *err)
{
    const char *command = credential_text(program, "command");
    const json_t *timeout = json_object_get(program, "timeout_millis");
    const char *allowed = getenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES");
    const char *audience = credential_text(c->json, "audience");
    const char *type = credential_text(c->json, "subject_token_type");

    if (!allowed || strcmp(allowed, "1") != 0)
        return err_set(err, RC_DENIED,
                       "the credential file %s runs a program: set "
                       "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1 if you "
                       "trust it",
                       c->name);
    if (!command)
        return err_set(err, RC_INVALID,
                       "the credential file %s: \"executable\" has no "
                       "\"command\"",
                       c->name);
    s->kind = SUBJECT_PROGRAM;
    s->command = mem_strdup(command);
    s->timeout_us = json_is_integer(timeout)
                        ? json_integer_value(timeout) * US_PER_MS
                        : PROGRAM_US;
    if (s->timeout_us < 5 * US_PER_S || s->timeout_us > 120 * US_PER_S)
        s->timeout_us = PROGRAM_US;
    s->environment = MEM_ARRAY(char *, 4);
    s->environment[0] = mem_printf("GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE=%s",
                                   audience ? audience : "");
    s->environment[1] =
        mem_printf("GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE=%s", type ? type : "");
    s->environment[2] = mem_strdup("GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE=0");
    return RC_OK;
}

static int open_source(struct subject *s, const struct credential *c,
                       const json_t *source, struct err *err)
{
    const char *file = credential_text(source, "file");
    const json_t *program = json_object_get(source, "executable");
    const json_t *certificate = json_object_get(source, "certificate");

    if (program)
        return open_program(s, c, program, err);
    if (file) {
        s->kind = SUBJECT_FILE;
        s->path = mem_strdup(file);
        return open_format(s, c, source, err);
    }
    if (credential_text(source, "environment_id")) {
        s->kind = SUBJECT_AWS;
        return subject_aws_open(c, source, &s->aws, err);
    }
    if (credential_text(source, "url")) {
        int rc = open_url(s, c, source, err);
        return rc == RC_OK ? open_format(s, c, source, err) : rc;
    }
    if (certificate) {
        s->kind = SUBJECT_CERT;
        return subject_cert_open(c, certificate, &s->cert, err);
    }
    return err_set(err, RC_UNSUPPORTED,
                   "the credential file %s: \"credential_source\" must have "
                   "file, url, executable, environment_id or certificate",
                   c->name);
}

int subject_open(const struct credential *c, struct subject **out,
                 struct err *err)
{
    const json_t *source = json_object_get(c->json, "credential_source");
    struct subject *s = MEM_NEW(struct subject);
    int rc;

    s->loop = c->loop;
    loop_timer_init(&s->timer, c->loop, on_file_turn);
    token_http_init(&s->http, c->loop, s, on_url);
    rc = open_source(s, c, source, err);
    if (rc != RC_OK)
        subject_free(s);
    else
        *out = s;
    return rc;
}
