/* quota.c: what the kernel's files say about the CPU quota of a control group. Pure. */
#include "config.h"

#include "base/quota.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD_MAX 64

/* A number of microseconds, which is all that is before the next space or the end; 0: none such. */
static uint64_t
microseconds(const char *text)
{
	char *end;
	unsigned long long value;

	if (*text < '0' || *text > '9')
		return 0;
	value = strtoull(text, &end, 10);
	return *end == '\0' || *end == ' ' || *end == '\n' ? value : 0;
}

static double
cpus(uint64_t quota, uint64_t period)
{
	return quota > 0 && period > 0 ? (double)quota / (double)period : 0;
}

double
quota_v2(const char *max)
{
	const char *space = strchr(max, ' ');

	return space != NULL ? cpus(microseconds(max), microseconds(space + 1)) : 0;
}

double
quota_v1(const char *quota, const char *period)
{
	return cpus(microseconds(quota), microseconds(period)); /* "-1": there is none */
}

static const char *
controller(enum quota_version version)
{
	return version == QUOTA_V1_MEMORY ? "memory" : "cpu";
}

/* Whether a list separated by commas, len bytes, has the word. */
static bool
has_word(const char *list, size_t len, const char *word)
{
	size_t n = strlen(word), piece;

	for (const char *end = list + len; list <= end; list += piece + 1) {
		const char *comma = memchr(list, ',', (size_t)(end - list));

		piece = (size_t)((comma != NULL ? comma : end) - list);
		if (piece == n && memcmp(list, word, n) == 0)
			return true;
	}
	return false;
}

/* A field up to a space or the end of the line; the kernel writes what would end it as \040. */
static bool
copy_path(const char *from, char to[PATH_MAX])
{
	size_t len = 0;

	for (; *from != '\0' && *from != ' ' && *from != '\n'; from++) {
		char c = *from;

		if (c == '\\' && strspn(from + 1, "01234567") >= 3) {
			c = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
			from += 3;
		}
		if (len + 1 >= PATH_MAX)
			return false;
		to[len++] = c;
	}
	to[len] = '\0';
	return *to == '/';
}

static const char *
next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end != NULL ? end + 1 : line + strlen(line);
}

/* Lines are "ID:CONTROLLERS:PATH"; version 2 has ID 0 and no controllers. */
bool
quota_group(const char *text, enum quota_version version, char path[PATH_MAX])
{
	for (const char *line = text; *line != '\0'; line = next_line(line)) {
		const char *list = strchr(line, ':'), *name;

		if (list == NULL || (name = strchr(++list, ':')) == NULL || name > next_line(line))
			continue;
		if (version == QUOTA_V2 ? strncmp(line, "0::", 3) != 0
					: !has_word(list, (size_t)(name - list), controller(version)))
			continue;
		name++;
		return *name == '/' && strcspn(name, "\n") < PATH_MAX &&
		    snprintf(path, PATH_MAX, "%.*s", (int)strcspn(name, "\n"), name) > 0;
	}
	return false;
}

/* Lines are "ID PARENT DEVICE ROOT DIRECTORY OPTIONS [TAGS...] - TYPE SOURCE OPTIONS". */
bool
quota_mount(const char *text, enum quota_version version, char dir[PATH_MAX], char root[PATH_MAX])
{
	char type[FIELD_MAX], options[4 * FIELD_MAX];

	for (const char *line = text; *line != '\0'; line = next_line(line)) {
		const char *tail = strstr(line, " - "), *field = line;

		if (tail == NULL || tail > next_line(line) ||
		    sscanf(tail, " - %63s %*s %255s", type, options) != 2)
			continue;
		if (version == QUOTA_V2 ? strcmp(type, "cgroup2") != 0
					: strcmp(type, "cgroup") != 0 ||
			    !has_word(options, strlen(options), controller(version)))
			continue;
		for (int i = 0; field != NULL && i < 3; i++)
			field = (field = strchr(field, ' ')) != NULL ? field + 1 : NULL;
		if (field != NULL && copy_path(field, root) &&
		    (field = strchr(field, ' ')) != NULL && copy_path(field + 1, dir))
			return true;
	}
	return false;
}

const char *
quota_below(const char *group, const char *root)
{
	size_t len = strcmp(root, "/") == 0 ? 0 : strlen(root);

	if (strncmp(group, root, len) != 0 || (group[len] != '/' && group[len] != '\0'))
		return "";
	return strcmp(group + len, "/") == 0 ? "" : group + len;
}
