/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "attest/ek-cert-words.h"
#include "attest/ek-cert.h"
#include "attest/verify.h"
#include "base/error.h"
#include "base/log.h"
#include "ca/evidence.h"

void
judged_request_reset(struct judged_request *request)
{
	bytes_reset(&request->destination);
	bytes_reset(&request->name);
	bytes_reset(&request->blob);
	bytes_reset(&request->bound);
	bytes_reset(&request->ek_certificate);
	bytes_reset(&request->ek_issuer);
	bytes_reset(&request->ek_subject);
	bytes_reset(&request->ek_serial);
	bytes_reset(&request->ek_maker);
	bytes_reset(&request->ek_problem);
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
set_text(struct bytes *ret, const char *text)
{
	return text[0] == '\0' ? 0 : bytes_set(ret, text, strlen(text) + 1);
}

static int
describe(struct slice certificate, struct judged_request *ret)
{
	struct ek_cert_words words;
	int r;

	if ((r = ek_cert_words(certificate, &words)) != 0 ||
	    (r = set_text(&ret->ek_issuer, words.issuer.s)) != 0 ||
	    (r = set_text(&ret->ek_subject, words.subject.s)) != 0 ||
	    (r = set_text(&ret->ek_serial, words.serial.s)) != 0)
		return r;
	return set_text(&ret->ek_maker, words.maker.s);
}

/* A maker's CA may be unknown here, or gone: then the key counts by its id. */
static int
check_chain(const struct message_request *request, const struct ek_roots *roots,
    int64_t now, struct judged_request *ret)
{
	struct slice certs[MESSAGE_CERTIFICATES_MAX];
	int r;

	ret->standing = EK_UNCERTIFIED;
	if (ek_roots_count(roots) == 0)
		return set_text(
		    &ret->ek_problem, "EndorsementRoots is not set");
	for (size_t i = 0; i < request->n_certificates; i++)
		certs[i] = bytes_slice(&request->certificates[i]);
	r = ek_chain_verify(roots, certs, request->n_certificates, now);
	if (r == 0)
		ret->standing = EK_CERTIFIED;
	return r == FAIL_EK_CERTIFICATE
	    ? set_text(&ret->ek_problem, log_cause())
	    : r;
}

int
evidence_check(struct message_request *request, const struct ek_roots *roots,
    int64_t now, struct judged_request *ret, enum message_code *ret_code)
{
	int r;

	if (request->type == 0) {
		ret->lists_alone = true;
		goto out;
	}
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
		if ((r = describe(
			 bytes_slice(&request->certificates[0]), ret)) != 0 ||
		    (r = check_chain(request, roots, now, ret)) != 0)
			return r;
		bytes_move(&request->certificates[0], &ret->ek_certificate);
	}
	ret->type = request->type == CERTIFICATE_HOST ? CERTIFICATE_HOST
						      : CERTIFICATE_USER;
	bytes_move(&request->name, &ret->name);
	bytes_move(&request->key, &ret->blob);
	bytes_move(&request->binding, &ret->bound);
out:
	ret->wants = request->wants;
	bytes_move(&request->destination, &ret->destination);
	return 0;
}
