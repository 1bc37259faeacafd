/* tree.h: a directory of a test's own with files in it; it is the working directory meanwhile. */
#ifndef ANYFPM_TESTS_CONF_TREE_H
#define ANYFPM_TESTS_CONF_TREE_H

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tree_file {
	const char *path; /* with a slash at its end: a directory; NULL: the end of the table */
	const char *text; /* in it */
	const char *link; /* rather than that: where it leads */
};

static inline void
tree_write(const char *path, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

	ck_assert_msg(fd != -1 && write(fd, bytes, len) == (ssize_t)len, "%s", path);
	close(fd);
}

static inline void
tree_make(const struct tree_file *files)
{
	char dir[] = "/tmp/anyfpm-unit-XXXXXX";

	ck_assert(mkdtemp(dir) != NULL && chdir(dir) == 0);
	for (const struct tree_file *f = files; f->path != NULL; f++) {
		if (f->link != NULL)
			ck_assert_int_eq(symlink(f->link, f->path), 0);
		else if (f->text != NULL)
			tree_write(f->path, f->text, strlen(f->text));
		else
			ck_assert_int_eq(mkdir(f->path, 0755), 0);
	}
}

static inline int
tree_remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	return remove(path);
}

static inline void
tree_remove(void)
{
	char *dir = getcwd(NULL, 0);

	ck_assert(dir != NULL && chdir("/") == 0);
	ck_assert_int_eq(nftw(dir, tree_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	free(dir);
}

#endif
