/*
 * lex.h: what the text after "key =" means: comments, quotes, escapes and variables.
 *
 * A plain value stands bare, in double quotes with escapes, or in single quotes as it is. A list
 * of words (command) is split as a shell does. Everywhere but in single quotes $pool is the name
 * of the pool, ${NAME} comes from the environment and $$ is a dollar. Outside of quotes ";"
 * begins a comment.
 *
 * Each function leaves a sentence in message: about what is wrong when it returns NULL, else
 * about what was read otherwise than may have been meant, or none.
 */
#ifndef ANYFPM_CONF_LEX_H
#define ANYFPM_CONF_LEX_H

#include <stdio.h>

#define LEX_MESSAGE_MAX 1024

/*
 * The plain value that raw (the rest of a line) stands for, to be freed, or NULL. pool is the name
 * for $pool, or NULL: no expansion of it.
 */
char *lex_plain(const char *raw, const char *pool, char message[LEX_MESSAGE_MAX]);

/* The same, but a value that is $NAME and nothing else comes from the environment, or is empty
 * when that has no NAME: what php-fpm does for env[]. */
char *lex_env(const char *raw, const char *pool, char message[LEX_MESSAGE_MAX]);

/* The words of raw, NULL at the end of them (text_vector_free() frees them), or NULL, also when
 * there is none. */
char **lex_words(const char *raw, const char *pool, char message[LEX_MESSAGE_MAX]);

/* Write a text so that lex_plain() or lex_env(), or as one word lex_words(), gives it back. */
void lex_write_plain(const char *text, FILE *out);
void lex_write_word(const char *word, FILE *out);

#endif
