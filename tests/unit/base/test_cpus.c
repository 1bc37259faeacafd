/* test_cpus.c: how many CPUs a control group leaves, from the kernel's files. */
#include "config.h"

#include <sys/stat.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpus.h"
#include "base/quota.h"
#include "tests/unit/run.h"

static const struct {
	const char *max;
	double cpus;
} v2_rows[] = {
    {"max 100000\n", 0},
    {"100000 100000\n", 1},
    {"150000 100000\n", 1.5},
    {"200000 100000\n", 2},
    {"200001 100000", 2.00001},
    {"1000 100000\n", 0.01},
    {"50000 10000\n", 5},
    {"18446744073709551615 1\n", 18446744073709551615.0},
    {"", 0},
    {"100000", 0},
    {"100000 ", 0},
    {"100000 0\n", 0},
    {"0 100000\n", 0},
    {"-1 100000\n", 0},
    {"12x 100000\n", 0},
    {"100000 x\n", 0},
};

START_TEST(version_2)
{
	ck_assert_double_eq(quota_v2(v2_rows[_i].max), v2_rows[_i].cpus);
}
END_TEST

static const struct {
	const char *quota, *period;
	double cpus;
} v1_rows[] = {
    {"-1\n", "100000\n", 0},
    {"50000\n", "100000\n", 0.5},
    {"250000\n", "100000\n", 2.5},
    {"400000\n", "100000\n", 4},
    {"400000\n", "0\n", 0},
    {"400000\n", "", 0},
    {"", "100000\n", 0},
};

START_TEST(version_1)
{
	ck_assert_double_eq(quota_v1(v1_rows[_i].quota, v1_rows[_i].period), v1_rows[_i].cpus);
}
END_TEST

#define BOTH "12:cpuset:/a\n4:cpuacct,cpu:/both/of them\n1:name=systemd:/user\n0::/user.slice/x\n"

static const struct {
	const char *text;
	enum quota_version version;
	const char *path; /* NULL: none */
} group_rows[] = {
    {"0::/user.slice/x\n", QUOTA_V2, "/user.slice/x"},
    {"0::/", QUOTA_V2, "/"},
    {"0::/user.slice/x\n", QUOTA_V1, NULL},
    {BOTH, QUOTA_V1, "/both/of them"},
    {BOTH, QUOTA_V2, "/user.slice/x"},
    {"3:cpu:/\n", QUOTA_V1, "/"},
    {"3:cpuset:/x\n2:cpuacct:/y\n", QUOTA_V1, NULL},
    {"10::/x\n", QUOTA_V2, NULL},
    {"0::", QUOTA_V2, NULL},
    {"0\n:\n::\n\n", QUOTA_V2, NULL},
    {"", QUOTA_V1, NULL},
};

START_TEST(groups)
{
	char path[PATH_MAX] = "none";
	bool found = quota_group(group_rows[_i].text, group_rows[_i].version, path);

	ck_assert_int_eq(found, group_rows[_i].path != NULL);
	if (found)
		ck_assert_str_eq(path, group_rows[_i].path);
}
END_TEST

#define V1 "31 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
#define SET "33 30 0:30 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset\n"
#define V2 "40 30 0:37 /docker/0f /sys/fs/my\\040group rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"

static const struct {
	const char *text;
	enum quota_version version;
	const char *dir, *root; /* NULL: none */
} mount_rows[] = {
    {V2, QUOTA_V2, "/sys/fs/my group", "/docker/0f"},
    {V2, QUOTA_V1, NULL, NULL},
    {SET V1 V2, QUOTA_V1, "/sys/fs/cgroup/cpu,cpuacct", "/"},
    {SET V1 V2, QUOTA_V2, "/sys/fs/my group", "/docker/0f"},
    {SET, QUOTA_V1, NULL, NULL},
    {"1 2 3 - cgroup2 cgroup2 rw\n", QUOTA_V2, NULL, NULL},
    {"1 2\n" V2, QUOTA_V2, "/sys/fs/my group", "/docker/0f"},
    {"", QUOTA_V2, NULL, NULL},
};

START_TEST(mounts)
{
	char dir[PATH_MAX], root[PATH_MAX];
	bool found = quota_mount(mount_rows[_i].text, mount_rows[_i].version, dir, root);

	ck_assert_int_eq(found, mount_rows[_i].dir != NULL);
	if (found) {
		ck_assert_str_eq(dir, mount_rows[_i].dir);
		ck_assert_str_eq(root, mount_rows[_i].root);
	}
}
END_TEST

static const struct {
	const char *group, *root, *below;
} below_rows[] = {
    {"/", "/", ""},
    {"/a/b", "/", "/a/b"},
    {"/a/b", "/a", "/b"},
    {"/a", "/a", ""},
    {"/ab", "/a", ""},   /* another group */
    {"/", "/docker/0", ""}, /* a name space of its own */
};

START_TEST(below)
{
	ck_assert_str_eq(
	    quota_below(below_rows[_i].group, below_rows[_i].root), below_rows[_i].below);
}
END_TEST

/* A process's view of its control groups, in files of our own. */
static char top[] = "/tmp/anyfpm-cpus-XXXXXX";

static void
put(const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", top, name);
	ck_assert_ptr_nonnull(f = fopen(path, "w"));
	ck_assert_int_ne(fputs(text, f), EOF);
	ck_assert_int_eq(fclose(f), 0);
}

static void
make_dir(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	ck_assert_int_eq(mkdir(path, 0700), 0);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

START_TEST(the_least_of_all)
{
	char mounts_text[512];

	ck_assert_ptr_nonnull(mkdtemp(top));
	ck_assert_double_eq(cpus_quota(top), 0); /* no /proc at all */
	make_dir("v2");
	make_dir("v2/a");
	make_dir("v2/a/b");
	make_dir("v1");
	snprintf(mounts_text, sizeof(mounts_text),
	    "1 2 0:3 /box %s/v2 rw - cgroup2 cgroup2 rw\n"
	    "1 2 0:4 / %s/v1 rw - cgroup cgroup rw,cpu\n",
	    top, top);
	put("mountinfo", mounts_text);
	put("cgroup", "0::/box/a/b\n4:cpu:/not/shown/here\n");
	ck_assert_double_eq(cpus_quota(top), 0); /* mounted, but there is no such controller */
	put("v2/a/b/cpu.max", "max 100000\n");
	ck_assert_double_eq(cpus_quota(top), 0);
	put("v2/a/cpu.max", "350000 100000\n");
	ck_assert_double_eq(cpus_quota(top), 3.5); /* the parent's binds too */
	put("v2/a/b/cpu.max", "600000 100000\n");
	ck_assert_double_eq(cpus_quota(top), 3.5);
	put("v2/cpu.max", "250000 100000\n");
	ck_assert_double_eq(cpus_quota(top), 2.5);
	put("v1/cpu.cfs_quota_us", "150000\n");
	put("v1/cpu.cfs_period_us", "100000\n");
	ck_assert_double_eq(cpus_quota(top), 1.5); /* of a hierarchy that shows our own as its root */
	ck_assert_int_eq(nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}
END_TEST

START_TEST(at_least_one)
{
	ck_assert_uint_ge(cpus_usable(), 1);
	ck_assert_double_gt(cpus_part(), cpus_usable() - 1.0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cpus");
	TCase *tc = tcase_create("quota");

	tcase_add_loop_test(tc, version_2, 0, COUNT(v2_rows));
	tcase_add_loop_test(tc, version_1, 0, COUNT(v1_rows));
	tcase_add_loop_test(tc, groups, 0, COUNT(group_rows));
	tcase_add_loop_test(tc, mounts, 0, COUNT(mount_rows));
	tcase_add_loop_test(tc, below, 0, COUNT(below_rows));
	tcase_add_test(tc, the_least_of_all);
	tcase_add_test(tc, at_least_one);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
