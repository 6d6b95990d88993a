/* SPDX-License-Identifier: ISC */
#include "attest/ek-cert.h"
#include "attest/ek-certificates.h"
#include "base/error.h"
#include "base/log.h"
#include "tpm/capability.h"
#include "tpm/nv-other.h"

static int
read_own(struct tpm *tpm, const struct ek *ek, struct bytes *ret)
{
	struct bytes in = { 0 };
	struct slice cert;
	int r;

	r = nv_other_read(tpm, ek->kind->certificate, &in);
	if (r == FAIL_PERMISSION)
		r = fail(
		    FAIL_EK, "the endorsement certificate: %s", log_cause());
	if (r != 0 || in.len == 0)
		goto out;
	if ((r = ek_cert_unwrap(bytes_slice(&in), &cert)) == 0 &&
	    (r = ek_cert_check_key(cert, &ek->public)) == 0)
		r = bytes_set(ret, cert.data, cert.len);
	if (r == FAIL_ARGUMENT)
		r = fail(FAIL_EK,
		    "the endorsement key (%s) and its certificate in the NV "
		    "index 0x%08x do not belong together: %s",
		    ek->kind->name, ek->kind->certificate, log_cause());
out:
	bytes_reset(&in);
	return r;
}

/* Certificates may go on from one index to the next. */
static int
read_chain_indices(struct tpm *tpm, struct bytes *ret)
{
	struct tpm_handles there;
	int r;

	r = tpm_list_handles(
	    tpm, EK_CHAIN_FIRST, EK_CHAIN_LAST, "list its NV indices", &there);
	for (size_t i = 0; i < there.n && r == 0; i++)
		r = nv_other_read(tpm, there.handles[i], ret);
	return r;
}

static int
read_chain(struct tpm *tpm, struct ek_certificates *certs)
{
	struct slice rest, cert = { 0 };
	struct bytes in = { 0 };
	int r;

	if ((r = read_chain_indices(tpm, &in)) != 0)
		goto out;
	rest = bytes_slice(&in);
	while (certs->n_chain < EK_MAX_CHAIN &&
	    (r = ek_cert_next(&rest, &cert)) == 0 && cert.len > 0 &&
	    (r = bytes_set(
		 &certs->chain[certs->n_chain], cert.data, cert.len)) == 0)
		certs->n_chain++;
out:
	if (r == FAIL_ARGUMENT || r == FAIL_PERMISSION) {
		log_info("of the endorsement certificate's chain only %zu are "
			 "read: %s",
		    certs->n_chain, log_cause());
		r = 0;
	}
	bytes_reset(&in);
	return r;
}

int
ek_certificates_read(
    struct tpm *tpm, const struct ek *ek, struct ek_certificates *ret)
{
	struct ek_certificates certs = { 0 };
	int r;

	if ((r = read_own(tpm, ek, &certs.own)) == 0 && certs.own.len > 0)
		r = read_chain(tpm, &certs);
	if (r == 0)
		*ret = certs;
	else
		ek_certificates_reset(&certs);
	return r;
}

void
ek_certificates_reset(struct ek_certificates *certs)
{
	bytes_reset(&certs->own);
	for (size_t i = 0; i < certs->n_chain; i++)
		bytes_reset(&certs->chain[i]);
	certs->n_chain = 0;
}
