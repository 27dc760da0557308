/* SPDX-License-Identifier: Apache-2.0 */
/* Character classes of HTTP as one table of bits. */
#ifndef HTTP_CHARS_H
#define HTTP_CHARS_H

#include <stdint.h>

enum {
    HTTP_CH_TOKEN = 1,  /* tchar, RFC 9110 section 5.6.2 */
    HTTP_CH_VALUE = 2,  /* field-vchar, blank, tab, obs-text */
    HTTP_CH_TARGET = 4, /* may stand in a request target: no blank, no '#' */
    HTTP_CH_HOST = 8    /* reg-name, IP literal, port */
};

extern const uint8_t http_chars[256];

static inline int http_is(unsigned char c, int class)
{
    return http_chars[c] & class;
}

#endif
