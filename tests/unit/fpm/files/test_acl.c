/* test_acl.c: who may write into a directory, by its mode and its access control list. */
#include "config.h"

#include <stdint.h>
#include <string.h>

#include "fpm/files/acl.h"
#include "tests/unit/run.h"

#define ENTRIES_MAX 8

enum { OWNER = 0x01, USER = 0x02, OWNING = 0x04, GROUP = 0x08, MASK = 0x10, OTHER = 0x20 };
#define NOBODY 0xffffffffU

struct entry {
	uint16_t tag, perm;
	uint32_t id;
};

/* The directory is root's and of group 4; the user is 33, in the groups 33 and 100. */
static const struct row {
	const char *name;
	mode_t mode;
	struct entry acl[ENTRIES_MAX];
	bool writes;
} rows[] = {
    {"no list, root's alone", 0755, {{0}}, false},
    {"no list, a group of others", 0775, {{0}}, false},
    {"a list that grants nothing", 0775,
	{{OWNER, 7, NOBODY}, {OWNING, 7, NOBODY}, {MASK, 7, NOBODY}, {OTHER, 5, NOBODY}}, false},
    {"the user by name", 0775,
	{{OWNER, 7, NOBODY}, {USER, 7, 33}, {OWNING, 5, NOBODY}, {MASK, 7, NOBODY}}, true},
    {"the user by name, for reading", 0775,
	{{OWNER, 7, NOBODY}, {USER, 5, 33}, {OWNING, 5, NOBODY}, {MASK, 7, NOBODY}}, false},
    {"another user by name", 0775,
	{{OWNER, 7, NOBODY}, {USER, 7, 34}, {OWNING, 5, NOBODY}, {MASK, 7, NOBODY}}, false},
    {"the user by name, masked", 0755,
	{{OWNER, 7, NOBODY}, {USER, 7, 33}, {OWNING, 5, NOBODY}, {MASK, 5, NOBODY}}, false},
    {"a group of his", 0775,
	{{OWNER, 7, NOBODY}, {OWNING, 5, NOBODY}, {GROUP, 3, 100}, {MASK, 7, NOBODY}}, true},
    {"a group of others", 0775,
	{{OWNER, 7, NOBODY}, {OWNING, 5, NOBODY}, {GROUP, 7, 101}, {MASK, 7, NOBODY}}, false},
    {"a group with the number of the user", 0775,
	{{OWNER, 7, NOBODY}, {USER, 7, 100}, {OWNING, 5, NOBODY}, {MASK, 7, NOBODY}}, false},
    {"the second of two users", 0775,
	{{OWNER, 7, NOBODY}, {USER, 7, 1}, {USER, 2, 33}, {OWNING, 5, NOBODY}, {MASK, 2, NOBODY}},
	true},
    {"the group's bits are the mask, not the group's right", 0775,
	{{OWNER, 7, NOBODY}, {USER, 7, 1}, {OWNING, 7, NOBODY}, {MASK, 7, NOBODY}}, false},
    {"an entry of a kind that is unknown", 0775, {{OWNER, 7, NOBODY}, {0x40, 7, 33}}, false},
};

static const gid_t groups[] = {33, 100};
static const struct acl_user user = {.uid = 33, .groups = groups, .group_count = 2};

/* The attribute's bytes; 0: none. */
static size_t
write_acl(const struct entry *entries, uint8_t *out)
{
	uint8_t *p = out;

	if (entries->tag == 0)
		return 0;
	memcpy(p, "\2\0\0\0", 4);
	p += 4;
	for (int i = 0; i < ENTRIES_MAX && entries[i].tag != 0; i++) {
		const struct entry *e = &entries[i];

		*p++ = (uint8_t)e->tag;
		*p++ = (uint8_t)(e->tag >> 8);
		*p++ = (uint8_t)e->perm;
		*p++ = (uint8_t)(e->perm >> 8);
		for (int shift = 0; shift < 32; shift += 8)
			*p++ = (uint8_t)(e->id >> shift);
	}
	return (size_t)(p - out);
}

START_TEST(table)
{
	const struct row *row = &rows[_i];
	struct stat st = {.st_mode = S_IFDIR | row->mode, .st_uid = 0, .st_gid = 4};
	uint8_t acl[4 + 8 * ENTRIES_MAX];
	size_t len = write_acl(row->acl, acl);

	ck_assert_msg(acl_may_write(&st, acl, len, &user) == row->writes, "%s", row->name);
	st.st_uid = 33; /* an owner may give himself any right */
	ck_assert_msg(acl_may_write(&st, acl, len, &user), "%s, owned", row->name);
}
END_TEST

START_TEST(owning_group)
{
	static const struct entry list[ENTRIES_MAX] = {
	    {OWNER, 7, NOBODY}, {OWNING, 7, NOBODY}, {MASK, 7, NOBODY}, {OTHER, 5, NOBODY}};
	struct stat st = {.st_mode = S_IFDIR | 0775, .st_gid = 100};
	struct acl_user many = {.uid = 33, .every_group = true};
	uint8_t acl[4 + 8 * ENTRIES_MAX];
	size_t len = write_acl(list, acl);

	ck_assert(acl_may_write(&st, NULL, 0, &user));
	ck_assert(acl_may_write(&st, acl, len, &user));
	st.st_gid = 4;
	ck_assert(acl_may_write(&st, NULL, 0, &many)); /* too many groups to know */
	ck_assert(acl_may_write(&st, acl, len, &many));
	st.st_mode = S_IFDIR | 0755;
	ck_assert(!acl_may_write(&st, NULL, 0, &many));
}
END_TEST

/* What is not understood counts as a right to write; no byte beyond the end is looked at. */
START_TEST(broken)
{
	static const struct entry list[ENTRIES_MAX] = {
	    {OWNER, 7, NOBODY}, {OWNING, 5, NOBODY}, {OTHER, 5, NOBODY}};
	struct stat st = {.st_mode = S_IFDIR | 0755, .st_gid = 4};
	uint8_t acl[4 + 8 * ENTRIES_MAX];
	size_t len = write_acl(list, acl);

	ck_assert(!acl_may_write(&st, acl, len, &user));
	for (size_t cut = 1; cut < len; cut++)
		ck_assert(acl_may_write(&st, acl, cut, &user) == (cut < 4 || (cut - 4) % 8 != 0));
	acl[0] = 3;
	ck_assert(acl_may_write(&st, acl, len, &user));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("acl");
	TCase *tc = tcase_create("write");

	tcase_add_loop_test(tc, table, 0, COUNT(rows));
	tcase_add_test(tc, owning_group);
	tcase_add_test(tc, broken);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
