/* groups.h: a directory like /proc, and one like /sys/fs/cgroup, for tests. */
#ifndef ANYFPM_TESTS_GROUPS_H
#define ANYFPM_TESTS_GROUPS_H

#include <sys/stat.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/run.h"

static char proc[64];

static inline void
write_file(const char *name, const char *text)
{
	char path[192];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", proc, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static inline void
make_dir(const char *name)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/%s", proc, name);
	ck_assert_int_eq(mkdir(path, 0700), 0);
}

/* We are in the group /box/a/b of version 2, of which /box is shown, and in /c of version 1. */
static inline void
make_proc(void)
{
	static const char *const dirs[] = {
	    "pressure", "self", "v2", "v2/a", "v2/a/b", "v1", "v1/c", "v1/c/d"};
	char text[512];

	snprintf(proc, sizeof(proc), "/tmp/test_groups.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(proc));
	for (int i = 0; i < COUNT(dirs); i++)
		make_dir(dirs[i]);
	snprintf(text, sizeof(text),
	    "1 2 0:3 /box %s/v2 rw - cgroup2 cgroup2 rw\n"
	    "1 2 0:4 / %s/v1 rw - cgroup cgroup rw,memory\n",
	    proc, proc);
	write_file("self/mountinfo", text);
	write_file("self/cgroup", "4:memory:/c/d\n3:cpu:/\n0::/box/a/b\n");
}

static inline int
remove_one(const char *path, const struct stat *st, int what, struct FTW *at)
{
	return remove(path);
}

static inline void
remove_proc(void)
{
	ck_assert_int_eq(nftw(proc, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

#endif
