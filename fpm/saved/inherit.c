/* inherit.c: reads and writes what one program leaves to the next. */
#include "config.h"

#include "fpm/saved/inherit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "fpm/saved/saved_parse.h"

extern char **environ;

char **
inherit_environment(const char *value)
{
	size_t count = 0, size = sizeof(INHERIT_VARIABLE "=") + strlen(value);
	char **all;

	while (environ[count] != NULL)
		count++;
	if ((all = calloc(count + 2, sizeof(*all))) == NULL || (all[0] = malloc(size)) == NULL) {
		free(all);
		return NULL;
	}
	snprintf(all[0], size, INHERIT_VARIABLE "=%s", value);
	memcpy(all + 1, environ, count * sizeof(*all));
	return all;
}

void
inherit_free(char **environment)
{
	if (environment != NULL)
		free(environment[0]); /* the others are ours */
	free(environment);
}

static bool
write_all(int fd, const char *text, size_t len)
{
	ssize_t n;

	for (size_t at = 0; at < len; at += (size_t)n) {
		n = write(fd, text + at, len - at);
		if (n == -1 && errno == EINTR)
			n = 0;
		if (n == -1)
			return false;
	}
	return true;
}

int
inherit_write(const struct saved *saved)
{
	int fd = memfd_create("anyfpm state", MFD_CLOEXEC);
	char *text = NULL;
	size_t len;
	FILE *out = fd != -1 ? open_memstream(&text, &len) : NULL;

	if (out != NULL)
		saved_print(saved, out);
	if (out == NULL || fclose(out) != 0 || !write_all(fd, text, len))
		fd_close(&fd);
	free(text);
	return fd;
}

struct saved *
inherit_read(int fd)
{
	char why[SAVED_WHY_MAX];
	struct saved *saved;
	struct stat st;
	void *text;

	if (fstat(fd, &st) == -1 || st.st_size <= 0 ||
	    (text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED) {
		log_error("what the running master has left cannot be read: %s", strerror(errno));
		return NULL;
	}
	if ((saved = saved_parse(text, (size_t)st.st_size, why)) == NULL)
		log_error("what the running master has left cannot be read: %s", why);
	munmap(text, (size_t)st.st_size);
	return saved;
}

static bool
take_fd(int *fd, void *arg)
{
	return fd_set_cloexec(*fd, 1) == 0;
}

int
inherit_find(struct saved **saved, bool *is_tested)
{
	const char *value = getenv(INHERIT_VARIABLE);
	char *end = NULL;
	int fd;

	*saved = NULL;
	*is_tested = value != NULL && strcmp(value, INHERIT_TEST) == 0;
	fd = value != NULL && !*is_tested ? (int)strtol(value, &end, 10) : -1;
	unsetenv(INHERIT_VARIABLE);
	if (end == NULL || *end != '\0' || fd <= STDERR_FILENO ||
	    fcntl(fd, F_GET_SEALS) == -1) /* no memory of ours: somebody's own variable */
		return 0;
	*saved = inherit_read(fd);
	fd_close(&fd);
	if (*saved == NULL)
		return EX_SOFTWARE;
	if ((*saved)->pid == getpid() && saved_each_fd(*saved, take_fd, NULL))
		return 0;
	log_error("what is left to this process is another's, or not whole");
	saved_free(*saved);
	*saved = NULL;
	return EX_SOFTWARE;
}
