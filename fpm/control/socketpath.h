/* socketpath.h: where the control socket is. Pure. */
#ifndef ANYFPM_FPM_CONTROL_SOCKETPATH_H
#define ANYFPM_FPM_CONTROL_SOCKETPATH_H

/*
 * The path of the control socket of the master with that pid file: .control takes the place of
 * .pid, or is added. dir: what a relative path starts from. To be freed; NULL: out of memory.
 */
char *socketpath_of(const char *pid_path, const char *dir);

#endif
