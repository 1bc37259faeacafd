/* address.c: what an address to listen on, and a network that may connect, look like. */
#include "config.h"

#include "conf/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/text.h"
#include "conf/value.h"

static const uint8_t v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* host is changed to the one way in which inet_ntop(3) writes it. */
static bool
normalize_host(int family, char host[64])
{
	struct in6_addr addr;

	return inet_pton(family, host, &addr) == 1 && inet_ntop(family, &addr, host, 64) != NULL;
}

/* Words for addresses that lead to the same place everywhere. Names in general are not looked up:
 * whether a server starts, and whom it lets in, would depend on a server of names. */
#define LOCALHOST "localhost"
#define LOCALHOST_V4 "127.0.0.1"
#define LOCALHOST_V6 "::1"

/* host: the len bytes before the colon of the port, perhaps in brackets. */
static const char *
parse_host(const char *text, size_t len, struct address *address)
{
	bool brackets = len >= 2 && text[0] == '[' && text[len - 1] == ']';

	if (brackets) {
		text++;
		len -= 2;
	}
	if (len == 0 || len >= sizeof(address->host))
		return "expected an IP address, localhost or * before the port";
	if (!brackets && len == 1 && *text == '*')
		return NULL;
	memcpy(address->host, text, len);
	address->host[len] = '\0';
	if (!brackets && strcasecmp(address->host, LOCALHOST) == 0)
		memcpy(address->host, LOCALHOST_V4, sizeof(LOCALHOST_V4));
	if (normalize_host(brackets ? AF_INET6 : AF_INET, address->host))
		return NULL;
	if (brackets)
		return "expected an IPv6 address in the brackets";
	if (strchr(address->host, ':') != NULL)
		return "expected an IPv6 address in brackets, as [::1]:9000";
	return "expected an IP address, localhost or * before the port; other names are not looked "
	       "up";
}

const char *
address_parse(const char *text, struct address *address)
{
	const char *colon, *problem;
	uint64_t port;

	memset(address, 0, sizeof(*address));
	if (strchr(text, '/') != NULL) {
		if (text[strlen(text) - 1] == '/')
			return "expected the path of a socket, not of a directory";
		if (strlen(text) >= sizeof(address->path))
			return "the path is too long for a unix socket (107 bytes at most)";
		address->kind = ADDRESS_UNIX;
		memcpy(address->path, text, strlen(text) + 1);
		return NULL;
	}
	address->kind = ADDRESS_TCP;
	colon = strrchr(text, ':');
	if (!value_unsigned(colon != NULL ? colon + 1 : text, &port))
		return "expected /path, ip:port, [ipv6]:port or port";
	if (port < 1 || port > 65535)
		return "expected a port from 1 to 65535";
	address->port = (uint16_t)port;
	if (colon != NULL && (problem = parse_host(text, (size_t)(colon - text), address)) != NULL)
		return problem;
	return NULL;
}

/* Whether a takes in b: every address, as [::] does, or every one of IPv4. */
static bool
is_any(const struct address *a, const struct address *b)
{
	return *a->host == '\0' || strcmp(a->host, "::") == 0 ||
	       (strcmp(a->host, "0.0.0.0") == 0 && strchr(b->host, ':') == NULL);
}

bool
address_same(const struct address *a, const struct address *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == ADDRESS_UNIX)
		return strcmp(a->path, b->path) == 0;
	return a->port == b->port &&
	       (is_any(a, b) || is_any(b, a) || strcmp(a->host, b->host) == 0);
}

/* Clear the bits of addr behind the first `bits`. */
static void
mask(uint8_t addr[16], unsigned int bits)
{
	for (unsigned int i = 0; i < 16; i++) {
		unsigned int left = bits > i * 8 ? bits - i * 8 : 0;
		if (left < 8)
			addr[i] &= (uint8_t)(0xff00U >> left);
	}
}

/* text: ADDRESS or ADDRESS/BITS; it is changed. */
static bool
parse_network(char *text, struct address_network *network)
{
	char *slash = strchr(text, '/');
	unsigned int width = 128, before = 0;
	uint64_t bits;

	if (slash != NULL)
		*slash = '\0';
	if (inet_pton(AF_INET, text, network->addr + 12) == 1) {
		memcpy(network->addr, v4_mapped, sizeof(v4_mapped));
		width = 32;
		before = 96;
	} else if (inet_pton(AF_INET6, text, network->addr) != 1)
		return false;
	bits = width;
	if (slash != NULL) {
		*slash = '/';
		if (!value_unsigned(slash + 1, &bits) || bits > width)
			return false;
	}
	network->bits = before + (unsigned int)bits;
	mask(network->addr, network->bits);
	return true;
}

/* One item of the list more; localhost is two. */
static bool
add_networks(char *item, struct address_network **networks, size_t *count)
{
	char v4[] = LOCALHOST_V4, v6[] = LOCALHOST_V6;

	if (strcasecmp(item, LOCALHOST) == 0)
		return add_networks(v4, networks, count) && add_networks(v6, networks, count);
	*networks = text_realloc(*networks, *count + 1, sizeof(**networks));
	return parse_network(item, &(*networks)[(*count)++]);
}

bool
address_parse_networks(const char *text, struct address_network **networks, size_t *count,
    char problem[ADDRESS_ERROR_MAX])
{
	char *copy, *rest, *item;
	size_t len;
	bool ok = true;

	*networks = NULL;
	*count = 0;
	if (*text == '\0' || strcasecmp(text, "any") == 0)
		return true;
	rest = copy = text_dup(text);
	while (ok && (item = strsep(&rest, ",")) != NULL) {
		item += strspn(item, " \t");
		for (len = strlen(item); len > 0 && strchr(" \t", item[len - 1]) != NULL; len--)
			item[len - 1] = '\0';
		ok = add_networks(item, networks, count);
		if (!ok)
			snprintf(problem, ADDRESS_ERROR_MAX,
			    "expected addresses or networks (10.0.0.0/8, ::1) with commas, or any, "
			    "got \"%.100s\"",
			    item);
	}
	free(copy);
	if (!ok) {
		free(*networks);
		*networks = NULL;
		*count = 0;
	}
	return ok;
}

static bool
is_v4(const uint8_t addr[16])
{
	return memcmp(addr, v4_mapped, sizeof(v4_mapped)) == 0;
}

const char *
address_text(const uint8_t addr[16], char text[ADDRESS_TEXT_MAX])
{
	static_assert(ADDRESS_TEXT_MAX >= INET6_ADDRSTRLEN, "room for every address");

	if (is_v4(addr))
		inet_ntop(AF_INET, addr + sizeof(v4_mapped), text, ADDRESS_TEXT_MAX);
	else
		inet_ntop(AF_INET6, addr, text, ADDRESS_TEXT_MAX);
	return text;
}

void
address_print_networks(const struct address_network *networks, size_t count, FILE *out)
{
	char host[INET6_ADDRSTRLEN];

	if (count == 0)
		fputs("any", out);
	for (size_t i = 0; i < count; i++) {
		const struct address_network *n = &networks[i];
		bool v4 = n->bits >= 96 && is_v4(n->addr);

		inet_ntop(v4 ? AF_INET : AF_INET6, n->addr + (v4 ? 12 : 0), host, sizeof(host));
		fprintf(out, "%s%s/%u", i > 0 ? ", " : "", host, n->bits - (v4 ? 96 : 0));
	}
}

static bool
network_has(const struct address_network *network, const uint8_t addr[16])
{
	uint8_t masked[16];

	memcpy(masked, addr, sizeof(masked));
	mask(masked, network->bits);
	return memcmp(masked, network->addr, sizeof(masked)) == 0;
}

bool
address_allowed(const struct address_network *networks, size_t count, const uint8_t addr[16])
{
	if (count == 0)
		return true;
	for (size_t i = 0; i < count; i++) {
		if (network_has(&networks[i], addr))
			return true;
	}
	return false;
}
