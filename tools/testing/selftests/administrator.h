/* SPDX-License-Identifier: GPL-2.0 */
/* What only administrators may write. */
#ifndef _ACCEL_SELFTESTS_ADMINISTRATOR_H
#define _ACCEL_SELFTESTS_ADMINISTRATOR_H

#include "common.h"

/* Permissions of a file that is root's; 07777 if it is not. */
static inline unsigned int mode_of(const char *path)
{
	struct stat file;

	return stat(path, &file) || file.st_uid ? 07777 : file.st_mode & 07777;
}

/* What a process without capabilities gets for writing @text to a file that @is_open already. */
static inline int write_as_nobody(const char *path, const char *text, bool is_open)
{
	pid_t child = fork();

	if (!child) {
		int fd = is_open ? open(path, O_WRONLY | O_CLOEXEC) : -1;

		if (setresuid(NOBODY, NOBODY, NOBODY))
			_exit(0);
		if (!is_open)
			_exit(-write_file(path, text));
		_exit(write(fd, text, strlen(text)) < 0 ? errno : 0);
	}
	return -exit_code(child);
}

static inline bool is_for_administrators(const char *path, const char *text)
{
	return write_as_nobody(path, text, false) == -EACCES &&
	       write_as_nobody(path, text, true) == -EPERM;
}

#endif /* _ACCEL_SELFTESTS_ADMINISTRATOR_H */
