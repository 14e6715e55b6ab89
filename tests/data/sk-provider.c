/*
 * A security key that is none: keys and signatures are made here, by libcrypto, and the key handle is the secret.
 * For tests alone. What it "sees" is decided by the name the key was made for:
 *   ssh:untouched...  nothing        (flags 0x00)
 *   ssh:pin...        finger and PIN (flags 0x05)
 *   anything else     a finger       (flags 0x01)
 *
 * The entry points and structures are those OpenSSH asks of a middleware library (its PROTOCOL.u2f). Ed25519 alone.
 */
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifndef SK_VERSION
#define SK_VERSION 0x000a0000
#endif
#define ALG_ED25519 1
#define ERR_GENERAL (-1)
#define ERR_UNSUPPORTED (-2)
#define COUNTER 7

struct option;
struct resident_key;

struct enroll_response {
	uint8_t flags;
	uint8_t *public_key;
	size_t public_key_len;
	uint8_t *key_handle;
	size_t key_handle_len;
	uint8_t *signature;
	size_t signature_len;
	uint8_t *attestation_cert;
	size_t attestation_cert_len;
	uint8_t *authdata;
	size_t authdata_len;
};

struct sign_response {
	uint8_t flags;
	uint32_t counter;
	uint8_t *sig_r;
	size_t sig_r_len;
	uint8_t *sig_s;
	size_t sig_s_len;
};

uint32_t sk_api_version(void) { return SK_VERSION; }

static uint8_t *put(size_t length, size_t *where)
{
	*where = length;
	return calloc(1, length);
}

int sk_enroll(uint32_t alg, const uint8_t *challenge, size_t challenge_len, const char *application, uint8_t flags,
    const char *pin, struct option **options, struct enroll_response **out)
{
	struct enroll_response *made = calloc(1, sizeof(*made));
	EVP_PKEY *pair;

	(void)challenge; (void)challenge_len; (void)application; (void)pin; (void)options;
	if (alg != ALG_ED25519)
		return ERR_UNSUPPORTED;
	made->flags = flags;
	made->public_key = put(32, &made->public_key_len);
	made->key_handle = put(32, &made->key_handle_len);
	/* Nobody looks at these, but they must be there. */
	made->signature = put(64, &made->signature_len);
	made->authdata = put(37, &made->authdata_len);
	if (RAND_bytes(made->key_handle, 32) != 1)
		return ERR_GENERAL;
	pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, made->key_handle, 32);
	if (pair == NULL || EVP_PKEY_get_raw_public_key(pair, made->public_key, &made->public_key_len) != 1)
		return ERR_GENERAL;
	EVP_PKEY_free(pair);
	*out = made;
	return 0;
}

int sk_sign(uint32_t alg, const uint8_t *data, size_t data_len, const char *application, const uint8_t *key_handle,
    size_t key_handle_len, uint8_t flags, const char *pin, struct option **options, struct sign_response **out)
{
	struct sign_response *made = calloc(1, sizeof(*made));
	uint8_t text[32 + 1 + 4 + 32];
	EVP_PKEY *pair;
	EVP_MD_CTX *context;

	(void)flags; (void)pin; (void)options;
	if (alg != ALG_ED25519 || key_handle_len != 32)
		return ERR_UNSUPPORTED;
	if (strncmp(application, "ssh:untouched", 13) == 0)
		made->flags = 0x00;
	else if (strncmp(application, "ssh:pin", 7) == 0)
		made->flags = 0x05;
	else
		made->flags = 0x01;
	made->counter = COUNTER;

	/* Whom it is for, what was seen, how often, and what is signed. */
	SHA256((const uint8_t *)application, strlen(application), text);
	text[32] = made->flags;
	memcpy(text + 33, "\0\0\0\7", 4);
	SHA256(data, data_len, text + 37);

	made->sig_r = put(64, &made->sig_r_len);
	pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, key_handle, key_handle_len);
	context = EVP_MD_CTX_new();
	if (pair == NULL || context == NULL || EVP_DigestSignInit(context, NULL, NULL, NULL, pair) != 1 ||
	    EVP_DigestSign(context, made->sig_r, &made->sig_r_len, text, sizeof(text)) != 1)
		return ERR_GENERAL;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(pair);
	*out = made;
	return 0;
}

int sk_load_resident_keys(const char *pin, struct option **options, struct resident_key ***keys, size_t *count)
{
	(void)pin; (void)options;
	*keys = NULL;
	*count = 0;
	return 0;
}
