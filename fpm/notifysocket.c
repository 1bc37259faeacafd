/* notifysocket.c: datagrams, a socket for each: what is not read is the manager's to keep. */
#include "config.h"

#include "fpm/notifysocket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"

void
notifysocket_init(struct notifysocket *s, const char *path)
{
	memset(s, 0, sizeof(*s));
	s->path = path;
}

/* Returns 0, or an errno. */
static int
send_text(const char *path, const char *text)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	int fd, error = 0;

	if ((*path != '/' && *path != '@') || len >= sizeof(un.sun_path))
		return EAFNOSUPPORT;
	memcpy(un.sun_path, path, len);
	if (*path == '@') /* of the abstract namespace (unix(7)) */
		un.sun_path[0] = '\0';
	len += offsetof(struct sockaddr_un, sun_path);
	if ((fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) == -1)
		return errno;
	if (sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&un,
		(socklen_t)len) == -1)
		error = errno;
	fd_close(&fd);
	return error;
}

static void
forget_first(struct notifysocket *s)
{
	s->count--;
	memmove(s->waiting, s->waiting[1], s->count * sizeof(s->waiting[0]));
}

int
notifysocket_go_on(struct notifysocket *s)
{
	int error = 0;

	while (s->count > 0 && error != EAGAIN) {
		error = send_text(s->path, s->waiting[0]);
		if (error != EAGAIN)
			forget_first(s);
	}
	return error;
}

int
notifysocket_insist(struct notifysocket *s, const char *text)
{
	if (s->path == NULL)
		return 0;
	if (s->count == NOTIFYSOCKET_WAITING_MAX)
		forget_first(s);
	snprintf(s->waiting[s->count++], NOTIFYSOCKET_TEXT_MAX, "%s", text);
	return notifysocket_go_on(s);
}

int
notifysocket_say(struct notifysocket *s, const char *text)
{
	int error;

	if (s->path == NULL)
		return 0;
	error = notifysocket_go_on(s);
	return error == EAGAIN ? error : send_text(s->path, text);
}
