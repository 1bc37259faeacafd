/* interpreter.c: what the kernel needs besides a program to execute it. Runs nothing. */
#include "config.h"

#include "conf/interpreter.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf/rooted.h"

#define HEAD_MAX 256   /* what the kernel reads of a first line, execve(2) */
#define DEPTH_MAX 5    /* interpreters of interpreters, likewise */
#define SEGMENTS_MAX 64

/* The first word of "#! /bin/x -y". */
static bool
find_in_script(const char *head, size_t len, char *name, size_t size)
{
	static const char ends[] = " \t\n"; /* the kernel's: of a line of DOS, the \r is part of it */
	char line[HEAD_MAX + 1];
	const char *word;

	memcpy(line, head + 2, len - 2);
	line[len - 2] = '\0';
	word = line + strspn(line, " \t");
	return (size_t)snprintf(name, size, "%.*s", (int)strcspn(word, ends), word) < size &&
	    *name != '\0';
}

/* Of an executable of this machine's kind; others are none of our business. */
static bool
find_in_elf(int fd, char *name, size_t size)
{
	ElfW(Ehdr) header;
	ElfW(Phdr) segment;
	ssize_t n;

	if (pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
	    header.e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) ||
	    header.e_phentsize != sizeof(segment))
		return false;
	for (unsigned int i = 0; i < header.e_phnum && i < SEGMENTS_MAX; i++) {
		off_t at = (off_t)(header.e_phoff + i * sizeof(segment));

		if (pread(fd, &segment, sizeof(segment), at) != (ssize_t)sizeof(segment))
			return false;
		if (segment.p_type != PT_INTERP || segment.p_filesz >= size)
			continue;
		n = pread(fd, name, segment.p_filesz, (off_t)segment.p_offset);
		name[n > 0 ? n : 0] = '\0';
		return n > 0;
	}
	return false;
}

static bool
find(int fd, char *name, size_t size)
{
	char head[HEAD_MAX];
	ssize_t n = pread(fd, head, sizeof(head), 0);

	if (n > 2 && memcmp(head, "#!", 2) == 0)
		return find_in_script(head, (size_t)n, name, size);
	return n > SELFMAG && memcmp(head, ELFMAG, SELFMAG) == 0 && find_in_elf(fd, name, size);
}

/* The file for reading; -1: it cannot be. */
static int
open_for_reading(int named_fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", named_fd);
	return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

bool
interpreter_exists(const char *root, const char *program, char *name, size_t size)
{
	int fd, named_fd = rooted_open(root, program);
	bool has_one;

	for (int depth = 0; named_fd != -1 && depth < DEPTH_MAX; depth++) {
		fd = open_for_reading(named_fd);
		has_one = fd != -1 && find(fd, name, size);
		if (fd != -1)
			close(fd);
		close(named_fd);
		if (!has_one)
			return true;
		if ((named_fd = rooted_open(root, name)) == -1)
			return errno != ENOENT && errno != ENOTDIR;
	}
	if (named_fd != -1)
		close(named_fd);
	return true;
}
