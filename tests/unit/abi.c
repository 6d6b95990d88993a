/* SPDX-License-Identifier: ISC */
/* One set of layout numbers; compiled once for each SK_API_MAJOR. */
#include "abi.h"
#include "sk-api.h"

#define NAME_2(major) abi_layout_##major
#define NAME(major) NAME_2(major)

const struct abi_layout NAME(SK_API_MAJOR) = {
	.enroll_size = sizeof(struct sk_enroll_response),
	.enroll_public_key = offsetof(struct sk_enroll_response, public_key),
	.enroll_key_handle = offsetof(struct sk_enroll_response, key_handle),
	.enroll_signature = offsetof(struct sk_enroll_response, signature),
	.enroll_attestation_cert = offsetof(
	    struct sk_enroll_response, attestation_cert),
	.enroll_authdata_len = offsetof(
	    struct sk_enroll_response, authdata_len),
	.sign_size = sizeof(struct sk_sign_response),
	.sign_counter = offsetof(struct sk_sign_response, counter),
	.sign_sig_r = offsetof(struct sk_sign_response, sig_r),
	.sign_sig_s_len = offsetof(struct sk_sign_response, sig_s_len),
	.resident_size = sizeof(struct sk_resident_key),
	.resident_application = offsetof(struct sk_resident_key, application),
	.resident_key = offsetof(struct sk_resident_key, key),
	.resident_flags = offsetof(struct sk_resident_key, flags),
	.option_size = sizeof(struct sk_option),
	.option_required = offsetof(struct sk_option, required),
};
