/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "attest/ek-cert.h"
#include "attest/verify.h"
#include "base/error.h"
#include "ca/evidence.h"

void
judged_request_reset(struct judged_request *request)
{
	bytes_reset(&request->destination);
	bytes_reset(&request->name);
	bytes_reset(&request->blob);
	bytes_reset(&request->bound);
	bytes_reset(&request->ek_certificate);
}

static int
check_key(const struct message_request *request, struct judged_request *ret)
{
	const struct evidence evidence = {
		.blob = bytes_slice(&request->key),
		.bound = bytes_slice(&request->binding),
		.public = bytes_slice(&request->public),
	};
	struct verified_key key = { 0 };
	int r;

	if ((r = verify_key(&evidence, &key)) == 0) {
		memcpy(ret->key_name, key.name, sizeof(ret->key_name));
		ret->presence = key.handle.presence;
		ret->pin = key.handle.auth != HANDLE_AUTH_NONE;
		ret->pin_lifetime = key.handle.pin_lifetime;
		ret->pcrs = key.handle.pcrs;
		ret->limits = key.handle.limits.kinds;
	}
	verified_key_reset(&key);
	return r;
}

static int
check_chain(const struct message_request *request, const struct ek_roots *roots,
    int64_t now, struct judged_request *ret)
{
	struct slice certs[MESSAGE_CERTIFICATES_MAX];

	ret->standing = EK_UNCERTIFIED;
	if (ek_roots_count(roots) == 0)
		return 0;
	for (size_t i = 0; i < request->n_certificates; i++)
		certs[i] = bytes_slice(&request->certificates[i]);
	ret->standing = EK_CERTIFIED;
	return ek_chain_verify(roots, certs, request->n_certificates, now);
}

int
evidence_check(struct message_request *request, const struct ek_roots *roots,
    int64_t now, struct judged_request *ret, enum message_code *ret_code)
{
	int r;

	*ret_code = MESSAGE_KEY;
	if ((r = check_key(request, ret)) != 0)
		return r;
	*ret_code = MESSAGE_EK;
	if ((r = ek_public_parse(bytes_slice(&request->ek), &ret->ek)) != 0)
		return r;
	if (request->n_certificates > 0) {
		if (ek_cert_check_key(
			bytes_slice(&request->certificates[0]), &ret->ek) != 0)
			return FAIL_EK_CERTIFICATE;
		*ret_code = MESSAGE_EK_CERT;
		if ((r = check_chain(request, roots, now, ret)) != 0)
			return r;
		bytes_move(&request->certificates[0], &ret->ek_certificate);
	}
	ret->type = request->type == CERTIFICATE_HOST ? CERTIFICATE_HOST
						      : CERTIFICATE_USER;
	ret->wants = request->wants;
	bytes_move(&request->destination, &ret->destination);
	bytes_move(&request->name, &ret->name);
	bytes_move(&request->key, &ret->blob);
	bytes_move(&request->binding, &ret->bound);
	return 0;
}
