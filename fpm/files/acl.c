/* acl.c: who may write into a directory, by its mode and its access control list. Pure. */
#include "config.h"

#include "fpm/files/acl.h"

#include <stdint.h>

#define HEADER_SIZE 4
#define ENTRY_SIZE 8
#define ACL_VERSION 2
#define PERMISSION_WRITE 2

/* What an entry is about, by the kernel's numbers. */
enum tag { TAG_USER = 0x02, TAG_OWNING_GROUP = 0x04, TAG_GROUP = 0x08, TAG_MASK = 0x10 };

/* The kernel writes them with the least byte first. */
static uint32_t
number(const uint8_t *p, int bytes)
{
	uint32_t n = 0;

	while (bytes-- > 0)
		n = n << 8 | p[bytes];
	return n;
}

static bool
in_group(const struct acl_user *user, gid_t gid)
{
	for (size_t i = 0; i < user->group_count; i++) {
		if (user->groups[i] == gid)
			return true;
	}
	return user->every_group;
}

/* Whether the entry at p gives the user a right to write; the mask is looked at by the caller. */
static bool
grants(const struct stat *dir, const uint8_t *p, const struct acl_user *user)
{
	uint32_t id = number(p + 4, 4);

	if ((number(p + 2, 2) & PERMISSION_WRITE) == 0)
		return false;
	switch (number(p, 2)) {
	case TAG_USER:
		return id == user->uid;
	case TAG_OWNING_GROUP:
		return in_group(user, dir->st_gid);
	case TAG_GROUP:
		return in_group(user, id);
	default:
		return false;
	}
}

bool
acl_may_write(const struct stat *dir, const void *acl, size_t len, const struct acl_user *user)
{
	const uint8_t *begin = acl, *p;
	bool granted = false;

	if (dir->st_uid == user->uid)
		return true;
	if (len == 0)
		return (dir->st_mode & S_IWGRP) != 0 && in_group(user, dir->st_gid);
	if (len < HEADER_SIZE || (len - HEADER_SIZE) % ENTRY_SIZE != 0 ||
	    number(begin, HEADER_SIZE) != ACL_VERSION)
		return true;
	for (p = begin + HEADER_SIZE; p < begin + len; p += ENTRY_SIZE) {
		if (number(p, 2) == TAG_MASK && (number(p + 2, 2) & PERMISSION_WRITE) == 0)
			return false;
		granted = granted || grants(dir, p, user);
	}
	return granted;
}
