/* message.c: pack and unpack the messages between master and pool process. */
#include "config.h"

#include "base/shared/message.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/fd.h"

int
message_send(int sock, enum message_type type, uint32_t arg, const void *data, size_t len, int pass)
{
	struct message m = { .type = type, .arg = arg };

	if (len > sizeof(m.data)) {
		errno = EMSGSIZE;
		return -1;
	}
	if (len > 0)
		memcpy(m.data, data, len);
	return fd_send(sock, &m, offsetof(struct message, data) + len, pass);
}

int
message_recv(int sock, struct message *m, size_t *len, int *pass)
{
	ssize_t n = fd_recv(sock, m, sizeof(*m), pass);

	if (n <= 0)
		return (int)n;
	if ((size_t)n < offsetof(struct message, data)) {
		fd_close(pass);
		errno = EPROTO;
		return -1;
	}
	*len = (size_t)n - offsetof(struct message, data);
	return 1;
}
