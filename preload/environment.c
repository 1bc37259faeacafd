/*
 * environment.c: what pm.preload has put into the environment, and what of it a worker has.
 */
#include "config.h"

#include "preload/environment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "preload/template.h"

#define SLOT_SIZE sizeof(TEMPLATE_SLOT_TEXT)
#define PRELOAD_ENV "LD_PRELOAD"

static const char slot_entry[] = TEMPLATE_SLOT_ENV "=" TEMPLATE_SLOT_TEXT;

/* Where they stand in the initial environment, or NULL. Programs have made copies (Perl, Ruby). */
static char *initial_slot, *initial_preload, *initial_fd;

/* libfcgi makes a request's parameters the environment, which are freed before the next accept. */
static bool is_others;

static bool
is_fd(const char *entry)
{
	return strncmp(entry, TEMPLATE_FD_ENV "=", sizeof(TEMPLATE_FD_ENV)) == 0;
}

static bool
is_preload(const char *entry)
{
	return strncmp(entry, PRELOAD_ENV "=", sizeof(PRELOAD_ENV)) == 0;
}

void
environment_begin(void)
{
	for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
		if (strcmp(*entry, slot_entry) == 0)
			initial_slot = *entry;
		else if (is_preload(*entry))
			initial_preload = *entry;
		else if (is_fd(*entry))
			initial_fd = *entry;
	}
}

void
environment_keep_off(void)
{
	is_others = true;
}

static void
format(char text[SLOT_SIZE], uint32_t slot)
{
	char digits[SLOT_SIZE];
	size_t n = 0;

	do
		digits[n++] = (char)('0' + slot % 10);
	while ((slot /= 10) != 0);
	memset(text, 0, SLOT_SIZE);
	while (n > 0)
		*text++ = digits[--n];
}

void
environment_write_slot(uint32_t slot)
{
	if (initial_slot != NULL && memcmp(initial_slot, slot_entry, sizeof(slot_entry)) == 0)
		format(initial_slot + sizeof(TEMPLATE_SLOT_ENV), slot);
}

void
environment_set_slot(uint32_t slot)
{
	const char *now;
	char text[SLOT_SIZE];

	if (is_others)
		return;
	now = getenv(TEMPLATE_SLOT_ENV);
	format(text, slot);
	if (now == NULL || strcmp(now, text) != 0)
		setenv(TEMPLATE_SLOT_ENV, text, 1);
}

/* Whether the path of this length is that of the library. */
static bool
is_library(const char *path, size_t length)
{
	static const char end[] = "/" TEMPLATE_LIBRARY;
	size_t size = sizeof(end) - 1;

	return length >= size && memcmp(path + length - size, end, size) == 0;
}

/* ld.so(8): paths are separated by spaces or colons. */
static void
take_out_library(char *paths)
{
	char *from = paths, *to = paths;

	while (*from != '\0') {
		size_t length = strcspn(from, ": ");
		bool is_last = from[length] == '\0';
		size_t whole = length + !is_last;

		if (!is_library(from, length)) {
			memmove(to, from, whole);
			to += whole;
		} else if (is_last && to > paths) {
			to--; /* what was before a separator is the last now */
		}
		from += whole;
	}
	memset(to, 0, (size_t)(from - to));
}

void
environment_clear(void)
{
	char *paths;

	if (initial_preload != NULL && is_preload(initial_preload))
		take_out_library(initial_preload + sizeof(PRELOAD_ENV));
	if (is_others) {
		if (initial_fd != NULL && is_fd(initial_fd))
			initial_fd[sizeof(TEMPLATE_FD_ENV)] = '\0';
		return;
	}
	paths = getenv(PRELOAD_ENV);
	unsetenv(TEMPLATE_FD_ENV);
	if (paths == NULL)
		return;
	take_out_library(paths);
	if (*paths == '\0')
		unsetenv(PRELOAD_ENV);
}
