/* SPDX-License-Identifier: Apache-2.0 */
/* MD5 (RFC 1321), SHA-1, SHA-256, SHA-512 (FIPS 180-4). Their constants are
 * worked out from their definitions: sines, and roots of primes. */
#include "emulator/bigquery/sql/digest.h"

#include <math.h>

static uint32_t rol(uint32_t v, int n)
{
    return v << n | v >> (32 - n);
}

static uint32_t ror(uint32_t v, int n)
{
    return v >> n | v << (32 - n);
}

static uint64_t ror64(uint64_t v, int n)
{
    return v >> n | v << (64 - n);
}

/* Block `i` of the padded message; false behind the last. */
static bool block(struct str s, size_t i, size_t size, bool big_endian,
                  unsigned char *out)
{
    size_t length_len = size / 8, at = i * size;
    size_t total = (s.len + 1 + length_len + size - 1) / size * size;

    if (at >= total)
        return false;
    memset(out, 0, size);
    if (at < s.len)
        memcpy(out, s.p + at, s.len - at < size ? s.len - at : size);
    if (at <= s.len && s.len < at + size)
        out[s.len - at] = 0x80;
    if (at + size == total) {
        uint64_t bits = (uint64_t)s.len * 8;
        for (size_t k = 0; k < 8; k++)
            out[big_endian ? size - 1 - k : size - 8 + k] =
                (unsigned char)(bits >> (8 * k));
    }
    return true;
}

void digest_md5(struct str s, unsigned char *out)
{
    static const unsigned char shifts[4][4] = {
        {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    uint32_t h[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    unsigned char b[64];

    for (size_t n = 0; block(s, n, 64, false, b); n++) {
        uint32_t v[4], w[16];
        memcpy(v, h, sizeof(v));
        for (int i = 0; i < 16; i++)
            w[i] = (uint32_t)b[4 * i] | (uint32_t)b[4 * i + 1] << 8 |
                   (uint32_t)b[4 * i + 2] << 16 | (uint32_t)b[4 * i + 3] << 24;
        for (int i = 0; i < 64; i++) {
            int round = i / 16, g;
            uint32_t f, k = (uint32_t)(fabs(sin(i + 1)) * 4294967296.0);
            if (round == 0) {
                f = (v[1] & v[2]) | (~v[1] & v[3]);
                g = i;
            } else if (round == 1) {
                f = (v[3] & v[1]) | (~v[3] & v[2]);
                g = (5 * i + 1) % 16;
            } else if (round == 2) {
                f = v[1] ^ v[2] ^ v[3];
                g = (3 * i + 5) % 16;
            } else {
                f = v[2] ^ (v[1] | ~v[3]);
                g = 7 * i % 16;
            }
            f += v[0] + k + w[g];
            v[0] = v[3];
            v[3] = v[2];
            v[2] = v[1];
            v[1] += rol(f, shifts[round][i % 4]);
        }
        for (int i = 0; i < 4; i++)
            h[i] += v[i];
    }
    for (int i = 0; i < 16; i++)
        out[i] = (unsigned char)(h[i / 4] >> (8 * (i % 4)));
}

static uint32_t word32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           p[3];
}

void digest_sha1(struct str s, unsigned char *out)
{
    uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
                     0xc3d2e1f0};
    static const uint32_t k[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc,
                                  0xca62c1d6};
    unsigned char b[64];

    for (size_t n = 0; block(s, n, 64, true, b); n++) {
        uint32_t w[80] = {0}, v[5];
        for (int i = 0; i < 16; i++)
            w[i] = word32(b + 4 * i);
        for (int i = 16; i < 80; i++)
            w[i] = rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        memcpy(v, h, sizeof(v));
        for (int i = 0; i < 80; i++) {
            uint32_t f = i < 20   ? (v[1] & v[2]) | (~v[1] & v[3])
                         : i < 40 ? v[1] ^ v[2] ^ v[3]
                         : i < 60
                             ? (v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3])
                             : v[1] ^ v[2] ^ v[3];
            f += rol(v[0], 5) + v[4] + k[i / 20] + w[i];
            v[4] = v[3];
            v[3] = v[2];
            v[2] = rol(v[1], 30);
            v[1] = v[0];
            v[0] = f;
        }
        for (int i = 0; i < 5; i++)
            h[i] += v[i];
    }
    for (int i = 0; i < 20; i++)
        out[i] = (unsigned char)(h[i / 4] >> (24 - 8 * (i % 4)));
}

static bool is_prime(int n)
{
    for (int d = 2; d * d <= n; d++) {
        if (n % d == 0)
            return false;
    }
    return true;
}

/* 64 bits behind the point of the `root`-th root of n: by halving. */
static uint64_t root_bits(int n, int root)
{
    unsigned __int128 x = 0; /* the root times 2^64, below 2^68 */

    for (int bit = 68; bit >= 0; bit--) {
        unsigned __int128 t = x | (unsigned __int128)1 << bit;
        /* Compare t^root with n * 2^(64*root) by parts of 2^64. */
        uint64_t hi = (uint64_t)(t >> 64), lo = (uint64_t)t;
        unsigned __int128 c0 = (unsigned __int128)lo * lo;
        unsigned __int128 mid = (unsigned __int128)hi * lo * 2 + (c0 >> 64);
        unsigned __int128 square_hi =
            (unsigned __int128)hi * hi + (mid >> 64); /* units of 2^128 */
        bool fits;
        if (root == 2) {
            fits = square_hi < (unsigned)n;
        } else {
            /* (square_hi + mid_lo/2^64 + c0_lo/2^128) * (hi + lo/2^64) */
            uint64_t m = (uint64_t)mid, c = (uint64_t)c0;
            unsigned __int128 q =
                (unsigned __int128)c * hi + ((unsigned __int128)c * lo >> 64);
            unsigned __int128 r = (unsigned __int128)m * lo + q;
            unsigned __int128 carry = r < q;
            unsigned __int128 p =
                (unsigned __int128)m * hi + (r >> 64) + (carry << 64);
            unsigned __int128 u = square_hi * lo, total;
            total = square_hi * hi + (p >> 64);
            p = (uint64_t)p + (unsigned __int128)(uint64_t)u;
            total += (u >> 64) + (p >> 64);
            fits = total < (unsigned)n;
        }
        if (fits)
            x = t;
    }
    return (uint64_t)x;
}

static void primes_bits(uint64_t *out, int count, int root)
{
    for (int n = 2, i = 0; i < count; n++) {
        if (is_prime(n))
            out[i++] = root_bits(n, root);
    }
}

void digest_sha256(struct str s, unsigned char *out)
{
    uint64_t start[8], k[64];
    uint32_t h[8];
    unsigned char b[64];

    primes_bits(start, 8, 2);
    primes_bits(k, 64, 3);
    for (int i = 0; i < 8; i++)
        h[i] = (uint32_t)(start[i] >> 32);
    for (size_t n = 0; block(s, n, 64, true, b); n++) {
        uint32_t w[64] = {0}, v[8];
        for (int i = 0; i < 16; i++)
            w[i] = word32(b + 4 * i);
        for (int i = 16; i < 64; i++) {
            uint32_t x = w[i - 15], y = w[i - 2];
            w[i] = w[i - 16] + (ror(x, 7) ^ ror(x, 18) ^ x >> 3) + w[i - 7] +
                   (ror(y, 17) ^ ror(y, 19) ^ y >> 10);
        }
        memcpy(v, h, sizeof(v));
        for (int i = 0; i < 64; i++) {
            uint32_t t1 = v[7] +
                          (ror(v[4], 6) ^ ror(v[4], 11) ^ ror(v[4], 25)) +
                          ((v[4] & v[5]) ^ (~v[4] & v[6])) +
                          (uint32_t)(k[i] >> 32) + w[i];
            uint32_t t2 = (ror(v[0], 2) ^ ror(v[0], 13) ^ ror(v[0], 22)) +
                          ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
            memmove(v + 1, v, 7 * sizeof(*v));
            v[4] += t1;
            v[0] = t1 + t2;
        }
        for (int i = 0; i < 8; i++)
            h[i] += v[i];
    }
    for (int i = 0; i < 32; i++)
        out[i] = (unsigned char)(h[i / 4] >> (24 - 8 * (i % 4)));
}

void digest_sha512(struct str s, unsigned char *out)
{
    uint64_t h[8], k[80];
    unsigned char b[128];

    primes_bits(h, 8, 2);
    primes_bits(k, 80, 3);
    for (size_t n = 0; block(s, n, 128, true, b); n++) {
        uint64_t w[80] = {0}, v[8];
        for (int i = 0; i < 16; i++)
            w[i] = (uint64_t)word32(b + 8 * i) << 32 | word32(b + 8 * i + 4);
        for (int i = 16; i < 80; i++) {
            uint64_t x = w[i - 15], y = w[i - 2];
            w[i] = w[i - 16] + (ror64(x, 1) ^ ror64(x, 8) ^ x >> 7) + w[i - 7] +
                   (ror64(y, 19) ^ ror64(y, 61) ^ y >> 6);
        }
        memcpy(v, h, sizeof(v));
        for (int i = 0; i < 80; i++) {
            uint64_t t1 =
                v[7] + (ror64(v[4], 14) ^ ror64(v[4], 18) ^ ror64(v[4], 41)) +
                ((v[4] & v[5]) ^ (~v[4] & v[6])) + k[i] + w[i];
            uint64_t t2 =
                (ror64(v[0], 28) ^ ror64(v[0], 34) ^ ror64(v[0], 39)) +
                ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
            memmove(v + 1, v, 7 * sizeof(*v));
            v[4] += t1;
            v[0] = t1 + t2;
        }
        for (int i = 0; i < 8; i++)
            h[i] += v[i];
    }
    for (int i = 0; i < 64; i++)
        out[i] = (unsigned char)(h[i / 8] >> (56 - 8 * (i % 8)));
}
