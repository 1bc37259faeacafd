/*
 * peers.h: how many client connections each address has, for listen.max_connections_per_address.
 *
 * Any two addresses share a bucket with a probability of one in the number of buckets, whoever
 * chose them: the hash function is drawn anew by every process (multiply-shift over 32-bit words;
 * Dietzfelbinger, "Universal hashing and k-wise independent random variables via integer
 * arithmetic without primes", 1996). An address is kept while it has a connection.
 */
#ifndef ANYFPM_POOL_CLIENT_PEERS_H
#define ANYFPM_POOL_CLIENT_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#define PEERS_SEED_WORDS 5

struct peers;

/* The hash of an address, 32 bits of which any 16 that are neighbors choose a bucket well. */
uint32_t peers_hash(const uint64_t seed[PEERS_SEED_WORDS], const uint8_t addr[16]);

/* A table with buckets for max connections at once; with more it is slower. NULL: errno says why. */
struct peers *peers_new(unsigned int max);
void peers_free(struct peers *peers);

/* A connection from addr, IPv4 mapped into IPv6, begins. False: out of memory; it is not counted
 * then. */
bool peers_enter(struct peers *peers, const uint8_t addr[16]);

/* One that was entered has ended. */
void peers_leave(struct peers *peers, const uint8_t addr[16]);

/* Connections that addr has now. */
unsigned int peers_count(const struct peers *peers, const uint8_t addr[16]);

/* Addresses that have any. */
unsigned int peers_addresses(const struct peers *peers);

#endif
