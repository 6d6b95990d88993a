/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "key/conditions.h"

bool
conditions_need_policy(const struct handle *h)
{
	return h->pcrs != 0 || h->auth == HANDLE_AUTH_PIN_OBJECT;
}

int
conditions_pcr_digest(const struct handle *h, uint8_t ret[SHA256_LEN])
{
	uint8_t values[PCR_COUNT * PCR_LEN];
	size_t len = 0;

	for (size_t i = 0; i < PCR_COUNT; i++) {
		if ((h->pcrs & 1u << i) == 0)
			continue;
		memcpy(values + len, h->pcr_values[i], PCR_LEN);
		len += PCR_LEN;
	}
	return sha256((struct slice){ values, len }, ret);
}

int
conditions_pin_object_name(const struct handle *h, uint8_t ret[TPM_NAME_LEN])
{
	struct slice area = bytes_slice(&h->pin_object_public);

	/* Without its size field. */
	return tpm_compute_name(
	    (struct slice){ area.data + 2, area.len - 2 }, ret);
}

/* PolicySecret by the PIN object, with B as policyRef. */
static int
add_pin_object(const struct handle *h, uint8_t policy[POLICY_LEN])
{
	uint8_t name[TPM_NAME_LEN], binding[HANDLE_BINDING_LEN];
	int r;

	if ((r = conditions_pin_object_name(h, name)) != 0 ||
	    (r = handle_binding(h, binding)) != 0)
		return r;
	return policy_secret(policy, (struct slice){ name, sizeof(name) },
	    (struct slice){ binding, sizeof(binding) });
}

int
conditions_met(const struct handle *h, uint8_t ret[POLICY_LEN])
{
	uint8_t policy[POLICY_LEN] = { 0 }, values[SHA256_LEN];
	int r = 0;

	if (h->pcrs != 0 && (r = conditions_pcr_digest(h, values)) == 0)
		r = policy_pcr(policy, h->pcrs, values);
	if (r == 0 && h->auth == HANDLE_AUTH_PIN)
		r = policy_auth_value(policy);
	if (r == 0 && h->auth == HANDLE_AUTH_PIN_OBJECT)
		r = add_pin_object(h, policy);
	if (r == 0)
		memcpy(ret, policy, sizeof(policy));
	return r;
}

int
conditions_auth_policy(const struct handle *h, uint8_t ret[POLICY_LEN])
{
	uint8_t policy[POLICY_LEN], binding[HANDLE_BINDING_LEN];
	int r;

	if ((r = handle_binding(h, binding)) != 0)
		return r;
	if (!conditions_need_policy(h))
		memcpy(policy, binding, sizeof(policy));
	else if ((r = conditions_met(h, policy)) == 0 &&
	    h->auth != HANDLE_AUTH_PIN_OBJECT)
		/* With a PIN object, policyRef binds B already. */
		r = policy_or(policy, binding);
	if (r == 0)
		memcpy(ret, policy, sizeof(policy));
	return r;
}
