/* peers.c: a table of client addresses and their connections. Knows nothing of clients. */
#include "config.h"

#include "pool/client/peers.h"

#include <sys/queue.h>
#include <sys/random.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORDS (PEERS_SEED_WORDS - 1) /* of 32 bits, in an address */
/* Half a megabyte; beyond, buckets hold a few addresses each. A power of two, and at most 2^16
 * (peers_hash). */
#define BUCKETS_MAX 65536

struct peer {
	LIST_ENTRY(peer) link; /* in its bucket */
	uint8_t addr[16];
	unsigned int count; /* of its connections, never 0 */
};
LIST_HEAD(peer_list, peer);

struct peers {
	uint64_t seed[PEERS_SEED_WORDS];
	unsigned int addresses;
	uint32_t mask; /* number of buckets - 1 */
	struct peer_list buckets[];
};

uint32_t
peers_hash(const uint64_t seed[PEERS_SEED_WORDS], const uint8_t addr[16])
{
	uint64_t sum = seed[WORDS];
	uint32_t words[WORDS];

	memcpy(words, addr, sizeof(words));
	for (int i = 0; i < WORDS; i++)
		sum += seed[i] * words[i];
	return (uint32_t)(sum >> 32);
}

struct peers *
peers_new(unsigned int max)
{
	struct peers *peers;
	uint32_t n = 1;

	while (n < max && n < BUCKETS_MAX)
		n *= 2;
	peers = calloc(1, sizeof(*peers) + n * sizeof(peers->buckets[0]));
	if (peers == NULL)
		return NULL;
	if (getrandom(peers->seed, sizeof(peers->seed), 0) != (ssize_t)sizeof(peers->seed)) {
		int error = errno;

		free(peers);
		errno = error;
		return NULL;
	}
	peers->mask = n - 1;
	for (uint32_t i = 0; i < n; i++)
		LIST_INIT(&peers->buckets[i]);
	return peers;
}

static void
forget(struct peers *peers, struct peer *p)
{
	LIST_REMOVE(p, link);
	peers->addresses--;
	free(p);
}

void
peers_free(struct peers *peers)
{
	struct peer *p;

	if (peers == NULL)
		return;
	for (uint32_t i = 0; i <= peers->mask; i++) {
		while ((p = LIST_FIRST(&peers->buckets[i])) != NULL)
			forget(peers, p);
	}
	free(peers);
}


static uint32_t
bucket_of(const struct peers *peers, const uint8_t addr[16])
{
	return peers_hash(peers->seed, addr) & peers->mask;
}

static struct peer *
find(const struct peers *peers, const uint8_t addr[16])
{
	struct peer *p;

	LIST_FOREACH (p, &peers->buckets[bucket_of(peers, addr)], link) {
		if (memcmp(p->addr, addr, sizeof(p->addr)) == 0)
			return p;
	}
	return NULL;
}

bool
peers_enter(struct peers *peers, const uint8_t addr[16])
{
	struct peer *p = find(peers, addr);

	if (p == NULL) {
		if ((p = calloc(1, sizeof(*p))) == NULL)
			return false;
		memcpy(p->addr, addr, sizeof(p->addr));
		LIST_INSERT_HEAD(&peers->buckets[bucket_of(peers, addr)], p, link);
		peers->addresses++;
	}
	p->count++;
	return true;
}

void
peers_leave(struct peers *peers, const uint8_t addr[16])
{
	struct peer *p = find(peers, addr);

	assert(p != NULL && p->count > 0);
	if (--p->count == 0)
		forget(peers, p);
}

unsigned int
peers_count(const struct peers *peers, const uint8_t addr[16])
{
	const struct peer *p = find(peers, addr);

	return p != NULL ? p->count : 0;
}

unsigned int
peers_addresses(const struct peers *peers)
{
	return peers->addresses;
}
