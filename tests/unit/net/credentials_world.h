/* SPDX-License-Identifier: Apache-2.0 */
/* What the suites of credentials share: a token server on the test's own loop,
 * a folder, one source of tokens. Made new before each test. */
#ifndef TESTS_CREDENTIALS_WORLD_H
#define TESTS_CREDENTIALS_WORLD_H

#include <check.h>
#include <sys/types.h>

#include "net/credentials.h"
#include "service.h"

extern struct credentials_world {
    struct loop *loop;
    struct service service;
    struct token_source *source; /* freed at the end, where there is one */
    unsigned n_requests;
    char seen[8][2048]; /* path, authorization, own field, body */
    int token_status;   /* 0: well */
    const char *flavor; /* of the metadata server's answers */
    char dir[32];
} world;

#define USER                                                                   \
    "{\"type\":\"authorized_user\",\"client_id\":\"id\",\"client_secret\":"    \
    "\"s&cret\",\"refresh_token\":\"r/t\",\"token_uri\":\"~/token\"}"

#define EXTERNAL                                                               \
    "{\"type\":\"external_account\",\"audience\":\"//iam/pool\","              \
    "\"subject_token_type\":\"urn:jwt\",\"token_url\":\"~/sts\","

struct question {
    struct token_get get;
    bool is_done;
    char bearer[2048];
};
void question_done(struct token_get *get);

TCase *world_case(const char *name);
/* Mode as chmod's, whatever the umask. */
void world_write_file(const char *name, const char *text, mode_t mode);
/* `text` with each ~ replaced by the service's address; mem_free it. */
char *world_with_base(const char *text);
/* Both replace ~ as well; the second fails the test where it is refused. */
int world_parse(const char *text, struct err *err);
void world_open(const char *text);
/* The bearer, or "error: " and why; good until the next. */
const char *world_ask(void);

#endif
