/*
 * trace.c: takes the stacks of one worker; the whole of a short-lived process of its own.
 *
 * What is slow happens while the worker runs: its modules are read first, names are resolved
 * last. In between each thread in turn is stopped (tracethread.c); and when we die, the kernel lets
 * it go.
 */
#include "config.h"

#include "pool/observe/trace.h"

#ifndef HAVE_LIBDW

#include <stdio.h>

bool
trace_available(void)
{
	return false;
}

int
trace_main(int argc, char *argv[])
{
	puts("failed anyfpm was built without libdw");
	return 1;
}

#else

#include <sys/prctl.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pool/observe/tracethread.h"

#define THREADS_MAX 64

struct trace {
	pid_t pid;
	unsigned int depth;
	Dwfl *dwfl;
	struct tracethread threads[THREADS_MAX];
	unsigned int thread_count, more_threads;
	int64_t first_us, stopped_us;
};

/* A word of /proc/PID/status, such as "PPid"; -1 when there is none. */
static long
status_word(pid_t pid, const char *name)
{
	char path[64], line[256];
	size_t len = strlen(name);
	long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if ((f = fopen(path, "re")) == NULL)
		return -1;
	while (value == -1 && fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, name, len) == 0 && line[len] == ':')
			value = strtol(line + len + 1, NULL, 10);
	}
	fclose(f);
	return value;
}

/* The value of kernel.yama.ptrace_scope, 0 where there is no Yama. */
static int
yama_scope(void)
{
	FILE *f = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
	int scope = 0;

	if (f != NULL) {
		if (fscanf(f, "%d", &scope) != 1)
			scope = 0;
		fclose(f);
	}
	return scope;
}

/* Say why the worker cannot be traced, and what can be done about it. */
static int
refused(pid_t pid, int error)
{
	long tracer = status_word(pid, "TracerPid");
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid); /* root's, where it forbids it */
	if (tracer < 0 || error == ESRCH || stat(path, &st) == -1)
		printf("failed the worker has ended\n");
	else if (tracer > 0)
		printf("failed process %ld traces the worker already\n", tracer);
	else if (st.st_uid != geteuid())
		printf("denied %s: it has changed its user, or forbids it (PR_SET_DUMPABLE)\n",
		    strerror(error));
	else if (yama_scope() > 1)
		printf("denied %s: kernel.yama.ptrace_scope is %d; set it to 1 or 0\n",
		    strerror(error), yama_scope());
	else
		printf("denied %s: a container or a security module forbids it; allow the pool's "
		       "user ptrace(2), with CAP_SYS_PTRACE if need be\n",
		    strerror(error));
	return 1;
}

static int
warm_module(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr start, void *arg)
{
	Dwarf_Addr bias;

	if (dwfl_module_getelf(module, &bias) != NULL)
		dwfl_module_eh_cfi(module, &bias);
	return DWARF_CB_OK;
}

/* Everything that can be read while the worker runs. 0, an errno, or -1 for dwfl_errno(). */
static int
read_modules(struct trace *trace)
{
	static char *debuginfo_path;
	static const Dwfl_Callbacks callbacks = {
		.find_elf = dwfl_linux_proc_find_elf,
		.find_debuginfo = dwfl_standard_find_debuginfo,
		.debuginfo_path = &debuginfo_path,
	};
	int rc;

	if ((trace->dwfl = dwfl_begin(&callbacks)) == NULL)
		return -1;
	if ((rc = dwfl_linux_proc_report(trace->dwfl, trace->pid)) != 0)
		return rc;
	if (dwfl_report_end(trace->dwfl, NULL, NULL) != 0)
		return -1;
	if ((rc = dwfl_linux_proc_attach(trace->dwfl, trace->pid, true)) != 0)
		return rc;
	dwfl_getmodules(trace->dwfl, warm_module, NULL, 0);
	return 0;
}

static void
read_thread_name(struct trace *trace, struct tracethread *t)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", (int)trace->pid, (int)t->tid);
	if ((f = fopen(path, "re")) == NULL)
		return;
	if (fgets(t->name, sizeof(t->name), f) != NULL)
		t->name[strcspn(t->name, "\n")] = '\0';
	fclose(f);
}

static bool
list_threads(struct trace *trace)
{
	struct dirent *entry;
	struct tracethread *t;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)trace->pid);
	if ((dir = opendir(path)) == NULL)
		return false;
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (trace->thread_count == THREADS_MAX) {
			trace->more_threads++;
			continue;
		}
		t = &trace->threads[trace->thread_count];
		t->tid = (pid_t)strtol(entry->d_name, NULL, 10);
		if ((t->frames = calloc(trace->depth, sizeof(*t->frames))) == NULL)
			break;
		t->room = trace->depth;
		read_thread_name(trace, t);
		trace->thread_count++;
	}
	closedir(dir);
	return trace->thread_count > 0;
}

/* A name out of the worker's files, on one line. */
static void
print_name(const char *name, size_t len)
{
	for (; len > 0; name++, len--)
		putchar((unsigned char)*name < 0x20 || *name == 0x7f ? '?' : *name);
}

/* File and line where there is debug information, else module and offset. */
static void
print_place(Dwfl_Module *module, Dwarf_Addr pc)
{
	Dwfl_Line *line = dwfl_module_getsrc(module, pc);
	const char *file = NULL, *name;
	Dwarf_Addr start = 0;
	int number = 0;

	if (line != NULL)
		file = dwfl_lineinfo(line, NULL, &number, NULL, NULL, NULL);
	name = dwfl_module_info(module, NULL, &start, NULL, NULL, NULL, NULL, NULL);
	if (file == NULL && name == NULL)
		return;
	putchar(' ');
	if (file != NULL)
		name = file;
	print_name(name, strlen(name));
	if (file != NULL)
		printf(":%d", number);
	else
		printf("+0x%llx", (unsigned long long)(pc - start));
}

static void
print_thread(const struct trace *trace, const struct tracethread *t)
{
	printf("thread = %d (%s)\n", (int)t->tid, t->name);
	for (unsigned int i = 0; i < t->count; i++) {
		/* A call's return address may be beyond its function. */
		Dwarf_Addr pc = t->frames[i].pc - !t->frames[i].is_activation;
		Dwfl_Module *module = dwfl_addrmodule(trace->dwfl, pc);
		const char *name = module != NULL ? dwfl_module_addrname(module, pc) : NULL;

		printf("[0x%016llx] ", (unsigned long long)t->frames[i].pc);
		if (name == NULL)
			name = "??";
		print_name(name, strcspn(name, "@")); /* without the symbol's version */
		fputs("()", stdout);
		if (module != NULL)
			print_place(module, pc);
		putchar('\n');
	}
	if (t->problem != NULL)
		printf("incomplete = %s\n", t->problem);
	fflush(stdout);
}

/* Stop the threads one after the other, so that none is stopped for the sake of another. */
static int
collect(struct trace *trace)
{
	unsigned int taken = 0;
	int error = 0, rc;

	tracethread_begin();
	for (unsigned int i = 0; i < trace->thread_count; i++) {
		struct tracethread *t = &trace->threads[i];

		if ((rc = tracethread_take(t, trace->dwfl)) == 0)
			taken++;
		else if (rc == ESRCH)
			t->problem = "it has ended";
		else
			error = rc;
		if (t->stopped_us > trace->stopped_us)
			trace->stopped_us = t->stopped_us;
		if (trace->first_us == 0)
			trace->first_us = t->stop_us;
		tracethread_next();
	}
	tracethread_end();
	return taken > 0 ? 0 : error != 0 ? error : ESRCH;
}

static int
trace_worker(struct trace *trace)
{
	int rc;

	if (status_word(trace->pid, "PPid") != getppid()) {
		printf("failed the worker has ended\n");
		return 1;
	}
	if ((rc = read_modules(trace)) == -1) {
		printf("failed libdw: %s\n", dwfl_errmsg(-1));
		return 1;
	}
	if (rc == 0 && !list_threads(trace))
		rc = ESRCH;
	if (rc != 0 || (rc = collect(trace)) != 0)
		return refused(trace->pid, rc);
	printf("collected %lld %lld\n", (long long)trace->first_us, (long long)trace->stopped_us);
	fflush(stdout);
	for (unsigned int i = 0; i < trace->thread_count; i++)
		print_thread(trace, &trace->threads[i]);
	if (trace->more_threads > 0)
		printf("incomplete = %u threads more\n", trace->more_threads);
	return 0;
}

bool
trace_available(void)
{
	return true;
}

int
trace_main(int argc, char *argv[])
{
	static struct trace trace;
	int status = 2;

	/* Who holds up another has to run when it can. */
	if (sched_getscheduler(0) == SCHED_BATCH)
		sched_setscheduler(0, SCHED_OTHER, &(const struct sched_param){ 0 });
	/* Nobody of the same user looks into us, and nothing is fetched from anywhere. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	unsetenv("DEBUGINFOD_URLS");
	if (argc == 3) {
		trace.pid = (pid_t)strtol(argv[1], NULL, 10);
		trace.depth = (unsigned int)strtoul(argv[2], NULL, 10);
		status = trace_worker(&trace);
	}
	fflush(stdout);
	_exit(status); /* the kernel frees faster than we could */
}

#endif
