/* SPDX-License-Identifier: Apache-2.0 */
/* Loading: for each row of the table the strongest source wins; then the
 * text is turned into the member's type and checked. */
#include "config/settings.h"

#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/str.h"
#include "config/args.h"
#include "config/settings_priv.h"

extern char **environ;

const struct setting_spec setting_specs[N_SETTINGS] = {
#define SETTING(member, kind, variable, flag, value, cloud, low, high, help)   \
    {KIND_##kind, variable, flag,                                              \
     value,       cloud,    low,                                               \
     high,        help,     offsetof(struct settings, member)},
#include "config/settings.def"
#undef SETTING
};

/* Read elsewhere: by the command line, the emulator, the console. */
static const char *const other_variables[] = {
    "DATOS_CLOUD",
    "DATOS_API_URL", /* what `datos dev` tells its children */
    "DATOS_BUILD",   /* what tests/run tells the tests */
    "DATOS_EMULATOR_TOKEN",
    "DATOS_CONSOLE_TARGETS",
};

/* Settings that are a choice of words. */
static const struct {
    int setting;
    const char *words[6];
} choices[] = {
    {SETTING_ingest, {"pull", "push", "off"}},
    {SETTING_auth, {"none", "jwt"}},
    {SETTING_push_auth, {"jwt", "none"}},
    {SETTING_log, {"debug", "info", "warn", "warning", "error", "off"}},
};

static void keep(struct settings_source *src, int i, enum setting_origin origin,
                 const char *text)
{
    mem_free(src->text[i]);
    src->text[i] = text && *text ? mem_strdup(text) : NULL;
    src->origin[i] = origin;
}

static void read_environment(struct settings_source *src)
{
    for (int i = 0; i < N_SETTINGS; i++) {
        const char *text = getenv(setting_specs[i].variable);

        /* an empty variable is as good as none: compose files write those */
        if (text && *text)
            keep(src, i,
                 src->origin[i] == ORIGIN_FILE ? ORIGIN_FILE
                                               : ORIGIN_ENVIRONMENT,
                 text);
    }
}

static int take_flags(struct settings_source *src, int *argc, char **argv,
                      struct err *err)
{
    int i = 1;

    while (i < *argc && strcmp(argv[i], "--") != 0) {
        int rc = 0;

        for (int k = 0; k < N_SETTINGS && rc == 0; k++) {
            bool is_flag = setting_specs[k].kind == KIND_FLAG;
            const char *value;

            rc = args_match(setting_specs[k].flag, !is_flag, i, argc, argv,
                            &value, err);
            if (rc == 1)
                keep(src, k, ORIGIN_FLAG, value ? value : "1");
        }
        if (rc < 0)
            return rc;
        i += rc == 0;
    }
    return RC_OK;
}

static int take_env_file(struct settings_source *src, int *argc, char **argv,
                         struct err *err)
{
    const struct args_flag flag = {
        .flag = "--env-file", .kind = ARGS_TEXT, .out = &src->file};
    int rc = args_take(&flag, 1, argc, argv, err);

    return rc || !src->file ? rc : setting_read_file(src->file, src, err);
}

/* "DATOS_STORE=x" or "--store=x", as the user wrote it. */
static int refuse(const struct settings_source *src, int i, struct err *err,
                  const char *form)
{
    const struct setting_spec *spec = &setting_specs[i];
    char shown[128];

    if (spec->kind == KIND_SECRET)
        setting_mask(src->text[i], shown, sizeof(shown));
    else
        snprintf(shown, sizeof(shown), "%s", src->text[i]);
    return err_set(err, RC_INVALID, "%s=%s%s%s: must be %s",
                   src->origin[i] == ORIGIN_FLAG ? spec->flag : spec->variable,
                   shown, src->origin[i] == ORIGIN_FILE ? " in " : "",
                   src->origin[i] == ORIGIN_FILE ? src->file : "", form);
}

static int parse_int(const struct settings_source *src, int i, int64_t *out,
                     struct err *err)
{
    const struct setting_spec *spec = &setting_specs[i];
    char form[96];

    *out = -1;
    if (!src->text[i])
        return RC_OK;
    if (str_to_i64(str_from(src->text[i]), out) && *out >= spec->low &&
        *out <= spec->high)
        return RC_OK;
    snprintf(form, sizeof(form), "a whole number from %" PRId64 " to %" PRId64,
             spec->low, spec->high);
    return refuse(src, i, err, form);
}

static int parse_flag(const struct settings_source *src, int i, bool *out,
                      struct err *err)
{
    static const char *const yes[] = {"1", "true", "yes", "on"};
    static const char *const no[] = {"0", "false", "no", "off"};
    struct str text = str_from(src->text[i] ? src->text[i] : "0");

    for (size_t k = 0; k < sizeof(yes) / sizeof(yes[0]); k++) {
        if (str_ieq(text, str_from(yes[k])) || str_ieq(text, str_from(no[k]))) {
            *out = str_ieq(text, str_from(yes[k]));
            return RC_OK;
        }
    }
    return refuse(src, i, err, "1 or 0");
}

static int fill(struct settings *s, struct err *err)
{
    struct settings_source *src = s->sources;

    for (int i = 0; i < N_SETTINGS; i++) {
        const struct setting_spec *spec = &setting_specs[i];
        void *member = (char *)s + spec->offset;
        int rc = RC_OK;

        if (src->origin[i] == ORIGIN_DEFAULT)
            keep(src, i, ORIGIN_DEFAULT,
                 s->in_cloud && spec->cloud ? spec->cloud : spec->value);
        if (spec->kind == KIND_INT)
            rc = parse_int(src, i, member, err);
        else if (spec->kind == KIND_FLAG)
            rc = parse_flag(src, i, member, err);
        else
            *(const char **)member = src->text[i];
        if (rc)
            return rc;
    }
    return RC_OK;
}

static int check_choice(const struct settings_source *src, size_t c,
                        struct err *err)
{
    int i = choices[c].setting;
    char form[96] = "";

    if (!src->text[i])
        return RC_OK;
    for (size_t k = 0; k < 6 && choices[c].words[k]; k++) {
        size_t len = strlen(form);

        if (strcmp(src->text[i], choices[c].words[k]) == 0)
            return RC_OK;
        snprintf(form + len, sizeof(form) - len, "%s%s", k ? ", " : "one of ",
                 choices[c].words[k]);
    }
    return refuse(src, i, err, form);
}

/* What may stand in a resource's path; Google's own rule is stricter, the
 * emulators' users are not. */
static bool is_project(const char *id)
{
    size_t len = strlen(id);

    return len <= 63 && strspn(id, "abcdefghijklmnopqrstuvwxyz"
                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "0123456789-_.:") == len;
}

static int check_values(const struct settings *s, struct err *err)
{
    const struct settings_source *src = s->sources;
    struct str store = str_from(s->store);

    for (size_t c = 0; c < sizeof(choices) / sizeof(choices[0]); c++) {
        int rc = check_choice(src, c, err);
        if (rc)
            return rc;
    }
    if (!is_project(s->project))
        return refuse(src, SETTING_project, err,
                      "a project id: letters, digits and hyphens, like "
                      "my-project-123");
    if (!str_eq(store, STR("bigquery")) &&
        (!str_starts(store, STR("sqlite:")) || store.len == 7))
        return refuse(src, SETTING_store, err, "bigquery or sqlite:PATH");
    return RC_OK;
}

static bool is_known(struct str name)
{
    for (int i = 0; i < N_SETTINGS; i++) {
        if (str_eq(name, str_from(setting_specs[i].variable)))
            return true;
    }
    for (size_t i = 0; i < sizeof(other_variables) / sizeof(char *); i++) {
        if (str_eq(name, str_from(other_variables[i])))
            return true;
    }
    return false;
}

static void warn_of_unknown(void)
{
    for (char **e = environ; e && *e; e++) {
        struct str rest = str_from(*e), name = str_cut(&rest, '=');
        const char *near = NULL;
        unsigned best;

        if (!str_starts(name, STR("DATOS_")) || is_known(name))
            continue;
        best = args_too_far(name.p + strlen("DATOS_"));
        for (int i = 0; i < N_SETTINGS; i++) {
            struct str known = str_from(setting_specs[i].variable);
            unsigned d = str_distance(name, known);

            if (d < best) {
                best = d;
                near = setting_specs[i].variable;
            }
        }
        LOG_W("%.*s is no setting and has no effect%s%s%s", STR_ARG(name),
              near ? "; did you mean " : "", near ? near : "",
              near ? "?" : "; `datos config` lists the settings");
    }
}

int settings_load(struct settings *s, int *argc, char **argv, struct err *err)
{
    const char *cloud, *service;
    int rc;

    memset(s, 0, sizeof(*s));
    s->sources = MEM_NEW(struct settings_source);
    rc = take_env_file(s->sources, argc, argv, err);
    if (!rc) {
        read_environment(s->sources);
        rc = take_flags(s->sources, argc, argv, err);
    }
    if (!rc) {
        cloud = getenv("DATOS_CLOUD");
        service = getenv("K_SERVICE");
        s->in_cloud = (service && *service) || (cloud && *cloud == '1');
        rc = fill(s, err);
    }
    if (!rc && !s->store)
        s->store = setting_specs[SETTING_store].value;
    if (!rc)
        rc = check_values(s, err);
    if (rc) {
        settings_free(s);
        return rc;
    }
    warn_of_unknown();
    return RC_OK;
}

void settings_free(struct settings *s)
{
    if (!s->sources)
        return;
    for (int i = 0; i < N_SETTINGS; i++)
        mem_free(s->sources->text[i]);
    mem_free(s->sources);
    memset(s, 0, sizeof(*s));
}

int settings_check_start(const struct settings *s, bool serves_api,
                         struct err *err)
{
    bool pubsub = s->pubsub_emulator_host != NULL;
    bool bigquery = s->bigquery_emulator_host != NULL;
    /* a local file is nobody's production table */
    bool is_local = str_starts(str_from(s->store), STR("sqlite:"));

    if (pubsub != bigquery && !s->allow_mixed && !(pubsub && is_local))
        return err_set(
            err, RC_INVALID,
            "%s is set but %s is not: one half would be the real "
            "service; set both or none, or DATOS_ALLOW_MIXED=1",
            pubsub ? "PUBSUB_EMULATOR_HOST" : "BIGQUERY_EMULATOR_HOST",
            pubsub ? "BIGQUERY_EMULATOR_HOST" : "PUBSUB_EMULATOR_HOST");
    if (serves_api && s->port > 0 && s->port == s->admin_port)
        return err_set(err, RC_INVALID,
                       "PORT and DATOS_ADMIN_PORT are both %d: give one of "
                       "them another number",
                       (int)s->port);
    if (serves_api && !s->auth)
        return err_set(err, RC_INVALID,
                       "DATOS_AUTH must be set in the cloud: jwt (with "
                       "DATOS_JWT_ISSUER, DATOS_JWT_AUDIENCE and "
                       "DATOS_JWT_JWKS_URL), or none to let anyone POST");
    return RC_OK;
}

void settings_export_flags(const struct settings *s)
{
    for (int i = 0; i < N_SETTINGS; i++) {
        if (s->sources->origin[i] != ORIGIN_FLAG)
            continue;
        if (s->sources->text[i])
            setenv(setting_specs[i].variable, s->sources->text[i], 1);
        else
            unsetenv(setting_specs[i].variable);
    }
}

int64_t settings_cache_check_ms(const struct settings *s)
{
    bool is_google = str_eq(str_from(s->store), STR("bigquery")) &&
                     !s->bigquery_emulator_host;

    if (s->cache_check_ms >= 0)
        return s->cache_check_ms;
    return is_google ? 300000 : 1000;
}

int64_t settings_store_qps(const struct settings *s)
{
    bool is_google = str_eq(str_from(s->store), STR("bigquery")) &&
                     !s->bigquery_emulator_host;

    if (s->store_qps >= 0)
        return s->store_qps;
    return is_google ? 5 : 0;
}

int64_t settings_threads(const struct settings *s)
{
    cpu_set_t set;
    int n;

    if (s->threads > 0)
        return s->threads;
    n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
    return n < 1 ? 1 : n > 256 ? 256 : n;
}
