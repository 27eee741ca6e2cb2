// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft config: the file, and what it makes of the kernel.
 *
 * DOC: cli_config
 *
 * The kernel is a folder of plain files below $WEFT_ROOT. What plain files do not do is done by
 * wrappers: mkdir() fills a folder of configfs with the files a new thing has, write() refuses what
 * the kernel refuses. Messages are caught in files.
 */
/* sources: tools/weft/config.c tools/weft/conf_file.c tools/weft/conf_key.c */
/* sources: tools/weft/conf_tree.c tools/weft/common.c */
/* cflags: -I$(TOP)/tools/libweft -D_GNU_SOURCE -Wl,--wrap=mkdir,--wrap=write */
/* pkg-config: libdrm json-c */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../tools/weft/cli.h"
#include "../../tools/weft/conf.h"

#define TENANTS	"/sys/kernel/config/weft/tenants"
#define SIMS	"/sys/kernel/config/weft_sim"
#define POOL	"/sys/devices/platform/weft/weft"
#define GPU0	"/sys/bus/weft/devices/gpu0"

static char root[64];
static char conf_path_text[96];
static char *said;	/* stdout and stderr of the last command */
static unsigned int writes;

/* what common.c needs of libweft, which no command here calls */
const char *weft_error(void)
{
	return "";
}

int weft_open(struct weft **pool, const char *node)
{
	return -ENODEV;
}

/* ------------------------------------------------------------- the kernel */

int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size);

static void folder(const char *path)
{
	char *full, *slash;

	assert_true(asprintf(&full, "%s%s", root, path) > 0);
	for (slash = strchr(full + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		__real_mkdir(full, 0755);
		*slash = '/';
	}
	__real_mkdir(full, 0755);
	free(full);
}

static void put(const char *path, const char *value)
{
	char *full;
	FILE *file;

	assert_true(asprintf(&full, "%s%s", root, path) > 0);
	*strrchr(full, '/') = '\0';
	folder(full + strlen(root));
	full[strlen(full)] = '/';
	file = fopen(full, "w");
	assert_non_null(file);
	assert_true(fputs(value, file) >= 0);
	assert_int_equal(fclose(file), 0);
	free(full);
}

static char *slurp(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, 65536);

	assert_non_null(text);
	if (file) {
		assert_true(fread(text, 1, 65535, file) < 65535);
		fclose(file);
	}
	return text;
}

static void holds(const char *path, const char *value)
{
	char *full, *text;

	assert_true(asprintf(&full, "%s%s", root, path) > 0);
	text = slurp(full);
	assert_string_equal(text, value);
	free(text);
	free(full);
}

static bool exists(const char *path)
{
	char *full;
	bool there;

	assert_true(asprintf(&full, "%s%s", root, path) > 0);
	there = !access(full, F_OK);
	free(full);
	return there;
}

int __wrap_mkdir(const char *path, mode_t mode)
{
	static const char *const fresh[][2] = {
		{ "weight", "100\n" }, { "uid", "none\n" }, { "cgroup", "none\n" },
	};
	const char *under = path + strlen(root);
	char file[256];
	size_t i;

	if (__real_mkdir(path, mode))
		return -1;
	for (i = 0; !strncmp(under, TENANTS, strlen(TENANTS)) && i < 3; i++) {
		snprintf(file, sizeof(file), "%s/%s", under, fresh[i][0]);
		put(file, fresh[i][1]);
	}
	return 0;
}

ssize_t __wrap_write(int fd, const void *data, size_t size)
{
	char link[64], path[256];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path) - 1);
	if (length > 0) {
		path[length] = '\0';
		if (!strncmp(path, root, strlen(root)))
			writes++;
		if (strstr(path, "/gpu0/engines")) {
			errno = EBUSY;
			return -1;
		}
		if (strstr(path, "/refused/weight")) {
			errno = EPERM;
			return -1;
		}
	}
	return __real_write(fd, data, size);
}

static int setup(void **state)
{
	strcpy(root, "/tmp/weft-config-XXXXXX");
	assert_non_null(mkdtemp(root));
	assert_int_equal(setenv("WEFT_ROOT", root, 1), 0);
	snprintf(conf_path_text, sizeof(conf_path_text), "%s" CONF_FILE, root);
	folder("/etc");
	put(TENANTS "/default/weight", "100\n");
	put(TENANTS "/default/uid", "none\n");
	put(TENANTS "/default/cgroup", "none\n");
	put(TENANTS "/default/clients", "3\n");
	put(POOL "/policy", "eft\n");
	put(POOL "/host_limit", "8589934592\n");
	put("/sys/kernel/config/weft/pools/default/node", "accel\n");
	put("/sys/kernel/config/weft/pools/default/policy", "stale\n");
	put("/sys/kernel/config/weft/pools/default/mode", "0660\n");
	put("/sys/kernel/config/weft/pools/default/owner", "none\n");
	put("/sys/kernel/config/weft/pools/default/enabled", "1\n");
	put("/sys/kernel/config/weft/pools/render/devices", "gpu0\ngpu1\n");
	put("/sys/kernel/config/weft/pools/render/policy", "fifo\n");
	put(GPU0 "/price", "1024\n");
	put(SIMS "/gpu0/engines", "2\n");
	put(SIMS "/gpu0/memory", "1073741824\n");
	put(SIMS "/gpu0/speed", "copy 100\nadd inf\n");
	put(SIMS "/gpu0/enabled", "1\n");
	writes = 0;
	return 0;
}

static int teardown(void **state)
{
	char *command;

	assert_true(asprintf(&command, "rm -rf '%s'", root) > 0);
	assert_int_equal(system(command), 0);
	free(command);
	free(said);
	said = NULL;
	return 0;
}

/* ------------------------------------------------------------ the command */

/* "weft config @verb @argument..."; up to three arguments */
static int config(const char *verb, const char *a, const char *b, const char *c)
{
	char *const argv[] = { "config", (char *)verb, (char *)a, (char *)b, (char *)c, NULL };
	char path[96];
	int argc = 2, out = dup(1), err = dup(2), ret;

	while (argv[argc])
		argc++;
	snprintf(path, sizeof(path), "%s/said", root);
	fflush(stdout);
	fflush(stderr);
	assert_non_null(freopen(path, "w", stdout));
	assert_true(dup2(1, 2) == 2);
	optind = 0;
	ret = cli_config(argc, (char **)argv);
	fflush(stdout);
	fflush(stderr);
	dup2(out, 1);
	dup2(err, 2);
	close(out);
	close(err);
	free(said);
	said = slurp(path);
	return ret;
}

/* the same with @text as the file */
static int config_with(const char *verb, const char *text, const char *option)
{
	put(CONF_FILE, text);
	return config(verb, option, NULL, NULL);
}

#define assert_said(text) assert_non_null(strstr(said, text))

/* -------------------------------------------------------------- the tests */

static const char shown[] =
"[sim gpu0]\nengines = 2\nmemory = 1073741824\nspeed = copy 100\nspeed = add inf\nenabled = 1\n\n"
"[tenant default]\nweight = 100\nuid = none\ncgroup = none\n\n"
"[pool default]\nnode = accel\nowner = none\nmode = 0660\npolicy = eft\nenabled = 1\n"
"host_limit = 8589934592\n\n"
"[pool render]\ndevices = gpu0 gpu1\npolicy = fifo\n\n"
"[device gpu0]\nprice = 1024\n";

static void test_show(void **state)
{
	assert_int_equal(config("show", NULL, NULL, NULL), CLI_OK);
	assert_string_equal(said, shown);
	assert_int_equal(config("show", "--json", NULL, NULL), CLI_OK);
	assert_said("\"speed\":[\n        \"copy 100\",\n        \"add inf\"");
}

static void test_no_weft(void **state)
{
	assert_int_equal(setenv("WEFT_ROOT", "/nonexistent", 1), 0);
	assert_int_equal(config("show", NULL, NULL, NULL), CLI_TROUBLE);
	assert_said("modprobe weft");
	assert_int_equal(setenv("WEFT_ROOT", root, 1), 0);
}

static void test_save_and_load(void **state)
{
	char *first;

	assert_int_equal(config("save", NULL, NULL, NULL), CLI_OK);
	assert_said("5 sections saved");
	assert_false(exists(CONF_FILE ".new"));
	first = slurp(conf_path_text);
	assert_int_equal(strncmp(first, "# Saved by", 10), 0);

	writes = 0;
	assert_int_equal(config("load", NULL, NULL, NULL), CLI_OK);
	assert_string_equal(said, "nothing to change\n");
	assert_int_equal(writes, 0);

	put(TENANTS "/default/weight", "7\n");
	put(GPU0 "/price", "1\n");
	assert_int_equal(config("load", NULL, NULL, NULL), CLI_OK);
	assert_said("set tenant default: weight from 7 to 100\n");
	assert_said("set device gpu0: price from 1 to 1024\n");
	assert_int_equal(writes, 2);
	holds(TENANTS "/default/weight", "100\n");
	free(first);
}

static void test_save_nowhere(void **state)
{
	assert_int_equal(config("save", "/nonexistent/file", NULL, NULL), CLI_TROUBLE);
	assert_said("/nonexistent/file");
}

static void test_load_makes(void **state)
{
	assert_int_equal(config_with("load", "# people\n[tenant physics]\n\tweight=300\t\n"
				     "cgroup = /physics.slice\n", NULL), CLI_OK);
	assert_string_equal(said, "made tenant physics\n"
				  "set tenant physics: weight from 100 to 300\n"
				  "set tenant physics: cgroup from none to /physics.slice\n");
	holds(TENANTS "/physics/weight", "300\n");
	holds(TENANTS "/physics/uid", "none\n");
	holds(TENANTS "/default/weight", "100\n");
	assert_int_equal(config("load", NULL, NULL, NULL), CLI_OK);
	assert_string_equal(said, "nothing to change\n");
}

static void test_dry_run(void **state)
{
	assert_int_equal(config_with("load", "[tenant physics]\nweight = 300\n[device gpu0]\n"
				     "price = 5\n", "--dry-run"), CLI_OK);
	assert_string_equal(said, "would make tenant physics\n"
				  "would set tenant physics: weight to 300\n"
				  "would set device gpu0: price from 1024 to 5\n");
	assert_false(exists(TENANTS "/physics"));
	assert_int_equal(writes, 0);
}

static void test_json(void **state)
{
	assert_int_equal(config_with("load", "[device gpu0]\nprice = 5\n", "--json"), CLI_OK);
	assert_said("\"from\":\"1024\"");
	assert_int_equal(config_with("check", "[device gpu0]\nprice = 0\n", "--json"), CLI_NO);
	assert_said("\"problems\":1");
}

/* a live file wins over the folder's, and each is compared by what it means */
static void test_places_and_values(void **state)
{
	assert_int_equal(config_with("load", "[pool default]\npolicy = fifo\nhost_limit = 8G\n"
				     "mode = 660\n[pool render]\npolicy = eft\n"
				     "devices = gpu0 gpu1\n[sim gpu0]\nmemory = 1G\n"
				     "speed = add inf\nspeed = copy 7\n", NULL), CLI_OK);
	assert_string_equal(said, "set sim gpu0: speed to copy 7\n"
				  "set pool default: policy from eft to fifo\n"
				  "set pool render: policy from fifo to eft\n");
	holds(POOL "/policy", "fifo\n");
	holds("/sys/kernel/config/weft/pools/default/policy", "stale\n");
	holds("/sys/kernel/config/weft/pools/render/policy", "eft\n");
}

/* what must be written before "enabled" is, whatever the file's order */
static void test_order(void **state)
{
	put(SIMS "/npu0/credits", "1\n");
	put(SIMS "/npu0/enabled", "0\n");
	assert_int_equal(config_with("load", "[device gpu0]\nprice = 9\n"
				     "[sim npu0]\nenabled = 1\ncredits = 4\n", NULL), CLI_OK);
	assert_string_equal(said, "set sim npu0: credits from 1 to 4\n"
				  "set sim npu0: enabled from 0 to 1\n"
				  "set device gpu0: price from 1024 to 9\n");
}

static void test_one_device(void **state)
{
	put("/sys/bus/weft/devices/gpu1/price", "1024\n");
	put(CONF_FILE, "[tenant default]\nweight = 7\n[device gpu0]\nprice = 5\n[device gpu1]\n"
		       "price = 6\n");
	assert_int_equal(config("load", "--device", "gpu1", NULL), CLI_OK);
	assert_string_equal(said, "set device gpu1: price from 1024 to 6\n");
}

static void test_absent(void **state)
{
	assert_int_equal(config_with("load", "[device later]\nprice = 5\n", NULL), CLI_OK);
	assert_said("weft.conf:1: device later is not there; its settings wait for it");
	assert_int_equal(config_with("load", "[pool new]\nnode = render\n", NULL), CLI_TROUBLE);
	assert_said("this version of the module does not have it");
}

static void test_module_missing(void **state)
{
	char *command;

	assert_true(asprintf(&command, "rm -r '%s" SIMS "'", root) > 0);
	assert_int_equal(system(command), 0);
	free(command);
	assert_int_equal(config_with("load", "[sim gpu0]\nengines = 1\n", NULL), CLI_TROUBLE);
	assert_said("weft.conf:1: sim gpu0: ");
	assert_said("modprobe weft_sim");
}

/* one value is refused, the others are set all the same */
static void test_refused(void **state)
{
	assert_int_equal(config_with("load", "[sim gpu0]\nengines = 3\n[tenant refused]\n"
				     "weight = 8\nuid = 1000\n", NULL), CLI_TROUBLE);
	assert_said("weft.conf:2: sim gpu0: engines = 3: ");
	assert_said("it cannot change while enabled is 1");
	assert_said("weft.conf:4: tenant refused: weight = 8: ");
	assert_said("only root may configure");
	holds(TENANTS "/refused/uid", "1000\n");
}

/* each wrong line, what is said of it */
static const struct {
	const char *text;
	const char *says;
} bad[] = {
	{ "weight = 1\n", ":1: \"weight = 1\" stands before the first [KIND NAME]" },
	{ "[tennant x]\n", ":1: \"tennant\" is no kind of section; there are: sim, tenant, pool, "
			   "device" },
	{ "[tenant]\n", ":1: \"\" is no name for a tenant" },
	{ "[tenant a/b]\n", ":1: \"a/b\" is no name" },
	{ "[tenant .a]\n", ":1: \".a\" is no name" },
	{ "[tenant a b]\n", ":1: \"a b\" is no name" },
	{ "[tenant a12345678901234567890123456789012]\n", "1 to 31 characters" },
	{ "[tenant a\n", ":1: the bracket is not closed" },
	{ "[tenant a]\n\n[tenant a]\n", ":3: [tenant a] is there already, in line 1" },
	{ "[tenant a]\nweight\n", ":2: \"weight\" is neither [KIND NAME] nor KEY = VALUE" },
	{ "[tenant a]\nwieght = 1\n", ":2: a tenant has no \"wieght\"; it has: weight, uid, "
				      "cgroup" },
	{ "[tenant a]\nweight = 1\nweight = 2\n", ":3: weight is given already, in line 2" },
	{ "[tenant a]\nweight = 0\n", ":2: weight must be a number from 1 to 10000, not \"0\"" },
	{ "[tenant a]\nweight = 10001\n", "from 1 to 10000" },
	{ "[tenant a]\nweight = -1\n", "from 1 to 10000" },
	{ "[tenant a]\nweight = 1x\n", "from 1 to 10000" },
	{ "[tenant a]\nweight = 1K\n", "from 1 to 10000" },
	{ "[tenant a]\nweight =\n", "not \"\"" },
	{ "[tenant a]\nweight = 99999999999999999999999\n", "from 1 to 10000" },
	{ "[tenant a]\nuid = alice\n", "uid must be a user's number, or none" },
	{ "[tenant a]\nuid = 4294967295\n", "uid must be" },
	{ "[tenant a]\ncgroup = physics\n", "cgroup must be a path" },
	{ "[pool a]\nmode = 0777\n", "mode must be permissions in octal, from 0000 to 0666" },
	{ "[pool a]\nmode = rw\n", "mode must be" },
	{ "[pool a]\nowner = 5\n", "owner must be UID:GID as numbers, or none" },
	{ "[pool a]\nowner = 5:x\n", "owner must be" },
	{ "[pool a]\nnode = card\n", "node must be one of accel render" },
	{ "[pool a]\nenabled = yes\n", "enabled must be 0 or 1" },
	{ "[pool a]\nhost_limit = 17179869184G\n", "host_limit must be bytes" },
	{ "[sim a]\nbandwidth_up = 0\n", "bandwidth_up must be a number from 1, or inf" },
	{ "[sim a]\nvendor =\n", "vendor must be 1 to 31 characters" },
	{ "[sim a]\nspeed =\n", "speed must be a line of the file speed" },
	{ "[device a]\nprice = 1048577\n", "price must be a number from 1 to 1048576" },
	{ "[device a]\ndegrade_at = 0\n", "degrade_at must be a number from 1 to 1000000" },
};

static void test_bad(void **state)
{
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(config_with("check", bad[i].text, NULL), CLI_NO);
		if (!strstr(said, bad[i].says))
			fail_msg("of \"%s\" it said \"%s\", not \"%s\"", bad[i].text, said,
				 bad[i].says);
		/* nothing more was found, and nothing was touched */
		assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
		assert_int_equal(writes, 0);
	}
}

static void test_bad_is_not_loaded(void **state)
{
	assert_int_equal(config_with("load", "[tenant default]\nweight = 7\n[tenant x]\n"
				     "uid = who\n[what x]\nanything = 1\n", NULL), CLI_NO);
	assert_said("weft.conf:4: ");
	assert_said("weft.conf:5: ");
	assert_null(strstr(said, "weft.conf:6: "));
	assert_said("nothing has changed");
	holds(TENANTS "/default/weight", "100\n");
	assert_false(exists(TENANTS "/x"));
}

static void test_check(void **state)
{
	assert_int_equal(config("check", NULL, NULL, NULL), CLI_TROUBLE);
	assert_said("\"weft config save\" makes one");
	assert_int_equal(config_with("check", "[tenant default]\nweight = 0x10\n", NULL), CLI_OK);
	assert_said("1 sections, nothing wrong");
}

static void test_usage(void **state)
{
	assert_int_equal(config("keep", NULL, NULL, NULL), CLI_USAGE);
	assert_int_equal(config("show", "file", NULL, NULL), CLI_USAGE);
	assert_int_equal(config("save", "--dry-run", NULL, NULL), CLI_USAGE);
	assert_int_equal(config("check", "--device", "gpu0", NULL), CLI_USAGE);
	assert_int_equal(config("save", "--json", NULL, NULL), CLI_USAGE);
	assert_int_equal(config("load", "one", "two", NULL), CLI_USAGE);
	assert_int_equal(config("load", "--nothing", NULL, NULL), CLI_USAGE);
	assert_int_equal(config("show", "--help", NULL, NULL), CLI_OK);
	assert_said("weft config load");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_show), T(test_no_weft), T(test_save_and_load), T(test_save_nowhere),
		T(test_load_makes), T(test_dry_run), T(test_json), T(test_places_and_values),
		T(test_order), T(test_one_device), T(test_absent), T(test_module_missing),
		T(test_refused), T(test_bad), T(test_bad_is_not_loaded), T(test_check),
		T(test_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
