/* address.h: addresses and networks, for the other files of conf/; the rest is in conf.h. */
#ifndef ANYFPM_CONF_ADDRESS_H
#define ANYFPM_CONF_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct conf_network;
struct listen_address;

#define LISTEN_ERROR_MAX 256

/*
 * The addresses and networks (10.0.0.0/8, ::1) of a list with commas, or "any": none. *networks
 * is to be freed. False with a sentence in problem, and nothing to free.
 */
bool listen_parse_networks(const char *text, struct conf_network **networks, size_t *count,
    char problem[LISTEN_ERROR_MAX]);
void listen_print_networks(const struct conf_network *networks, size_t count, FILE *out);

/* Whether a socket can listen on only one of the two at the same time. */
bool listen_same(const struct listen_address *a, const struct listen_address *b);

#endif
