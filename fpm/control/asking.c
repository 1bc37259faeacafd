/* asking.c: connects to the control socket, sends a request, reads what is answered. */
#include "config.h"

#include "fpm/control/asking.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "fpm/control/socketpath.h"
#include "fpm/files/path.h"

/* For the end of a master that has said that all is done, milliseconds. */
#define EXIT_MS 5000
#define ANSWER_S 10 /* for the next bytes of what is answered at once */

/* Connect to the socket at path, however long that is. -1 with errno. */
static int
connect_to(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), dir_fd, result;
	const char *name;

	if (fd == -1 || (dir_fd = path_open_dir(path, &name)) == -1) {
		fd_close(&fd);
		return -1;
	}
	result = snprintf(
	    un.sun_path, sizeof(un.sun_path), "/proc/self/fd/%d/%s", dir_fd, name);
	if (result >= (int)sizeof(un.sun_path)) {
		errno = ENAMETOOLONG;
		result = -1;
	} else
		result = connect(fd, (const struct sockaddr *)&un, sizeof(un));
	fd_close(&dir_fd);
	if (result == -1)
		fd_close(&fd);
	return fd;
}

static void
explain(const char *path, char *why, size_t size)
{
	switch (errno) {
	case ENOENT:
	case ECONNREFUSED:
	case ENOTDIR:
		snprintf(why, size,
		    "anyfpm is not running, or has another pid file: nobody listens at %s; start "
		    "it, or give its pid file with -g",
		    path);
		break;
	case EACCES:
	case EPERM:
		snprintf(why, size, "%s is for root and the user of the master only", path);
		break;
	default:
		snprintf(why, size, "cannot connect to %s: %s", path, strerror(errno));
	}
}

/* false with errno. */
static bool
send_request(int fd, const struct command_request *request)
{
	char line[COMMAND_LINE_MAX + 1];
	size_t len, sent = 0;
	ssize_t n;

	command_print(request, line);
	len = strlen(line);
	line[len++] = '\n';
	while (sent < len) {
		n = send(fd, line + sent, len - sent, MSG_NOSIGNAL);
		if (n == -1 && errno != EINTR)
			return errno == EPIPE; /* who was refused can read why */
		sent += n > 0 ? (size_t)n : 0;
	}
	return true;
}

/* One that ends says so, and is gone when the connection is. */
static void
await_exit(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	while (poll(&p, 1, EXIT_MS) == -1 && errno == EINTR)
		continue;
}

/* The line after that which says so is in the words of a pool process. */
static void
read_page(FILE *in, json_t *object, char **text, size_t *room)
{
	ssize_t len = getline(text, room, in);
	json_t *page = len > 0 ? json_loadb(*text, (size_t)len, 0, NULL) : NULL, *value;
	const char *key;

	json_object_foreach (page, key, value)
		if (strcmp(key, "preload") == 0 || strncmp(key, "template ", 9) == 0)
			json_object_set(object, key, value);
	json_object_set(object, "processes", json_object_get(page, "processes"));
	json_decref(page);
}

/* Read lines up to the last one. Returns its code, -1: it did not come. */
static int
read_answer(FILE *in, asking_line *line, void *arg, char *why, size_t size)
{
	char *text = NULL;
	size_t room = 0;
	ssize_t len;
	json_t *object, *code;
	int result = -1;

	while (result == -1 && (len = getline(&text, &room, in)) > 0) {
		if ((object = json_loadb(text, (size_t)len, 0, NULL)) == NULL)
			continue;
		if ((code = json_object_get(object, "exit")) != NULL) {
			const char *message =
			    json_string_value(json_object_get(object, "message"));

			result = json_integer_value(code) == 0 ? 0 : 1;
			snprintf(why, size, "%s", message != NULL ? message : "");
		} else {
			if (json_object_get(object, "page") != NULL)
				read_page(in, object, &text, &room);
			line(object, arg);
		}
		json_decref(object);
	}
	free(text);
	return result;
}

int
asking_do(const char *pid_path, const struct command_request *request, asking_line *line,
    void *arg, char *why, size_t size)
{
	char *cwd = getcwd(NULL, 0), *path = socketpath_of(pid_path, cwd != NULL ? cwd : "/");
	int code = -1, fd = path != NULL ? connect_to(path) : -1;
	const struct timeval patience = {.tv_sec = ANSWER_S};
	bool timed_out;
	FILE *in;

	why[0] = '\0';
	free(cwd);
	if (fd == -1 || !send_request(fd, request) || (in = fdopen(fd, "r")) == NULL) {
		if (path != NULL)
			explain(path, why, size);
		fd_close(&fd);
		free(path);
		return 1;
	}
	free(path);
	if (request->command == COMMAND_STATUS) /* others may take their time */
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	errno = 0;
	code = read_answer(in, line, arg, why, size);
	timed_out = errno == EAGAIN;
	if (code == 0 && request->pool[0] == '\0' &&
	    (request->command == COMMAND_STOP || request->command == COMMAND_QUIT))
		await_exit(fd);
	fclose(in);
	if (code == -1 && timed_out)
		snprintf(why, size, "the master does not answer: it hangs, or is stopped");
	else if (code == -1)
		snprintf(why, size, "the master has ended before it answered; see its error log");
	return code == 0 ? 0 : 1;
}
