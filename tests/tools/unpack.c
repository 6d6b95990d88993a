/* SPDX-License-Identifier: ISC */
/*
 * Takes apart what sk-tpm keeps, for tests that use it without sk-tpm:
 *
 *	unpack handle FILE DIR	a key handle: key.pub, key.priv, pin.pub,
 *				pin.priv, pin.name, salt, and binding in hex
 *	unpack ticket FILE DIR	the ticket of a PIN, as tpm2-tools have it:
 *				ticket and timeout
 *	unpack renew FILE	has the ticket say that it was just made, for
 *				an hour: that is for the TPM to know
 *	unpack name FILE	the name of the ticket's file, of a key handle
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "key/conditions.h"
#include "user/pin-ticket.h"

static struct slice
read_file(const char *path)
{
	static uint8_t buf[8192];
	FILE *f = fopen(path, "r");
	size_t n;

	if (f == NULL)
		exit(1);
	n = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	return (struct slice){ buf, n };
}

static void
write_file(const char *dir, const char *name, struct slice content)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s%s%s", dir, name[0] != '\0' ? "/" : "",
	    name);
	if ((f = fopen(path, "w")) == NULL ||
	    fwrite(content.data, 1, content.len, f) != content.len ||
	    fclose(f) != 0)
		exit(1);
}

static void
hex(struct slice in, char *ret)
{
	for (size_t i = 0; i < in.len; i++)
		snprintf(ret + 2 * i, 3, "%02x", in.data[i]);
}

static void
read_handle(const char *path, struct handle *ret,
    uint8_t ret_binding[HANDLE_BINDING_LEN])
{
	if (handle_decode(read_file(path), ret) != 0 ||
	    handle_binding(ret, ret_binding) != 0)
		exit(1);
}

static void
unpack_handle(const char *path, const char *dir)
{
	uint8_t binding[HANDLE_BINDING_LEN], name[TPM_NAME_LEN];
	char text[2 * HANDLE_BINDING_LEN + 1];
	struct handle h = { 0 };

	read_handle(path, &h, binding);
	hex((struct slice){ binding, sizeof(binding) }, text);
	write_file(dir, "binding", slice_of_text(text));
	write_file(
	    dir, "salt", (struct slice){ h.pin_salt, sizeof(h.pin_salt) });
	write_file(dir, "key.pub", bytes_slice(&h.tpm_public));
	write_file(dir, "key.priv", bytes_slice(&h.tpm_private));
	if (h.auth == HANDLE_AUTH_PIN_OBJECT) {
		if (conditions_pin_object_name(&h, name) != 0)
			exit(1);
		write_file(dir, "pin.pub", bytes_slice(&h.pin_object_public));
		write_file(dir, "pin.priv", bytes_slice(&h.pin_object_private));
		write_file(
		    dir, "pin.name", (struct slice){ name, sizeof(name) });
	}
	handle_reset(&h);
}

/* As in PROTOCOL.md, 5, written out again. */
static void
print_name(const char *path)
{
	uint8_t in[21 + HANDLE_BINDING_LEN] = "sk-tpm PIN ticket v1";
	uint8_t digest[SHA256_LEN];
	char text[2 * SHA256_LEN + 1];
	struct handle h = { 0 };

	read_handle(path, &h, in + 21);
	if (sha256((struct slice){ in, sizeof(in) }, digest) != 0)
		exit(1);
	hex((struct slice){ digest, sizeof(digest) }, text);
	printf("%s.ticket\n", text);
	handle_reset(&h);
}

static void
read_ticket(const char *path, struct pin_ticket *ret)
{
	if (pin_ticket_decode(read_file(path), ret) != 0)
		exit(1);
}

static void
unpack_ticket(const char *path, const char *dir)
{
	struct pin_ticket ticket;
	struct slice tpm;
	size_t len;

	read_ticket(path, &ticket);
	tpm = bytes_slice(&ticket.tpm);
	len = (size_t)(tpm.data[0] << 8 | tpm.data[1]);
	write_file(dir, "timeout", (struct slice){ tpm.data + 2, len });
	write_file(dir, "ticket",
	    (struct slice){ tpm.data + 2 + len, tpm.len - 2 - len });
	pin_ticket_reset(&ticket);
}

static void
renew(const char *path)
{
	struct pin_ticket ticket;
	struct bytes out = { 0 };

	read_ticket(path, &ticket);
	ticket.made = pin_ticket_now();
	ticket.seconds = 3600;
	if (pin_ticket_encode(&ticket, &out) != 0)
		exit(1);
	write_file(path, "", bytes_slice(&out));
	pin_ticket_reset(&ticket);
	bytes_reset(&out);
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "handle") == 0)
		unpack_handle(argv[2], argv[3]);
	else if (argc == 4 && strcmp(argv[1], "ticket") == 0)
		unpack_ticket(argv[2], argv[3]);
	else if (argc == 3 && strcmp(argv[1], "renew") == 0)
		renew(argv[2]);
	else if (argc == 3 && strcmp(argv[1], "name") == 0)
		print_name(argv[2]);
	else
		return 2;
	return 0;
}
