/* test_leaf.c: files of control groups, and the groups of workers in a tree of plain files. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cgroup.h"
#include "base/shared/place.h"
#include "conf/conf.h"
#include "pool/measure/leaf.h"
#include "tests/unit/run.h"

#define EVENTS "populated 1\nfrozen 0\n"
#define STAT "anon 4096\nanon_thp 8192\nfile 12288\n"

static const struct {
	const char *text, *key;
	bool found;
	uint64_t value;
} key_rows[] = {
    {EVENTS, "populated", true, 1},
    {EVENTS, "frozen", true, 0},
    {EVENTS, "froze", false, 0},
    {EVENTS, "opulated", false, 0},
    {"frozen 0\npopulated 0\n", "populated", true, 0},
    {STAT, "anon", true, 4096},
    {STAT, "anon_thp", true, 8192},
    {STAT, "file", true, 12288},
    {STAT, "shmem", false, 0},
    {"usage_usec 18446744073709551615", "usage_usec", true, UINT64_MAX},
    {"\n\nanon 7", "anon", true, 7},
    {"anon -1\n", "anon", false, 0},
    {"anon max\n", "anon", false, 0},
    {"anon", "anon", false, 0},
    {"anon ", "anon", false, 0},
    {"", "anon", false, 0},
};

START_TEST(keys)
{
	uint64_t value = 0;

	ck_assert_int_eq(cgroup_key(key_rows[_i].text, key_rows[_i].key, &value),
	    key_rows[_i].found);
	ck_assert_uint_eq(value, key_rows[_i].value);
}
END_TEST

static const struct {
	const char *text, *word;
	bool found;
} word_rows[] = {
    {"cpuset cpu io memory pids\n", "memory", true},
    {"cpuset cpu io memory pids\n", "cpuset", true},
    {"cpuset cpu io memory pids\n", "pids", true},
    {"cpuset io\n", "cpu", false},
    {"12\n345\n6\n", "345", true},
    {"12\n345\n6\n", "34", false},
    {"12\n345\n6\n", "5", false},
    {"\n", "memory", false},
    {"", "memory", false},
};

START_TEST(words)
{
	ck_assert_int_eq(cgroup_has_word(word_rows[_i].text, word_rows[_i].word),
	    word_rows[_i].found);
}
END_TEST

static char top[64];

static void
put(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", top, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
}

static void
expect(const char *name, const char *text)
{
	char *got = cgroup_text(top, name);

	if (text == NULL)
		ck_assert_ptr_null(got);
	else
		ck_assert_str_eq(got, text);
	free(got);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void
make_top(void)
{
	snprintf(top, sizeof(top), "/tmp/anyfpm-cgroup-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(top));
}

static void
remove_top(void)
{
	ck_assert_int_eq(nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

#define V2 "9 8 0:3 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n"
#define HYBRID                                                                                    \
	"8 7 0:2 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"                          \
	"9 7 0:3 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
#define SERVICE "/system.slice/anyfpm.service"

static const struct {
	const char *groups, *mounts, *path;
} own_rows[] = {
    {"0::" SERVICE "\n", V2, "/sys/fs/cgroup" SERVICE},
    {"12:memory:/other\n0::" SERVICE "\n", HYBRID, "/sys/fs/cgroup/unified" SERVICE},
    {"0::/\n", V2, "/sys/fs/cgroup"}, /* a container with a namespace of its own */
    {"0::/box/1\n", "9 8 0:3 /box /cg rw - cgroup2 cgroup2 rw\n", "/cg/1"},
    {"12:memory:/other\n", HYBRID, NULL},
    {"12:memory:/other\n0::/\n", "8 7 0:2 / /x rw - cgroup cgroup rw,memory\n", NULL},
    {"", "", NULL},
};

START_TEST(own)
{
	char path[CGROUP_PATH_MAX];
	bool found;

	make_top();
	put("cgroup", own_rows[_i].groups);
	put("mountinfo", own_rows[_i].mounts);
	found = cgroup_own(top, path);
	ck_assert_int_eq(found, own_rows[_i].path != NULL);
	if (found)
		ck_assert_str_eq(path, own_rows[_i].path);
	remove_top();
}
END_TEST

START_TEST(own_without_proc)
{
	char path[CGROUP_PATH_MAX];

	ck_assert(!cgroup_own("/no/such/directory", path));
}
END_TEST

/* A pool's first place. */
static struct place
place_of(const struct conf_pool *conf)
{
	return (struct place){
	    .first_slot = 1, .slots = place_slots(conf->max_children, conf->max_surge)};
}

/* What the kernel makes in the groups of the workers with those slots. */
static int
make_groups(const struct place *place, const char *const *files)
{
	char name[128];
	int fd;

	make_top();
	for (unsigned int slot = place->first_slot; slot < place->first_slot + place->slots;
	    slot++) {
		snprintf(name, sizeof(name), "%s/%u", top, slot);
		ck_assert_int_eq(mkdir(name, 0700), 0);
		for (size_t i = 0; files[i] != NULL; i++) {
			snprintf(name, sizeof(name), "%u/%s", slot, files[i]);
			put(name, "");
		}
	}
	fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ne(fd, -1);
	return fd;
}

static const char *const without[] = {"cgroup.procs", "cgroup.kill", "cgroup.events", NULL};
static const char *const with[] = {"cgroup.procs", "cgroup.kill", "cgroup.events", "memory.max",
    "memory.oom.group", "memory.stat", "pids.max", NULL};

START_TEST(leaves_of_a_pool)
{
	const struct conf_pool conf = {.max_children = 2, .max_surge = 1};
	struct place place = place_of(&conf);
	struct leaves leaves = {.dir_fd = -1};
	char why[256] = "";
	struct stat st;
	int fd;

	ck_assert_msg(leaf_init(&leaves, make_groups(&place, without), &place, &conf, why,
			  sizeof(why)),
	    "%s", why);
	ck_assert_uint_eq(leaves.count, 5 + PLACE_SPARE_SLOTS);
	ck_assert_int_eq(fstatat(leaves.dir_fd, "1", &st, 0), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0755);
	put("2/cgroup.events", EVENTS);
	put("3/cgroup.events", "populated 0\n");
	ck_assert(leaf_is_free(&leaves, 1)); /* no answer */
	ck_assert(!leaf_is_free(&leaves, 2));
	ck_assert(leaf_is_free(&leaves, 3));
	ck_assert(leaf_is_free(&leaves, leaves.count + 1));
	ck_assert_int_eq(write(leaf_entrance(&leaves, 2), "0", 1), 1);
	leaf_kill(&leaves, 3);
	expect("1/cgroup.procs", "");
	expect("2/cgroup.procs", "0");
	expect("2/cgroup.kill", "");
	expect("3/cgroup.kill", "1");
	ck_assert_int_eq(leaf_entrance(&leaves, 0), -1);
	ck_assert_int_eq(leaf_entrance(&leaves, leaves.count + 1), -1);
	leaf_kill(&leaves, leaves.count + 1);
	fd = leaf_open(&leaves, 2, "cgroup.events");
	ck_assert_int_ne(fd, -1);
	close(fd);
	ck_assert_int_eq(leaf_open(&leaves, 2, "memory.stat"), -1);
	ck_assert_int_eq(leaf_open(&leaves, 0, "cgroup.events"), -1);
	leaf_destroy(&leaves);
	remove_top();
}
END_TEST

START_TEST(limits_of_a_pool)
{
	const struct conf_pool conf = {.max_children = 1, .cgroup_memory_max = 64 << 20,
	    .cgroup_pids_max = 20};
	struct place place = place_of(&conf);
	struct leaves leaves = {.dir_fd = -1};
	char why[256] = "";

	ck_assert_msg(leaf_init(&leaves, make_groups(&place, with), &place, &conf, why,
			  sizeof(why)),
	    "%s", why);
	for (unsigned int slot = 1; slot <= leaves.count; slot += leaves.count - 1) {
		char name[64];

		snprintf(name, sizeof(name), "%u/memory.max", slot);
		expect(name, "67108864");
		snprintf(name, sizeof(name), "%u/memory.oom.group", slot);
		expect(name, "1");
		snprintf(name, sizeof(name), "%u/pids.max", slot);
		expect(name, "20");
	}
	leaf_destroy(&leaves);
	remove_top();
}
END_TEST

/* Neither a limit that was not asked for, nor one that cannot be set. */
START_TEST(limits_without_controller)
{
	struct conf_pool conf = {.max_children = 1};
	struct place place = place_of(&conf);
	struct leaves leaves = {.dir_fd = -1};
	char why[256] = "";

	ck_assert(leaf_init(&leaves, make_groups(&place, with), &place, &conf, why, sizeof(why)));
	expect("1/memory.max", "");
	expect("1/pids.max", "");
	leaf_destroy(&leaves);
	remove_top();

	conf.cgroup_pids_max = 20;
	ck_assert(
	    !leaf_init(&leaves, make_groups(&place, without), &place, &conf, why, sizeof(why)));
	ck_assert_str_eq(why,
	    "cannot make the control groups of workers: 1/pids.max: No such file or directory");
	leaf_destroy(&leaves);
	remove_top();
}
END_TEST

/* Beside those of the generation before. */
START_TEST(leaves_of_a_second_place)
{
	const struct conf_pool conf = {.max_children = 1};
	const struct place place = {.first_slot = 4, .slots = 3};
	struct leaves leaves = {.dir_fd = -1};
	char why[256] = "";

	ck_assert_msg(leaf_init(&leaves, make_groups(&place, without), &place, &conf, why,
			  sizeof(why)),
	    "%s", why);
	ck_assert_uint_eq(leaves.count, 3);
	for (unsigned int slot = 0; slot < 9; slot++)
		ck_assert_int_eq(leaf_entrance(&leaves, slot) != -1, slot >= 4 && slot <= 6);
	put("4/cgroup.events", EVENTS);
	ck_assert(!leaf_is_free(&leaves, 4));
	ck_assert(leaf_is_free(&leaves, 1));
	leaf_kill(&leaves, 6);
	expect("6/cgroup.kill", "1");
	expect("4/cgroup.kill", "");
	leaf_destroy(&leaves);
	remove_top();
}
END_TEST

/* Where cgroup is not set. */
START_TEST(no_leaves)
{
	struct leaves leaves = {0};

	ck_assert(leaf_is_free(&leaves, 1));
	ck_assert_int_eq(leaf_entrance(&leaves, 1), -1);
	ck_assert_int_eq(leaf_open(&leaves, 1, "cgroup.events"), -1);
	leaf_kill(&leaves, 1);
	leaf_destroy(&leaves);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cgroup");
	TCase *tc = tcase_create("files");

	tcase_add_loop_test(tc, keys, 0, COUNT(key_rows));
	tcase_add_loop_test(tc, words, 0, COUNT(word_rows));
	tcase_add_loop_test(tc, own, 0, COUNT(own_rows));
	tcase_add_test(tc, own_without_proc);
	suite_add_tcase(suite, tc);
	tc = tcase_create("leaves");
	tcase_add_test(tc, leaves_of_a_pool);
	tcase_add_test(tc, leaves_of_a_second_place);
	tcase_add_test(tc, limits_of_a_pool);
	tcase_add_test(tc, limits_without_controller);
	tcase_add_test(tc, no_leaves);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
