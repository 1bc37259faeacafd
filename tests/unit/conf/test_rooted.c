/* test_rooted.c: paths in another root directory, which lead nowhere outside of it. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/rooted.h"
#include "tests/unit/conf/tree.h"
#include "tests/unit/run.h"

static const struct tree_file files[] = {
    {"outside/", NULL, NULL},
    {"outside/secret", "s", NULL},
    {"root/", NULL, NULL},
    {"root/dir/", NULL, NULL},
    {"root/dir/file", "f", NULL},
    {"root/to_file", NULL, "/dir/file"},
    {"root/to_dir", NULL, "dir"},
    {"root/dir/back", NULL, "../to_file"},
    {"root/up", NULL, "../outside/secret"},
    {"root/far_up", NULL, "/../../../dir/file"},
    {"root/out", NULL, "/outside/secret"},
    {"root/loop", NULL, "loop"},
    {"root/dangling", NULL, "/none"},
    {NULL, NULL, NULL},
};

/* What a path leads to, from the directory of the tests; NULL: to an error. */
static const struct row {
	const char *root, *path, *file;
	int error;
} rows[] = {
    {"root", "/dir/file", "root/dir/file", 0},
    {"root", "dir/file", "root/dir/file", 0},
    {"root", "/", "root", 0},
    {"root", ".", "root", 0},
    {"root", "..", "root", 0},
    {"root", "/../../dir/file", "root/dir/file", 0},
    {"root", "/to_file", "root/dir/file", 0},
    {"root", "/to_dir/file", "root/dir/file", 0},
    {"root", "/to_dir/back", "root/dir/file", 0},
    {"root", "/far_up", "root/dir/file", 0},
    {"root/dir", "file", "root/dir/file", 0},
    {"root/to_dir", "/file", "root/dir/file", 0}, /* the root may be a link */
    {"root", "/up", NULL, ENOENT},
    {"root", "/out", NULL, ENOENT},
    {"root", "../outside/secret", NULL, ENOENT},
    {"root", "/outside/secret", NULL, ENOENT},
    {"root/dir", "back", NULL, ENOENT},
    {"root", "/dangling", NULL, ENOENT},
    {"root", "/none", NULL, ENOENT},
    {"root", "", NULL, ENOENT},
    {"root", "/loop", NULL, ELOOP},
    {"root", "/dir/file/x", NULL, ENOTDIR},
    {"root/dir/file", "/x", NULL, ENOTDIR},
    {"none", "/dir/file", NULL, ENOENT},
    {NULL, "root/dir/file", "root/dir/file", 0},
    {NULL, "root/up", "outside/secret", 0},
    {NULL, "root/to_file", NULL, ENOENT},
    {NULL, "", NULL, ENOENT},
};

START_TEST(test_open)
{
	const struct row *r = &rows[_i];
	struct stat st, right;
	char byte;
	int fd;

	tree_make(files);
	errno = 0;
	fd = rooted_open(r->root, r->path);
	if (r->file == NULL) {
		ck_assert_int_eq(fd, -1);
		ck_assert_msg(errno == r->error, "%s: %s", r->path, strerror(errno));
	} else {
		ck_assert_msg(fd != -1, "%s: %s", r->path, strerror(errno));
		ck_assert_int_eq(fstat(fd, &st), 0);
		ck_assert_int_eq(stat(r->file, &right), 0);
		ck_assert(st.st_ino == right.st_ino && st.st_dev == right.st_dev);
		ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
		ck_assert(read(fd, &byte, 1) == -1 && errno == EBADF); /* only a name */
		close(fd);
	}
	tree_remove();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf_rooted");
	TCase *tc = tcase_create("table");

	tcase_add_loop_test(tc, test_open, 0, COUNT(rows));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
