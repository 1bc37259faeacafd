/* notifysocket.h: the socket at which a service manager hears of its services, as sd_notify(3) has
 * it, but without waiting: a manager that does not read is not to hold up its service. */
#ifndef ANYFPM_FPM_NOTIFYSOCKET_H
#define ANYFPM_FPM_NOTIFYSOCKET_H

#define NOTIFYSOCKET_TEXT_MAX 96
#define NOTIFYSOCKET_WAITING_MAX 16

struct notifysocket {
	const char *path; /* NULL: there is none */
	/* That the manager has not taken yet, the oldest first. */
	char waiting[NOTIFYSOCKET_WAITING_MAX][NOTIFYSOCKET_TEXT_MAX];
	unsigned int count;
};

/* path: NOTIFY_SOCKET's; kept, not copied. */
void notifysocket_init(struct notifysocket *socket, const char *path);

/* Say text, lines of sd_notify(3). Returns 0, or an errno: EAGAIN if the manager does not read. It
 * is forgotten then. */
int notifysocket_say(struct notifysocket *socket, const char *text);

/* The same for what has to be said in order, and be kept until it can be; beyond so many the oldest
 * is forgotten. EAGAIN: call notifysocket_go_on() later. */
int notifysocket_insist(struct notifysocket *socket, const char *text);

/* Say what is kept. Returns likewise; 0 if there is nothing. */
int notifysocket_go_on(struct notifysocket *socket);

#endif
