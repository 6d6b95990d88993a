/* SPDX-License-Identifier: ISC */
/*
 * Verifies what ssh-keygen -O write-attestation= wrote, with libfido2:
 *
 *	verify-attestation ATTESTATION CHALLENGE APPLICATION PUBLIC-KEY.pub
 *
 * The attestation file holds SSH strings: "ssh-sk-attest-v01", certificate,
 * signature, authenticator data (CBOR byte string), then a reserved u32 and
 * string (PROTOCOL.u2f). The key attested has to be the one in the .pub file.
 */
#include <fido.h>
#include <fido/es256.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

struct view {
	const uint8_t *data;
	size_t len;
};

static void
die(const char *why)
{
	fprintf(stderr, "verify-attestation: %s\n", why);
	exit(1);
}

static struct view
read_file(const char *path)
{
	static uint8_t storage[3][65536 + 1];
	static int used;
	FILE *in = fopen(path, "rb");
	struct view v = { storage[used], 0 };

	if (in == NULL)
		die("cannot open a file");
	v.len = fread(storage[used++], 1, sizeof(storage[0]), in);
	if (ferror(in) || v.len == sizeof(storage[0]))
		die("cannot read a file, or it is too long");
	fclose(in);
	return v;
}

static struct view
take(struct view *in, size_t n)
{
	struct view out = { in->data, n };

	if (n > in->len)
		die("cut short");
	in->data += n;
	in->len -= n;
	return out;
}

static uint32_t
take_u32(struct view *in)
{
	const uint8_t *p = take(in, 4).data;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

static struct view
take_string(struct view *in)
{
	return take(in, take_u32(in));
}

/* The 64 bytes X, Y out of "sk-ecdsa-... BASE64 comment". */
static void
point_of_public_key(struct view file, uint8_t ret[64])
{
	static uint8_t text[4096], blob[4096];
	struct view in = { blob, 0 };
	char *word;
	int n;

	if (file.len >= sizeof(text))
		die("public key too long");
	memcpy(text, file.data, file.len);
	(void)strtok((char *)text, " ");
	if ((word = strtok(NULL, " \n")) == NULL)
		die("not a public key");
	n = EVP_DecodeBlock(blob, (uint8_t *)word, (int)strlen(word));
	if (n <= 0)
		die("not base64");
	in.len = (size_t)n;
	take_string(&in); /* type */
	take_string(&in); /* curve */
	in = take_string(&in);
	if (in.len != 65 || in.data[0] != 4)
		die("not an uncompressed point");
	memcpy(ret, in.data + 1, 64);
}

int
main(int argc, char **argv)
{
	struct view file, cert, sig, authdata, challenge;
	uint8_t hash[32], point[64];
	fido_cred_t *cred = fido_cred_new();
	int r;

	if (argc != 5)
		die("usage: ATTESTATION CHALLENGE APPLICATION KEY.pub");
	file = read_file(argv[1]);
	challenge = read_file(argv[2]);
	point_of_public_key(read_file(argv[4]), point);
	sig = take_string(&file);
	if (sig.len != 17 || memcmp(sig.data, "ssh-sk-attest-v01", 17) != 0)
		die("not an attestation");
	cert = take_string(&file);
	sig = take_string(&file);
	authdata = take_string(&file);
	take_u32(&file);
	take_string(&file);
	if (file.len != 0 || cert.len != 0)
		die("more than a self attestation");
	if (EVP_Digest(challenge.data, challenge.len, hash, NULL, EVP_sha256(),
		NULL) != 1)
		die("SHA-256");
	if ((r = fido_cred_set_type(cred, COSE_ES256)) != FIDO_OK ||
	    (r = fido_cred_set_fmt(cred, "packed")) != FIDO_OK ||
	    (r = fido_cred_set_clientdata_hash(cred, hash, sizeof(hash))) !=
		FIDO_OK ||
	    (r = fido_cred_set_rp(cred, argv[3], NULL)) != FIDO_OK ||
	    (r = fido_cred_set_authdata(cred, authdata.data, authdata.len)) !=
		FIDO_OK ||
	    (r = fido_cred_set_sig(cred, sig.data, sig.len)) != FIDO_OK ||
	    (r = fido_cred_verify_self(cred)) != FIDO_OK)
		die(fido_strerr(r));
	if (fido_cred_pubkey_len(cred) != 64 ||
	    memcmp(fido_cred_pubkey_ptr(cred), point, 64) != 0)
		die("attests another key");
	fido_cred_free(&cred);
	return 0;
}
