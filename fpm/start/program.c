/* program.c: marks files by what stat(2) tells of them. */
#include "config.h"

#include "fpm/start/program.h"

#include <sys/stat.h>

#include <limits.h>
#include <stddef.h>

#include "base/fd.h"
#include "conf/lookup.h"
#include "conf/rooted.h"

/* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ */
#define FNV_BASIS UINT64_C(14695981039346656037)
#define FNV_PRIME UINT64_C(1099511628211)

static void
add(uint64_t *mark, uint64_t value)
{
	for (size_t i = 0; i < sizeof(value); i++)
		*mark = (*mark ^ (value >> (8 * i) & 0xff)) * FNV_PRIME;
}

static void
add_file(uint64_t *mark, const char *root, const char *path)
{
	int fd = rooted_open(root, path);
	struct stat st = {0};

	if (fd != -1 && fstat(fd, &st) == -1)
		st.st_mode = 0;
	fd_close(&fd);
	if (!S_ISREG(st.st_mode)) {
		add(mark, 0);
		return;
	}
	add(mark, st.st_dev);
	add(mark, st.st_ino);
	add(mark, (uint64_t)st.st_size);
	add(mark, (uint64_t)st.st_mtim.tv_sec);
	add(mark, (uint64_t)st.st_mtim.tv_nsec);
}

/* The directory that a link leads to may be another by now; workers stay in the one that it was. */
static void
add_root(uint64_t *mark, const char *root)
{
	struct stat st;

	if (stat(root, &st) == -1)
		return;
	add(mark, st.st_dev);
	add(mark, st.st_ino);
}

uint64_t
program_mark(const struct conf_pool *pool)
{
	uint64_t mark = FNV_BASIS;
	char path[PATH_MAX];
	const char *searched;

	if (pool->chroot != NULL)
		add_root(&mark, pool->chroot);
	if (lookup_program(pool, pool->command[0], path, sizeof(path), &searched))
		add_file(&mark, pool->chroot, path);
	for (char **word = pool->command + 1; *word != NULL; word++) {
		if (lookup_word(pool, *word, path, sizeof(path)))
			add_file(&mark, pool->chroot, path);
	}
	return mark;
}
