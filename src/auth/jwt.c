/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/jwt.h"

#include <stdlib.h>

#include "common/base64.h"
#include "common/json.h"

enum {
    SKEW_S = 60 /* issuers' clocks may be ahead of ours */
};

/* --- the three parts --- */

/* base64url without padding and nothing else (RFC 7515 section 2). */
static bool decode_part(struct str part, void *out, size_t *len)
{
    for (size_t i = 0; i < part.len; i++) {
        char c = part.p[i];
        if (c == '+' || c == '/' || c == '=')
            return false;
    }
    return part.len > 0 && base64_decode(part, out, len);
}

/* The value of a string token into `out`; false if it is none or too long. */
static bool take_text(const struct json_token *t, char *out, size_t size,
                      size_t *len)
{
    if (t->kind != JSON_T_STRING || t->has_nul || t->text.len >= size)
        return false;
    *len = json_decode(out, t->text);
    out[*len] = '\0';
    return true;
}

struct header_seen {
    bool algorithm;
    const char *why;
};

static bool take_header(struct jwt *out, const struct json_token *key,
                        const struct json_token *value, struct header_seen *s)
{
    char text[JWT_TEXT_MAX];
    size_t len;

    if (json_text_eq(key, STR("alg"))) {
        if (!take_text(value, text, sizeof(text), &len))
            return false;
        s->algorithm = true;
        if (strcmp(text, "RS256") == 0)
            out->algorithm = JWT_RS256;
        else if (strcmp(text, "ES256") == 0)
            out->algorithm = JWT_ES256;
        else
            s->why = "its algorithm is neither RS256 nor ES256";
    } else if (json_text_eq(key, STR("kid"))) {
        out->has_kid = take_text(value, out->kid, sizeof(out->kid), &len);
        if (!out->has_kid)
            s->why = "its key id is no text";
    } else if (json_text_eq(key, STR("crit")) ||
               json_text_eq(key, STR("b64"))) {
        s->why = "it asks for an extension";
    }
    return true;
}

static bool parse_header(struct str json, struct jwt *out, const char **why)
{
    struct header_seen seen = {false, NULL};
    struct json_scan scan;
    struct json_token key, value;
    struct str skipped;
    bool ok;

    json_scan_init(&scan, json);
    ok = json_scan_next(&scan, &value) == JSON_T_OBJECT;
    while (ok && json_scan_next(&scan, &key) == JSON_T_KEY) {
        (void)json_scan_next(&scan, &value);
        ok = take_header(out, &key, &value, &seen) &&
             json_scan_skip(&scan, &value, &skipped);
    }
    ok = ok && key.kind == JSON_T_OBJECT_END &&
         json_scan_next(&scan, &value) == JSON_T_DONE;
    json_scan_fini(&scan);
    *why = seen.why;
    if (!ok || !seen.algorithm)
        *why = "its header is none";
    return !*why;
}

bool jwt_parse(struct str token, struct jwt *out, const char **why)
{
    struct str rest = token, header = str_cut(&rest, '.'), payload;
    char text[JWT_PART_MAX];
    size_t len;

    out->has_kid = false;
    *why = "it is not of the form header.payload.signature";
    if (token.len > JWT_TOKEN_MAX || !rest.p)
        return false;
    payload = str_cut(&rest, '.');
    if (!rest.p || memchr(rest.p, '.', rest.len) ||
        !decode_part(header, text, &len) ||
        !decode_part(payload, out->payload, &out->payload_len) ||
        !decode_part(rest, out->signature, &out->signature_len))
        return false;
    out->signed_text = str_of(token.p, header.len + 1 + payload.len);
    return parse_header(str_of(text, len), out, why);
}

/* --- claims --- */

struct claims {
    bool issuer, audience, email, email_verified;
    bool has_exp;
    double exp, nbf, iat;
};

static bool take_number(const struct json_token *t, double *out)
{
    char text[40];

    if (t->kind != JSON_T_NUMBER || t->text.len >= sizeof(text))
        return false;
    memcpy(text, t->text.p, t->text.len);
    text[t->text.len] = '\0';
    *out = strtod(text, NULL);
    return true;
}

/* A text, or an array that holds it (RFC 7519 section 4.1.3). */
static bool take_audience(struct json_scan *scan, const struct json_token *t,
                          struct str wanted, bool *found)
{
    struct json_token item;

    if (t->kind == JSON_T_STRING) {
        *found = json_text_eq(t, wanted);
        return true;
    }
    if (t->kind != JSON_T_ARRAY)
        return false;
    while (json_scan_next(scan, &item) == JSON_T_STRING)
        *found = *found || json_text_eq(&item, wanted);
    return item.kind == JSON_T_ARRAY_END;
}

static bool take_claim(struct json_scan *scan, const struct json_token *key,
                       struct json_token *value,
                       const struct jwt_expected *expected, struct claims *c)
{
    struct str skipped;

    if (json_text_eq(key, STR("aud")))
        return take_audience(scan, value, str_from(expected->audience),
                             &c->audience);
    if (json_text_eq(key, STR("iss")))
        c->issuer = value->kind == JSON_T_STRING &&
                    json_text_eq(value, str_from(expected->issuer));
    else if (json_text_eq(key, STR("email")) && expected->email)
        c->email = value->kind == JSON_T_STRING &&
                   json_text_eq(value, str_from(expected->email));
    else if (json_text_eq(key, STR("email_verified")))
        c->email_verified = value->kind == JSON_T_TRUE;
    else if (json_text_eq(key, STR("exp")))
        return (c->has_exp = take_number(value, &c->exp));
    else if (json_text_eq(key, STR("nbf")))
        return take_number(value, &c->nbf);
    else if (json_text_eq(key, STR("iat")))
        return take_number(value, &c->iat);
    return json_scan_skip(scan, value, &skipped);
}

static bool parse_claims(struct str payload, const struct jwt_expected *e,
                         struct claims *c)
{
    struct json_scan scan;
    struct json_token key, value;
    bool ok;

    json_scan_init(&scan, payload);
    ok = json_scan_next(&scan, &value) == JSON_T_OBJECT;
    while (ok && json_scan_next(&scan, &key) == JSON_T_KEY) {
        (void)json_scan_next(&scan, &value);
        ok = take_claim(&scan, &key, &value, e, c);
    }
    ok = ok && key.kind == JSON_T_OBJECT_END &&
         json_scan_next(&scan, &value) == JSON_T_DONE;
    json_scan_fini(&scan);
    return ok;
}

enum jwt_verdict jwt_check_claims(struct str payload,
                                  const struct jwt_expected *expected,
                                  int64_t now_s, const char **why)
{
    struct claims c = {.has_exp = false};
    double now = (double)now_s;

    if (!parse_claims(payload, expected, &c))
        *why = "its claims cannot be read";
    else if (!c.has_exp)
        *why = "it has no time of expiry";
    else if (c.exp <= now)
        *why = "it has expired";
    else if (c.nbf > now + SKEW_S || c.iat > now + SKEW_S)
        *why = "it is not valid yet";
    else if (!c.issuer)
        *why = "it is of another issuer";
    else if (!c.audience)
        *why = "it is for another audience";
    else if (!expected->email || (c.email && c.email_verified))
        return JWT_GOOD;
    else {
        *why = "it is of another account, or one not verified";
        return JWT_STRANGER;
    }
    return JWT_BAD;
}
