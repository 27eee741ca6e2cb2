// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft doctor: what keeps weft from working.
 *
 * DOC: weft doctor
 *
 * A list of questions, each answered yes or no with the command that mends a no. A no that keeps
 * jobs from running blocks; the others are comforts. Everything is only looked at.
 */
#include <errno.h>
#include <glob.h>
#include <grp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli.h"

static const char doctor_help[] =
"Usage: weft doctor [--json]\n"
"Look for what keeps weft from working and say how to mend it.\n"
"Exit status 1 if something keeps jobs from running.\n";

/* the vendor of variables that the UEFI specification defines */
#define DOCTOR_EFI_GLOBAL	"8be4df61-93ca-11d2-aa0d-00e098032b8c"

enum doctor_answer { DOCTOR_NO, DOCTOR_YES, DOCTOR_UNKNOWN };

struct doctor {
	struct json_object *list;
	bool json;
	unsigned int blocking;
	struct utsname kernel;
	bool loaded;
};

static const char *const doctor_answers[] = { "no", "yes", "?" };

/* One question's answer; @mend may be NULL */
static void doctor_say(struct doctor *d, const char *question, enum doctor_answer answer,
		       bool blocks, const char *mend, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

static void doctor_say(struct doctor *d, const char *question, enum doctor_answer answer,
		       bool blocks, const char *mend, const char *format, ...)
{
	struct json_object *o;
	char detail[256];
	va_list list;

	va_start(list, format);
	vsnprintf(detail, sizeof(detail), format, list);
	va_end(list);
	blocks = blocks && answer == DOCTOR_NO;
	d->blocking += blocks;
	if (!d->json) {
		printf("%-3s  %s%s%s%s\n", doctor_answers[answer], question, detail[0] ? ": " : "",
		       detail, blocks ? " (nothing works without it)" : "");
		if (answer == DOCTOR_NO && mend)
			printf("     mend: %s\n", mend);
		return;
	}
	o = json_object_new_object();
	cli_json_text(o, "question", question);
	cli_json_text(o, "answer", answer == DOCTOR_UNKNOWN ? "unknown" : doctor_answers[answer]);
	cli_json_text(o, "detail", detail);
	json_object_object_add(o, "blocks", json_object_new_boolean(blocks));
	if (answer == DOCTOR_NO && mend)
		cli_json_text(o, "mend", mend);
	json_object_array_add(d->list, o);
}

static bool doctor_exists(const char *path)
{
	char *full = cli_path("%s", path);
	bool exists = !access(full, F_OK);

	free(full);
	return exists;
}

static char *doctor_line(const char *path)
{
	char *full = cli_path("%s", path);
	char *line = cli_read_line(full);

	free(full);
	return line;
}

/* Does a line of the file have @text? -1 it cannot be read */
static int doctor_file_has(const char *path, const char *text)
{
	char *full = cli_path("%s", path);
	FILE *file = fopen(full, "r");
	char *line = NULL;
	size_t size = 0;
	int found = 0;

	free(full);
	if (!file)
		return -1;
	while (!found && getline(&line, &size, file) >= 0)
		found = !!strstr(line, text);
	free(line);
	fclose(file);
	return found;
}

static void doctor_kernel(struct doctor *d)
{
	unsigned int major = 0, minor = 0;
	bool new_enough;

	new_enough = sscanf(d->kernel.release, "%u.%u", &major, &minor) == 2 &&
		     (major > 6 || (major == 6 && minor >= 12));
	doctor_say(d, "kernel is 6.12 or newer", new_enough ? DOCTOR_YES : DOCTOR_NO, !d->loaded,
		   "sudo apt install linux-image-6.12-amd64 linux-headers-6.12-amd64, then reboot",
		   "%s", d->kernel.release);
}

static void doctor_config(struct doctor *d)
{
	static const char *const options[] = { "CONFIG_DRM_ACCEL=y", "CONFIG_CONFIGFS_FS=",
					       "CONFIG_DEBUG_FS=y", "CONFIG_CGROUPS=y" };
	char path[128], question[96];
	unsigned int i;
	int has;

	snprintf(path, sizeof(path), "/boot/config-%.90s", d->kernel.release);
	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		has = doctor_file_has(path, options[i]);
		snprintf(question, sizeof(question), "kernel has %.*s",
			 (int)strcspn(options[i], "="), options[i]);
		doctor_say(d, question, has < 0 ? DOCTOR_UNKNOWN : has ? DOCTOR_YES : DOCTOR_NO,
			   !d->loaded && i < 2, "use Debian's kernel, or build one with it", "%s",
			   has < 0 ? "no file in /boot tells" : "");
	}
}

static void doctor_signatures(struct doctor *d)
{
	char *enforced = doctor_line("/sys/module/module/parameters/sig_enforce");
	char *lockdown = doctor_line("/sys/kernel/security/lockdown");
	char *secure = cli_path("/sys/firmware/efi/efivars/SecureBoot-%s", DOCTOR_EFI_GLOBAL);
	FILE *file = fopen(secure, "rb");
	unsigned char value[5] = {};
	bool must_sign;

	if (file) {
		if (fread(value, 1, sizeof(value), file) != sizeof(value))
			value[4] = 0;
		fclose(file);
	}
	doctor_say(d, "Secure Boot is off", value[4] == 1 ? DOCTOR_NO : DOCTOR_YES, false,
		   "sign the modules with a key enrolled by: sudo mokutil --import KEY.der",
		   "%s", file ? "" : "the firmware does not have it");
	must_sign = (enforced && enforced[0] == 'Y') ||
		    (lockdown && !strstr(lockdown, "[none]"));
	doctor_say(d, "unsigned modules may be loaded", must_sign ? DOCTOR_NO : DOCTOR_YES,
		   !d->loaded,
		   "sign the modules with a key enrolled by: sudo mokutil --import KEY.der",
		   "%s", "");
	free(enforced);
	free(lockdown);
	free(secure);
}

static void doctor_module(struct doctor *d)
{
	char pattern[192];
	char *full;
	glob_t found;
	bool installed;

	snprintf(pattern, sizeof(pattern), "/lib/modules/%.90s/*/weft.ko*", d->kernel.release);
	full = cli_path("%s", pattern);
	installed = !glob(full, 0, NULL, &found);
	if (installed)
		globfree(&found);
	free(full);
	doctor_say(d, "modules are installed for this kernel", installed ? DOCTOR_YES : DOCTOR_NO,
		   !d->loaded, "install the package weft-dkms, or sudo make install in the source "
		   "tree", "%s", "");
	doctor_say(d, "module weft is loaded", d->loaded ? DOCTOR_YES : DOCTOR_NO, true,
		   "sudo modprobe weft", "%s", "");
	doctor_say(d, "DRM has the accel class", doctor_exists("/sys/class/accel") ?
		   DOCTOR_YES : DOCTOR_NO, true, "sudo modprobe drm", "%s", "");
}

static bool doctor_in_group(const char *name)
{
	const struct group *group = getgrnam(name);
	gid_t groups[256];
	int count = getgroups(256, groups);
	int i;

	if (!geteuid())
		return true;
	for (i = 0; group && i < count; i++)
		if (groups[i] == group->gr_gid)
			return true;
	return group && getegid() == group->gr_gid;
}

static void doctor_node(struct doctor *d)
{
	struct drm_weft_pool_info info;
	struct weft *pool;
	int ret = weft_open(&pool, NULL);

	doctor_say(d, "a pool can be opened", ret ? DOCTOR_NO : DOCTOR_YES, true,
		   ret == -EACCES ? "sudo usermod -aG render $USER, then log in again" :
				    "sudo modprobe weft",
		   "%s", ret ? weft_error() : weft_node(pool));
	doctor_say(d, "you are in the group render", doctor_in_group("render") ?
		   DOCTOR_YES : DOCTOR_NO, false,
		   "sudo usermod -aG render $USER, then log in again", "%s", "");
	if (ret)
		return;
	ret = weft_pool_info(pool, &info);
	doctor_say(d, "the pool has devices", !ret && info.device_count ? DOCTOR_YES : DOCTOR_NO,
		   true, "sudo modprobe weft_sim, then make one in /sys/kernel/config/weft_sim "
			 "(or load another backend)",
		   "%u", ret ? 0 : info.device_count);
	weft_close(pool);
}

static void doctor_filesystems(struct doctor *d)
{
	doctor_say(d, "configfs is mounted (tenants, simulated devices)",
		   doctor_file_has("/proc/mounts", " configfs ") == 1 ?
		   DOCTOR_YES : DOCTOR_NO,
		   false, "sudo mount -t configfs none /sys/kernel/config", "%s", "");
	doctor_say(d, "debugfs is mounted (weft explain)",
		   doctor_file_has("/proc/mounts", " debugfs ") == 1 ?
		   DOCTOR_YES : DOCTOR_NO,
		   false, "sudo mount -t debugfs none /sys/kernel/debug", "%s", "");
	doctor_say(d, "tenants can be made", doctor_exists(CLI_TENANTS) ? DOCTOR_YES : DOCTOR_NO,
		   false, "sudo modprobe weft", "%s", "");
}

int cli_doctor(int argc, char **argv)
{
	struct doctor d = {};
	int ret = cli_options(argc, argv, doctor_help, &d.json);

	if (ret)
		return ret == CLI_NO ? CLI_OK : ret;
	if (d.json)
		d.list = json_object_new_array();
	uname(&d.kernel);
	d.loaded = doctor_exists("/sys/module/weft");
	doctor_kernel(&d);
	doctor_config(&d);
	doctor_signatures(&d);
	doctor_module(&d);
	doctor_filesystems(&d);
	doctor_node(&d);
	if (d.json) {
		struct json_object *o = json_object_new_object();

		cli_json_u64(o, "blocking", d.blocking);
		json_object_object_add(o, "answers", d.list);
		cli_print_json(o);
	} else if (d.blocking) {
		printf("%u answer%s keep%s weft from working\n", d.blocking,
		       d.blocking == 1 ? "" : "s", d.blocking == 1 ? "s" : "");
	} else {
		printf("weft can run jobs here\n");
	}
	return d.blocking ? CLI_NO : CLI_OK;
}
