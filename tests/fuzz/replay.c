/*
 * replay.c: runs a fuzz target over files instead of libFuzzer, and reports in TAP.
 *
 * usage: fuzz_NAME [file or directory ...]; default: tests/fuzz/corpus/NAME of the source tree.
 */
#include "config.h"

#include <dirent.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct inputs {
	char **paths;
	size_t count;
};

static void
add_input(struct inputs *inputs, const char *dir, const char *name)
{
	char *path;

	inputs->paths = reallocarray(inputs->paths, inputs->count + 1, sizeof(char *));
	if (inputs->paths == NULL || asprintf(&path, "%s%s%s", dir, *dir ? "/" : "", name) < 0)
		err(1, NULL);
	inputs->paths[inputs->count++] = path;
}

static void
add_inputs(struct inputs *inputs, const char *path)
{
	struct dirent **entries;
	struct stat st;
	int n;

	if (stat(path, &st) == -1)
		err(1, "%s", path);
	if (!S_ISDIR(st.st_mode)) {
		add_input(inputs, "", path);
		return;
	}
	if ((n = scandir(path, &entries, NULL, alphasort)) == -1)
		err(1, "%s", path);
	for (int i = 0; i < n; i++) {
		if (entries[i]->d_name[0] != '.')
			add_input(inputs, path, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}

static void
add_own_corpus(struct inputs *inputs, const char *program)
{
	const char *name = strstr(program, "fuzz_"), *next;
	char *path;

	while (name != NULL && (next = strstr(name + 1, "fuzz_")) != NULL)
		name = next;
	if (name == NULL || asprintf(&path, TOP_SRCDIR "/tests/fuzz/corpus/%s", name + 5) < 0)
		errx(1, "%s: cannot tell which corpus is mine", program);
	add_inputs(inputs, path);
	free(path);
}

/* The input in memory of exactly its size, so that a sanitizer sees one byte too many. */
static void
replay(const char *path)
{
	struct stat st;
	uint8_t *data;
	FILE *f = fopen(path, "re");

	if (f == NULL || fstat(fileno(f), &st) == -1)
		err(1, "%s", path);
	data = malloc(st.st_size > 0 ? (size_t)st.st_size : 1);
	if (data == NULL || fread(data, 1, (size_t)st.st_size, f) != (size_t)st.st_size)
		err(1, "%s", path);
	fclose(f);
	LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
	free(data);
}

int
main(int argc, char *argv[])
{
	struct inputs inputs = {0};

	for (int i = 1; i < argc; i++)
		add_inputs(&inputs, argv[i]);
	if (argc < 2)
		add_own_corpus(&inputs, argv[0]);
	printf("1..%zu\n", inputs.count);
	for (size_t i = 0; i < inputs.count; i++) {
		fflush(stdout);
		replay(inputs.paths[i]);
		printf("ok %zu - %s\n", i + 1, inputs.paths[i]);
		free(inputs.paths[i]);
	}
	free(inputs.paths);
	return 0;
}
