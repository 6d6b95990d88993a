/* SPDX-License-Identifier: ISC */
/* Sizes and offsets of the structures in sk-api.h, by API major. */
#ifndef SKTPM_ABI_H
#define SKTPM_ABI_H

#include <stddef.h>

struct abi_layout {
	size_t enroll_size, enroll_public_key, enroll_key_handle;
	size_t enroll_signature, enroll_attestation_cert, enroll_authdata_len;
	size_t sign_size, sign_counter, sign_sig_r, sign_sig_s_len;
	size_t resident_size, resident_application, resident_key;
	size_t resident_flags;
	size_t option_size, option_required;
};

extern const struct abi_layout abi_layout_7, abi_layout_9, abi_layout_10;

#endif
