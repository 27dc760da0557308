/* SPDX-License-Identifier: Apache-2.0 */
/* Private RSA keys as the files of service accounts have them. For the files
 * that work with OpenSSL, in net/ and the emulator's identity. Pure; threads:
 * any, once crypto_map has succeeded. */
#ifndef NET_RSA_PEM_H
#define NET_RSA_PEM_H

#include "common/str.h"

struct evp_pkey_st; /* OpenSSL's EVP_PKEY */

/* NULL: no unencrypted PEM of an RSA key. Nobody is asked for a password.
 * EVP_PKEY_free when done. */
struct evp_pkey_st *rsa_pem_read(struct str pem);

#endif
