/* SPDX-License-Identifier: Apache-2.0 */
#include "net/google_error.h"

#include "common/json.h"

int google_status_rc(int status)
{
    if (status >= 200 && status <= 299)
        return RC_OK;
    switch (status) {
    case 400:
        return RC_INVALID;
    case 401:
    case 403:
        return RC_DENIED;
    case 404:
        return RC_NOT_FOUND;
    case 409:
        return RC_EXISTS;
    case 413:
        return RC_TOO_LARGE;
    case 429:
        return RC_BUSY;
    case 501:
        return RC_UNSUPPORTED;
    case 408:
        return RC_TIMEOUT;
    default:
        return status >= 500 ? RC_UNAVAILABLE : RC_INTERNAL;
    }
}

/* One line of printable characters: what a peer says ends up in our log. */
static void keep(const struct json_token *t, char *out, size_t size)
{
    char decoded[512];
    struct str text = json_cut_utf8(t->text, sizeof(decoded));
    size_t len = 0;

    if (t->escaped && text.len == t->text.len)
        text = str_of(decoded, json_decode(decoded, text));
    text = json_cut_utf8(text, size - 1);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.p[i];
        out[len++] = c < ' ' || c == 0x7f ? ' ' : (char)c;
    }
    out[len] = '\0';
}

void google_error_text(struct str body, char *out, size_t size)
{
    struct json_scan s;
    struct json_token t;
    struct json_token key = {.text = STR("")};
    unsigned depth = 0;

    out[0] = '\0';
    json_scan_init(&s, body);
    while (json_scan_next(&s, &t) != JSON_T_DONE && t.kind != JSON_T_ERROR) {
        if (t.kind == JSON_T_KEY) {
            key = t;
        } else if (t.kind == JSON_T_OBJECT || t.kind == JSON_T_ARRAY) {
            depth++;
        } else if (t.kind == JSON_T_OBJECT_END || t.kind == JSON_T_ARRAY_END) {
            depth--;
        } else if (t.kind == JSON_T_STRING) {
            bool is_message = json_text_eq(&key, STR("message"));
            bool is_short = json_text_eq(&key, STR("error")) && !out[0];
            if (is_message || is_short ||
                json_text_eq(&key, STR("error_description")))
                keep(&t, out, size);
            if (is_message && depth == 2)
                break; /* deeper ones are details of it */
        }
    }
    json_scan_fini(&s);
}

void google_error_reason(struct str body, char *out, size_t size)
{
    struct json_scan s;
    struct json_token t;
    bool is_reason = false;

    out[0] = '\0';
    json_scan_init(&s, body);
    while (json_scan_next(&s, &t) != JSON_T_DONE && t.kind != JSON_T_ERROR) {
        if (is_reason && t.kind == JSON_T_STRING) {
            keep(&t, out, size);
            break;
        }
        is_reason = t.kind == JSON_T_KEY && json_text_eq(&t, STR("reason"));
    }
    json_scan_fini(&s);
}
