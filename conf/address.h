/* address.h: what an address to listen on, and a network that may connect, look like. */
#ifndef ANYFPM_CONF_ADDRESS_H
#define ANYFPM_CONF_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Where a listen address leads. */
enum address_kind { ADDRESS_UNIX, ADDRESS_TCP };
struct address {
	enum address_kind kind;
	char path[108]; /* ADDRESS_UNIX */
	char host[64];  /* ADDRESS_TCP: numeric IPv4 or IPv6 address, "" for every address */
	uint16_t port;
};

/* Parse `text`; returns NULL, or what is wrong with it. */
const char *address_parse(const char *text, struct address *address);

/* Whether a socket can listen on only one of the two at the same time. */
bool address_same(const struct address *a, const struct address *b);

/* An address or network of listen.allowed_clients; IPv4 is kept mapped into IPv6. */
struct address_network {
	uint8_t addr[16];
	unsigned int bits; /* 0 to 128 */
};

#define ADDRESS_ERROR_MAX 256

/*
 * The addresses and networks (10.0.0.0/8, ::1) of a list with commas, or "any": none. *networks
 * is to be freed. False with a sentence in problem, and nothing to free.
 */
bool address_parse_networks(const char *text, struct address_network **networks, size_t *count,
    char problem[ADDRESS_ERROR_MAX]);
void address_print_networks(const struct address_network *networks, size_t count, FILE *out);

/* Whether addr (16 bytes, IPv4 mapped) is in one of the networks; without any, everybody is. */
bool address_allowed(const struct address_network *networks, size_t count, const uint8_t addr[16]);

#define ADDRESS_TEXT_MAX 46 /* INET6_ADDRSTRLEN */
/* The same address as people write it, in text, which is returned: 10.0.0.1, or ::1. */
const char *address_text(const uint8_t addr[16], char text[ADDRESS_TEXT_MAX]);

#endif
