/* SPDX-License-Identifier: ISC */
/* What an endorsement certificate says of itself, for people to read. */
#ifndef SKTPM_EK_CERT_WORDS_H
#define SKTPM_EK_CERT_WORDS_H

#include "base/text.h"

/*
 * Printable ASCII, whatever the certificate has; nothing of it is shown to be
 * true by being there.
 */
struct ek_cert_words {
	struct text issuer, subject; /* as of RFC 2253; makers leave the
					subject empty, mostly */
	struct text serial;	     /* in hex */
	/*
	 * "INTC, model SPT, version 11.0": of the subjectAltName's directory
	 * name (TCG EK Credential Profile, 3.1.2). Empty where it has none.
	 */
	struct text maker;
};

/* Of exactly one certificate in DER. 0, FAIL_ARGUMENT or FAIL_MEMORY. */
int ek_cert_words(struct slice cert, struct ek_cert_words *ret) MUST_CHECK;

#endif
