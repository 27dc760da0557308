/* SPDX-License-Identifier: Apache-2.0 */
/* Ack ids: 24 bytes (seal, sequence, nonce, check) as 32 characters. A client
 * can neither make one up nor take one subscription's to another. */
#include "emulator/pubsub/message.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

struct ack_parts {
    uint64_t seal;
    uint64_t seq; /* masked */
    uint32_t nonce;
    uint32_t check;
};

static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9ULL;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebULL;
    return x ^ x >> 31;
}

static uint64_t seal_of(uint64_t secret, uint64_t seq, uint32_t nonce)
{
    return mix(mix(secret ^ seq) + nonce);
}

void ack_id_write(char out[ACK_ID_LEN], uint64_t secret, uint64_t seq,
                  uint32_t nonce)
{
    struct ack_parts parts;
    uint8_t raw[sizeof(parts)];

    parts.seal = seal_of(secret, seq, nonce);
    parts.seq = seq ^ mix(secret);
    parts.nonce = nonce;
    parts.check = (uint32_t)mix(secret + 1);
    memcpy(raw, &parts, sizeof(parts));
    for (unsigned i = 0; i < sizeof(raw); i += 3, out += 4) {
        unsigned v =
            (unsigned)raw[i] << 16 | (unsigned)raw[i + 1] << 8 | raw[i + 2];

        out[0] = alphabet[v >> 18];
        out[1] = alphabet[v >> 12 & 63];
        out[2] = alphabet[v >> 6 & 63];
        out[3] = alphabet[v & 63];
    }
}

/* Value of a character, 64 if it is none of the alphabet. */
static const uint8_t values[256] = {
#define X16 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64
    X16, X16, 64,  64,  64,  64,  64,  64,  64,  64, 64, 64, 64, 64, 64, 62,
    64,  64,  52,  53,  54,  55,  56,  57,  58,  59, 60, 61, 64, 64, 64, 64,
    64,  64,  64,  0,   1,   2,   3,   4,   5,   6,  7,  8,  9,  10, 11, 12,
    13,  14,  15,  16,  17,  18,  19,  20,  21,  22, 23, 24, 25, 64, 64, 64,
    64,  63,  64,  26,  27,  28,  29,  30,  31,  32, 33, 34, 35, 36, 37, 38,
    39,  40,  41,  42,  43,  44,  45,  46,  47,  48, 49, 50, 51, 64, 64, 64,
    64,  64,  X16, X16, X16, X16, X16, X16, X16, X16
#undef X16
};

bool ack_id_read(struct str text, uint64_t secret, uint64_t *seq,
                 uint32_t *nonce)
{
    struct ack_parts parts;
    uint8_t raw[sizeof(parts)];

    if (text.len != ACK_ID_LEN)
        return false;
    for (unsigned i = 0; i < sizeof(raw) / 3; i++) {
        const uint8_t *c = (const uint8_t *)text.p + (size_t)i * 4;
        unsigned bad =
            values[c[0]] | values[c[1]] | values[c[2]] | values[c[3]];
        unsigned v = (unsigned)values[c[0]] << 18 |
                     (unsigned)values[c[1]] << 12 |
                     (unsigned)values[c[2]] << 6 | values[c[3]];

        if (bad & 64)
            return false;
        raw[i * 3] = (uint8_t)(v >> 16);
        raw[i * 3 + 1] = (uint8_t)(v >> 8);
        raw[i * 3 + 2] = (uint8_t)v;
    }
    memcpy(&parts, raw, sizeof(parts));
    *seq = parts.seq ^ mix(secret);
    *nonce = parts.nonce;
    return parts.check == (uint32_t)mix(secret + 1) &&
           parts.seal == seal_of(secret, *seq, *nonce);
}
