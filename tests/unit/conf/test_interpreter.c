/* test_interpreter.c: what a program needs to be executed: scripts, executables, broken ones. */
#include "config.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

#include "conf/interpreter.h"
#include "tests/unit/conf/tree.h"
#include "tests/unit/run.h"

#define LONG_WORD                                                                                  \
	"/a234567890123456789012345678901234567890123456789012345678901234567890123456789012345"    \
	"67890123456789012345678901234567890123456789012345678901234567890123456789012345678901"
#define NAME_SIZE 64

static const struct tree_file files[] = {
    {"bin/", NULL, NULL},
    {"bin/sh", "plain", NULL},
    {"bin/link", NULL, "/bin/sh"},
    {"bin/dangling", NULL, "/bin/none"},
    {"bin/one", "#!/bin/sh\n", NULL},
    {"bin/two", "#!/bin/one\n", NULL},
    {"bin/bad", "#!/bin/none\n", NULL},
    {"bin/self", "#!/bin/self\n", NULL},
    {NULL, NULL, NULL},
};

/* A script, and what of it is missing; NULL: nothing. */
static const struct row {
	const char *text, *missing;
} rows[] = {
    {"", NULL},
    {"#", NULL},
    {"#!", NULL},
    {"#!\n", NULL},
    {"#! \t \n/bin/none", NULL},
    {"echo\n#!/bin/none\n", NULL},
    {" #!/bin/none\n", NULL},
    {"#!/bin/sh", NULL},
    {"#!/bin/sh\n", NULL},
    {"#! /bin/sh\n", NULL},
    {"#!\t/bin/sh -e -u\n", NULL},
    {"#!/bin/link\n", NULL},
    {"#!/bin/two\n", NULL},
    {"#!/bin/self\n", NULL}, /* the kernel says ELOOP, which is no matter of files */
    {"#!/bin/sh /bin/none\n", NULL},
    {"#!/bin/none", "/bin/none"},
    {"#!/bin/none\n", "/bin/none"},
    {"#!/bin/none -x\n", "/bin/none"},
    {"#! \t/bin/none\t-x\n", "/bin/none"},
    {"#!/bin/sh\r\n", "/bin/sh\r"},
    {"#!/bin/dangling\n", "/bin/dangling"},
    {"#!/bin/bad\n", "/bin/none"},
    {"#!/bin/sh/x\n", "/bin/sh/x"},
    {"#!" LONG_WORD "\n", NULL}, /* no room for its name: not judged */
};

START_TEST(test_script)
{
	const struct row *r = &rows[_i];
	char name[NAME_SIZE];
	bool exists;

	tree_make(files);
	tree_write("program", r->text, strlen(r->text));
	errno = 0;
	exists = interpreter_exists(".", "/program", name, sizeof(name));
	ck_assert_msg(exists == (r->missing == NULL), "%s", r->text);
	if (!exists) {
		ck_assert_str_eq(name, r->missing);
		ck_assert(errno == ENOENT || errno == ENOTDIR);
	}
	tree_remove();
}
END_TEST

/* An executable whose second segment names what loads it, with one thing changed. */
struct image {
	ElfW(Ehdr) header;
	ElfW(Phdr) segments[2];
	char loader[16];
};

static void
keep(struct image *i)
{
}

static void
break_magic(struct image *i)
{
	i->header.e_ident[0] = 'x';
}

static void
change_class(struct image *i)
{
	i->header.e_ident[EI_CLASS] = ELFCLASSNONE;
}

static void
change_entry_size(struct image *i)
{
	i->header.e_phentsize++;
}

static void
have_no_segments(struct image *i)
{
	i->header.e_phnum = 0;
}

static void
have_too_many(struct image *i)
{
	i->header.e_phnum = 0xffff;
	i->segments[1].p_type = PT_NULL;
}

static void
have_none_that_loads(struct image *i)
{
	i->segments[1].p_type = PT_NOTE;
}

static void
have_segments_elsewhere(struct image *i)
{
	i->header.e_phoff = (ElfW(Off)) ~0;
}

static void
have_a_long_name(struct image *i)
{
	i->segments[1].p_filesz = NAME_SIZE;
}

static void
have_a_huge_name(struct image *i)
{
	i->segments[1].p_filesz = ~0UL;
}

static void
have_the_name_elsewhere(struct image *i)
{
	i->segments[1].p_offset = sizeof(*i) + 1;
}

static void
have_no_name(struct image *i)
{
	i->segments[1].p_filesz = 0;
}

static const struct {
	void (*change)(struct image *image);
	const char *loader;
	size_t len; /* of the file; 0: all */
	bool exists;
} images[] = {
    {keep, "/bin/sh", 0, true},
    {keep, "/bin/link", 0, true},
    {keep, "/bin/none", 0, false},
    {keep, "/bin/bad", 0, false}, /* whatever a loader needs is needed as well */
    {keep, "/bin/none", 3, true},
    {keep, "/bin/none", sizeof(ElfW(Ehdr)) - 1, true},
    {keep, "/bin/none", sizeof(ElfW(Ehdr)), true},
    {keep, "/bin/none", offsetof(struct image, segments[1]) + 1, true},
    {keep, "/bin/none", offsetof(struct image, loader), true},
    {break_magic, "/bin/none", 0, true},
    {change_class, "/bin/none", 0, true},
    {change_entry_size, "/bin/none", 0, true},
    {have_no_segments, "/bin/none", 0, true},
    {have_too_many, "/bin/none", 0, true},
    {have_none_that_loads, "/bin/none", 0, true},
    {have_segments_elsewhere, "/bin/none", 0, true},
    {have_a_long_name, "/bin/none", 0, true},
    {have_a_huge_name, "/bin/none", 0, true},
    {have_the_name_elsewhere, "/bin/none", 0, true},
    {have_no_name, "/bin/none", 0, true},
};

START_TEST(test_executable)
{
	struct image image = {
	    .header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3,
			   sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32},
		.e_phoff = offsetof(struct image, segments),
		.e_phentsize = sizeof(ElfW(Phdr)),
		.e_phnum = 2},
	    .segments = {{.p_type = PT_LOAD},
		{.p_type = PT_INTERP, .p_offset = offsetof(struct image, loader)}},
	};
	char name[NAME_SIZE];

	snprintf(image.loader, sizeof(image.loader), "%s", images[_i].loader);
	image.segments[1].p_filesz = strlen(image.loader) + 1;
	images[_i].change(&image);
	tree_make(files);
	tree_write("program", &image, images[_i].len != 0 ? images[_i].len : sizeof(image));
	ck_assert_int_eq(
	    interpreter_exists(".", "/program", name, sizeof(name)), images[_i].exists);
	if (!images[_i].exists)
		ck_assert_str_eq(name, "/bin/none");
	tree_remove();
}
END_TEST

/* No program, or none that can be read, is not judged here; without a root it is ours. */
START_TEST(test_others)
{
	char name[NAME_SIZE];

	tree_make(files);
	ck_assert(interpreter_exists(".", "/none", name, sizeof(name)));
	ck_assert(interpreter_exists(".", "/bin", name, sizeof(name)));
	ck_assert(interpreter_exists("none", "/bin/bad", name, sizeof(name)));
	ck_assert(interpreter_exists(NULL, "/proc/self/exe", name, sizeof(name)));
	tree_write("program", "#!/bin/none/at/all\n", 19);
	ck_assert(!interpreter_exists(NULL, "program", name, sizeof(name)));
	ck_assert_str_eq(name, "/bin/none/at/all");
	tree_remove();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf_interpreter");
	TCase *tc = tcase_create("tables");

	tcase_add_loop_test(tc, test_script, 0, COUNT(rows));
	tcase_add_loop_test(tc, test_executable, 0, COUNT(images));
	tcase_add_test(tc, test_others);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
