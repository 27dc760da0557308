/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/frame.h"

bool frame_parse_epoch(struct str text, uint64_t *out)
{
    uint64_t v = 0;

    if (text.len == 0 || text.len > FRAME_EPOCH)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        unsigned digit;

        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (unsigned)(c - 'a' + 10);
        else
            return false;
        v = v << 4 | digit;
    }
    *out = v;
    return true;
}

void frame_put_epoch(char *out, uint64_t epoch)
{
    static const char hex[] = "0123456789abcdef";

    for (int i = 0; i < FRAME_EPOCH; i++)
        out[i] = hex[epoch >> (4 * (FRAME_EPOCH - 1 - i)) & 15];
    out[FRAME_EPOCH] = '\0';
}

bool frame_parse(struct str text, struct generation *gen, enum frame_kind *kind,
                 struct str *payload)
{
    struct str rest = text, epoch = str_cut(&rest, ':'), counter;

    if (!rest.p || !frame_parse_epoch(epoch, &gen->epoch))
        return false;
    counter = str_cut(&rest, ':');
    if (!rest.p || rest.len == 0 || !str_to_u64(counter, &gen->counter))
        return false;
    switch (rest.p[0]) {
    case 'p':
        *kind = FRAME_PAYLOAD;
        break;
    case 'g':
        *kind = FRAME_GAP;
        break;
    case 'b':
        *kind = FRAME_BEAT;
        break;
    default:
        return false;
    }
    *payload = str_of(rest.p + 1, rest.len - 1);
    return true;
}
