// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a seat may do.
 *
 * DOC: opencl_confine
 *
 * A seat compiles and runs what a tenant sent. Where the device is a processor that is code in the
 * seat's own process; elsewhere the compiler, at least, reads files that the tenant names. Compiled
 * binaries that a runtime keeps for the next time must not be another tenant's to change.
 *
 * So a seat has a /tmp that nobody else sees and that is told to runtimes as the place for what
 * they keep; no network; and, once the context is made and the vendor's nodes are open, no
 * privilege, and no way back to it. What processes of one user may do to each other is denied by
 * their not being dumpable, except signals.
 *
 * Rejected: seccomp (vendors' runtimes make calls that nobody documents); a user per seat (the
 * operator can have a server per device, each with another).
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "opencl.h"

#define WEFT_OPENCL_TMP		"/tmp"
#define WEFT_OPENCL_CACHE	WEFT_OPENCL_TMP "/cache"

static int weft_opencl_confine_fail(const char *what)
{
	int ret = -errno;

	fprintf(stderr, "weft-serve-opencl: %s: %s\n", what, strerror(errno));
	return ret;
}

int weft_opencl_confine_namespaces(void)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC))
		return weft_opencl_confine_fail("namespaces of a seat");
	/* or what is mounted here would show everywhere; fails if the root is no mount */
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return weft_opencl_confine_fail("mounts of a seat");
	if (mount("tmpfs", WEFT_OPENCL_TMP, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777,size=1g"))
		return weft_opencl_confine_fail("a seat's " WEFT_OPENCL_TMP);
	/* written as root while the context is made, as somebody else later */
	if (mkdir(WEFT_OPENCL_CACHE, 0700) || chmod(WEFT_OPENCL_CACHE, 0777))
		return weft_opencl_confine_fail(WEFT_OPENCL_CACHE);
	setenv("HOME", WEFT_OPENCL_TMP, 1);
	setenv("TMPDIR", WEFT_OPENCL_TMP, 1);
	setenv("XDG_CACHE_HOME", WEFT_OPENCL_CACHE, 1);
	setenv("POCL_CACHE_DIR", WEFT_OPENCL_CACHE, 1);
	return 0;
}

int weft_opencl_confine_user(const char *user)
{
	const struct passwd *entry;

	errno = ENOENT;
	entry = getpwnam(user);
	if (!entry)
		return weft_opencl_confine_fail(user);
	if (initgroups(user, entry->pw_gid) ||
	    setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) ||
	    setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid))
		return weft_opencl_confine_fail(user);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return weft_opencl_confine_fail("giving up privileges");
	return 0;
}
