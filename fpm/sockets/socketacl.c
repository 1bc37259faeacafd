/* socketacl.c: the access control list of a socket file. */
#include "config.h"

#include "fpm/sockets/socketacl.h"

#include <errno.h>
#include <sys/types.h>
#include <sys/xattr.h>

#ifdef HAVE_LIBACL

#include <stddef.h>
#include <sys/acl.h>

#include "conf/lookup.h"

/* One entry for a user (ACL_USER) or group (ACL_GROUP): to connect takes the right to write. */
static int
add(acl_t *acl, acl_tag_t tag, id_t id)
{
	acl_entry_t entry;
	acl_permset_t rights;

	if (acl_create_entry(acl, &entry) == -1 || acl_set_tag_type(entry, tag) == -1 ||
	    acl_set_qualifier(entry, &id) == -1 || acl_get_permset(entry, &rights) == -1 ||
	    acl_clear_perms(rights) == -1 || acl_add_perm(rights, ACL_READ | ACL_WRITE) == -1)
		return -1;
	return acl_set_permset(entry, rights);
}

/* Whether the list has an entry for it already, as when it is named by name and by number. */
static bool
has(acl_t acl, acl_tag_t tag, id_t id)
{
	acl_entry_t entry;
	acl_tag_t its_tag;
	id_t *its_id;
	bool same;

	for (int which = ACL_FIRST_ENTRY; acl_get_entry(acl, which, &entry) == 1;
	     which = ACL_NEXT_ENTRY) {
		if (acl_get_tag_type(entry, &its_tag) == -1 || its_tag != tag ||
		    (its_id = acl_get_qualifier(entry)) == NULL)
			continue;
		same = *its_id == id;
		acl_free(its_id);
		if (same)
			return true;
	}
	return false;
}

static int
add_names(acl_t *acl, acl_tag_t tag, char *const *names)
{
	for (; names != NULL && *names != NULL; names++) {
		uid_t uid;
		gid_t gid;
		bool has_group;
		id_t id;

		if (tag == ACL_USER ? !lookup_user(*names, &uid, &gid, &has_group)
				    : !lookup_group(*names, &gid)) {
			errno = EINVAL; /* it has gone since the configuration was checked */
			return -1;
		}
		id = tag == ACL_USER ? uid : gid;
		if (!has(*acl, tag, id) && add(acl, tag, id) == -1)
			return -1;
	}
	return 0;
}

int
socketacl_set(const char *path, char *const *users, char *const *groups)
{
	acl_t acl = acl_get_file(path, ACL_TYPE_ACCESS); /* what the mode says */
	int rc = -1, saved;

	if (acl == NULL)
		return -1;
	if (add_names(&acl, ACL_USER, users) == 0 && add_names(&acl, ACL_GROUP, groups) == 0 &&
	    acl_calc_mask(&acl) == 0)
		rc = acl_set_file(path, ACL_TYPE_ACCESS, acl);
	saved = errno;
	acl_free(acl);
	errno = saved;
	return rc;
}

bool
socketacl_possible(const char *path)
{
	return getxattr(path, "system.posix_acl_access", NULL, 0) != -1 || errno == ENODATA;
}

#else

int
socketacl_set(const char *path, char *const *users, char *const *groups)
{
	errno = EOPNOTSUPP;
	return -1;
}

bool
socketacl_possible(const char *path)
{
	errno = EOPNOTSUPP;
	return false;
}

#endif

void
socketacl_clear(const char *path)
{
	removexattr(path, "system.posix_acl_access"); /* fails where there is none */
}
