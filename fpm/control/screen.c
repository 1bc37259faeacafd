/* screen.c: a terminal that is ours for a while. Escape sequences are those of ECMA-48 and xterm. */
#include "config.h"

#include "fpm/control/screen.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

#define ENTER "\033[?1049h\033[?25l" /* the other screen, no cursor */
#define LEAVE "\033[?25h\033[?1049l"
#define HOME "\033[H"
#define END_OF_LINE "\033[K"
#define REST_OF_SCREEN "\033[J"
#define DELETE 127
#define ESCAPE 27
#define KEY_MS 30

static void
put(const char *text, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(STDOUT_FILENO, text, len);
		if (n == -1 && errno != EINTR)
			return;
		text += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
}

static bool
take_terminal(const struct screen *s)
{
	struct termios raw = s->before;

	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) == -1)
		return false;
	put(ENTER, strlen(ENTER));
	return true;
}

static void
give_terminal_back(const struct screen *s)
{
	put(LEAVE, strlen(LEAVE));
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &s->before);
}

bool
screen_enter(struct screen *s)
{
	static const int signals[] = {
	    SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH, SIGPIPE};
	sigset_t set;

	memset(s, 0, sizeof(*s));
	s->signal_fd = -1;
	if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &s->before) == -1)
		return false;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&set, signals[i]);
	if (sigprocmask(SIG_BLOCK, &set, &s->mask) == -1)
		return false;
	if ((s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) != -1 &&
	    take_terminal(s))
		return true;
	fd_close(&s->signal_fd);
	sigprocmask(SIG_SETMASK, &s->mask, NULL);
	return false;
}

void
screen_leave(struct screen *s)
{
	if (s->signal_fd == -1)
		return;
	give_terminal_back(s);
	fd_close(&s->signal_fd);
	sigprocmask(SIG_SETMASK, &s->mask, NULL);
}

void
screen_size(size_t *width, size_t *height)
{
	struct winsize size;
	bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;

	*width = is_known && size.ws_col > 0 ? size.ws_col : 80;
	*height = is_known && size.ws_row > 0 ? size.ws_row : 24;
}

void
screen_show(const char *text, size_t len)
{
	const char *end;

	put(HOME, strlen(HOME));
	while (len > 0 && (end = memchr(text, '\n', len)) != NULL) {
		put(text, (size_t)(end - text));
		put(END_OF_LINE, strlen(END_OF_LINE));
		len -= (size_t)(end - text) + 1;
		text = end + 1;
		if (len > 0)
			put("\r\n", 2);
	}
	put(text, len); /* no line feed: the last line stays where it is */
	put(REST_OF_SCREEN, strlen(REST_OF_SCREEN));
}

/* Stopped from the keyboard: the shell gets its terminal as it was. */
static void
stop(const struct screen *s)
{
	give_terminal_back(s);
	raise(SIGSTOP);
	take_terminal(s);
}

static enum screen_event
take_signal(const struct screen *s)
{
	struct signalfd_siginfo info;

	if (read(s->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return SCREEN_NOTHING;
	if (info.ssi_signo == SIGTSTP)
		stop(s);
	return info.ssi_signo == SIGTSTP || info.ssi_signo == SIGWINCH ? SCREEN_RESIZED
								       : SCREEN_END;
}

/* One key, which may be several bytes. */
enum screen_event
screen_parse(const char *input, size_t len, size_t *used, int *key)
{
	*used = 1;
	*key = (unsigned char)input[0];
	if (len >= 3 && input[0] == ESCAPE && (input[1] == '[' || input[1] == 'O')) {
		*used = 3;
		switch (input[2]) {
		case 'A':
			return SCREEN_UP;
		case 'B':
			return SCREEN_DOWN;
		case 'C':
			return SCREEN_ENTER;
		case 'D':
			return SCREEN_BACK;
		default:
			*used = len; /* whatever key that is */
			return SCREEN_NOTHING;
		}
	}
	switch (input[0]) {
	case 'k':
		return SCREEN_UP;
	case 'j':
		return SCREEN_DOWN;
	case '\r':
	case '\n':
		return SCREEN_ENTER;
	case ESCAPE:
	case DELETE:
	case '\b':
		return SCREEN_BACK;
	default:
		return SCREEN_KEY;
	}
}

/* Add what there is to the input. false: nothing comes any more. */
static bool
read_keys(struct screen *s)
{
	ssize_t n =
	    read(STDIN_FILENO, s->input + s->input_len, sizeof(s->input) - s->input_len);

	if (n > 0)
		s->input_len += (size_t)n;
	return n > 0 || (n == -1 && errno == EINTR);
}

enum screen_event
screen_wait(struct screen *s, int64_t until_us)
{
	struct pollfd p[] = {{.fd = STDIN_FILENO, .events = POLLIN},
	    {.fd = s->signal_fd, .events = POLLIN}};
	int64_t left_us = until_us - clock_now_us();
	enum screen_event event;
	size_t used;

	if (s->input_len == 0) {
		if (poll(p, 2, left_us > 0 ? (int)(left_us / 1000) + 1 : 0) <= 0)
			return SCREEN_NOTHING;
		if (p[1].revents != 0)
			return take_signal(s);
		if (!read_keys(s))
			return SCREEN_END;
	}
	/* The rest of a key comes at once; else it is the escape key. */
	while (s->input_len > 0 && s->input_len < 3 && s->input[0] == ESCAPE &&
	    poll(p, 1, KEY_MS) > 0)
		if (!read_keys(s))
			return SCREEN_END;
	if (s->input_len == 0)
		return SCREEN_NOTHING;
	event = screen_parse(s->input, s->input_len, &used, &s->key);
	s->input_len -= used;
	memmove(s->input, s->input + used, s->input_len);
	return event == SCREEN_NOTHING ? SCREEN_RESIZED : event;
}
