/*
 * saved.h: what a master knows and holds, as text, for another program that takes its place in the
 * same process (upgrade.c). Plain data: nothing here opens, closes or starts anything.
 *
 * The text is a line "anyfpm state FORMAT", then sections: a line "[NAME]", then fields, a line
 * each: "WORD NUMBER" or "WORD =LENGTH:BYTES". A reader leaves out sections and fields that it does
 * not know; fields that are missing are 0, descriptors -1, texts NULL. SAVED_FORMAT has to be
 * raised when that does not do: when a descriptor is added, when a field or a number in one gets
 * another meaning, or when processes of before would not understand what the new master says
 * (base/shared/message.h).
 */
#ifndef ANYFPM_FPM_SAVED_SAVED_H
#define ANYFPM_FPM_SAVED_SAVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/queue.h>

#define SAVED_FORMAT 3
#define SAVED_HEAD "anyfpm state " /* before the format */

/* Texts are the struct's own. Numbers are of the type that has room for each; a bool is 0 or 1. */

struct saved_socket {
	int fd, dir_fd, lock_fd;
	int64_t dev, ino, is_given, lacks_rights;
};

/* settings is what -tt prints of one pool; NULL: the service's has it. */
struct saved_setup {
	char *settings;
	int64_t program;
	struct saved_socket listener, status_listener;
	int access_fd, slowlog_fd;
};

struct saved_process {
	int64_t pid; /* 0: there is none */
	int sock;
	int64_t started_us; /* of the monotonic clock */
	int64_t timer_us;   /* time that is left; 0: it is not set */
};

struct saved_generation {
	TAILQ_ENTRY(saved_generation) next;
	char *settings;
	struct saved_process process;
	int64_t is_seated; /* it is the one that accepts */
	int64_t state;     /* enum generation_state */
	int64_t was_ready, is_withdrawn;
	int64_t room, workers, is_counted;
	int64_t block, first_slot, slots; /* of its place */
	int dir_fd;
	char *dir_path;
	/* Of process.max, as in struct share and struct generation. */
	int64_t permits, lacking, waiting, called, offered, ordered;
	int64_t has_asked, has_returned;
	/* Of memory, with pm = auto, as in struct budget and struct generation. */
	int64_t memory_told, memory_follows, memory_used, memory_lacking, sharing;
};
TAILQ_HEAD(saved_generation_list, saved_generation);

struct saved_seat {
	TAILQ_ENTRY(saved_seat) next;
	char *name; /* of the pool */
	struct saved_setup setup;
	int stats_fd, cgroup_fd;
	int64_t is_closed, is_off, is_withdrawn, has_begun, quick_deaths;
	struct saved_generation_list generations;
};
TAILQ_HEAD(saved_seat_list, saved_seat);

struct saved_metrics {
	char *settings; /* with the metrics_listen that it was opened for; NULL: the service's has it */
	struct saved_socket listener;
	struct saved_process process;
	int64_t was_ready, ending, is_leaving, quick_deaths;
};

/* Somebody who waits for an answer at the control socket. */
struct saved_client {
	TAILQ_ENTRY(saved_client) next;
	int fd;
	int64_t pid;
	int64_t has_asked; /* line is whole */
	char *line;
	char *answer; /* the rest of it that the client has not taken */
};
TAILQ_HEAD(saved_client_list, saved_client);

struct saved {
	int64_t pid; /* of the master */
	char *settings; /* of the service: what -tt prints */
	int log_fd;
	int64_t log_to_file, log_is_stderr, log_is_daemon, log_is_stale;
	char *pid_path; /* NULL: there is no pid file */
	int pid_dir_fd, pid_fd, pid_lock_fd;
	char *rundir;
	int64_t nofile_soft, nofile_hard; /* as they were before they were raised */
	int cgroup_fd, cgroup_lock_fd;
	int64_t cgroup_moved, cgroup_memory, cgroup_pids;
	char *cgroup_path;
	int64_t has_terminal, has_announced, has_strangers, is_withdrawn;
	char *sessions; /* of pool processes, numbers with blanks between them, the oldest first */
	struct saved_socket control;

	struct saved_seat_list seats;
	struct saved_metrics *metrics; /* NULL: there is none */
	struct saved_client_list clients;
};

/* Nothing is saved; NULL: out of memory. */
struct saved *saved_new(void);
void saved_free(struct saved *saved);

/* Add what has nothing in it yet. NULL: out of memory. */
struct saved_seat *saved_add_seat(struct saved *saved);
struct saved_generation *saved_add_generation(struct saved_seat *seat);
struct saved_metrics *saved_add_metrics(struct saved *saved);
struct saved_client *saved_add_client(struct saved *saved);

void saved_print(const struct saved *saved, FILE *out);

/* Call fn for each descriptor in it that is not -1, until it returns false. Returns whether it
 * never did. */
bool saved_each_fd(struct saved *saved, bool (*fn)(int *fd, void *arg), void *arg);

/* The tables by which all of it is written and read: a row for each member of each struct. */

enum saved_kind {
	SAVED_END,    /* of a table */
	SAVED_NUMBER, /* an int64_t */
	SAVED_FD,     /* an int, -1: there is none */
	SAVED_TEXT    /* a char *, NULL: there is none */
};

struct saved_field {
	const char *word; /* NULL: the end */
	enum saved_kind kind;
	size_t offset; /* in its struct */
};

extern const struct saved_field saved_fields_service[], saved_fields_seat[],
    saved_fields_generation[], saved_fields_metrics[], saved_fields_client[];

/* What a field is, in the struct at base. */
int64_t *saved_fields_number(void *base, const struct saved_field *field);
int *saved_fields_fd(void *base, const struct saved_field *field);
char **saved_fields_text(void *base, const struct saved_field *field);

/* A struct of size bytes with nothing in it; NULL: out of memory. */
void *saved_fields_make(size_t size, const struct saved_field *fields);

/* Free the texts of the struct at base. */
void saved_fields_free(void *base, const struct saved_field *fields);

#endif
