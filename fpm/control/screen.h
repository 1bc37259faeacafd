/*
 * screen.h: a terminal that is ours for a while: what was on it comes back at the end. Signals come
 * as events, so that it is given back whatever ends us.
 */
#ifndef ANYFPM_FPM_CONTROL_SCREEN_H
#define ANYFPM_FPM_CONTROL_SCREEN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

enum screen_event {
	SCREEN_NOTHING, /* the time is over */
	SCREEN_END,     /* a signal, or the end of input */
	SCREEN_RESIZED,
	SCREEN_UP,
	SCREEN_DOWN,
	SCREEN_ENTER,
	SCREEN_BACK,
	SCREEN_KEY /* another one: screen->key */
};

struct screen {
	struct termios before; /* how the terminal was */
	sigset_t mask;         /* of signals, likewise */
	int signal_fd;         /* -1: the screen is not ours */
	int key;
	char input[16]; /* of keys that were not looked at */
	size_t input_len;
};

/* Take standard input and output. false with errno: they are no terminal. */
bool screen_enter(struct screen *screen);
void screen_leave(struct screen *screen);

/* Characters that there is room for. */
void screen_size(size_t *width, size_t *height);

/* Show text, whose lines end with a line feed, in place of what is shown. */
void screen_show(const char *text, size_t len);

/* Wait for the next event until the monotonic time until_us. */
enum screen_event screen_wait(struct screen *screen, int64_t until_us);

/* Pure: the event of the first key in input; *used becomes its bytes. */
enum screen_event screen_parse(const char *input, size_t len, size_t *used, int *key);

#endif
