// SPDX-License-Identifier: GPL-2.0-only
/*
 * libweft: finding and opening a pool, lists, names, lifetime of objects.
 *
 * DOC: libweft_pool
 */
/* sources: tools/libweft/batch.c tools/libweft/bo.c tools/libweft/error.c tools/libweft/names.c */
/* sources: tools/libweft/pool.c tools/libweft/program.c tools/libweft/queue.c */
/* sources: tools/libweft/sim.c tools/libweft/submit.c */
/* cflags: -D_GNU_SOURCE -pthread */
/* pkg-config: libdrm */
#include "libweft_fake.h"

static void test_default_node(void **state)
{
	struct weft *pool;

	fake_reset();
	fake.node = "/dev/accel/accel3";
	assert_int_equal(weft_open(&pool, NULL), 0);
	assert_string_equal(weft_node(pool), "/dev/accel/accel3");
	assert_int_equal(weft_fd(pool), FAKE_FD);
	fake_close(pool);
}

static void test_render_node(void **state)
{
	struct weft *pool;

	fake_reset();
	fake.node = "/dev/dri/renderD129";
	assert_int_equal(weft_open(&pool, NULL), 0);
	assert_string_equal(weft_node(pool), "/dev/dri/renderD129");
	fake_close(pool);
}

static void test_last_nodes(void **state)
{
	static const char *const last[] = { "/dev/accel/accel127", "/dev/dri/renderD255" };
	struct weft *pool;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		fake_reset();
		fake.node = last[i];
		assert_int_equal(weft_open(&pool, NULL), 0);
		fake_close(pool);
	}
}

static void test_foreign_node_is_passed_over(void **state)
{
	struct weft *pool;

	fake_reset();
	fake.foreign = "/dev/accel/accel0";
	fake.node = "/dev/accel/accel1";
	assert_int_equal(weft_open(&pool, NULL), 0);
	assert_string_equal(weft_node(pool), "/dev/accel/accel1");
	assert_int_equal(fake.opened, 2);
	fake_close(pool);
}

static void test_no_node(void **state)
{
	struct weft *pool = (void *)1;

	fake_reset();
	fake.node = NULL;
	assert_int_equal(weft_open(&pool, NULL), -ENODEV);
	assert_null(pool);
	assert_error("no pool found: is the module loaded? try: sudo modprobe weft");
}

static void test_denied_node(void **state)
{
	struct weft *pool;

	fake_reset();
	fake.node = NULL;
	fake.denied = "/dev/accel/accel2";
	assert_int_equal(weft_open(&pool, NULL), -EACCES);
	assert_error("/dev/accel/accel2 may not be opened");
	assert_error("group render");
}

static void test_denied_node_does_not_hide_another(void **state)
{
	struct weft *pool;

	fake_reset();
	fake.denied = "/dev/accel/accel0";
	fake.node = "/dev/accel/accel1";
	assert_int_equal(weft_open(&pool, NULL), 0);
	fake_close(pool);
}

static void test_named_node(void **state)
{
	struct weft *pool;

	fake_reset();
	fake.foreign = "/dev/accel/accel9";
	assert_int_equal(weft_open(&pool, "/dev/accel/accel9"), -EINVAL);
	assert_error("/dev/accel/accel9 is not the node of a pool");
	assert_int_equal(fake.opened, fake.closed);
	assert_int_equal(weft_open(&pool, "/dev/none"), -ENOENT);
	assert_error("/dev/none: No such file");
	assert_int_equal(weft_open(NULL, NULL), -EINVAL);

	fake.node = "/tmp/node";
	setenv("WEFT_NODE", "/tmp/node", 1);
	assert_int_equal(weft_open(&pool, NULL), 0);
	assert_string_equal(weft_node(pool), "/tmp/node");
	weft_close(pool);
	assert_int_equal(weft_open(&pool, "/dev/none"), -ENOENT);
	setenv("WEFT_NODE", "", 1);
	fake.node = "/dev/accel/accel0";
	assert_int_equal(weft_open(&pool, NULL), 0);
	assert_string_equal(weft_node(pool), "/dev/accel/accel0");
	fake_close(pool);
}

static void test_named_pool(void **state)
{
	struct weft *pool;

	fake_reset();
	fake.foreign = "/dev/accel/accel0";
	fake.other = "/dev/accel/accel1";
	fake.node = "/dev/dri/renderD130";
	assert_int_equal(weft_open_pool(&pool, "pool0"), 0);
	assert_string_equal(weft_node(pool), "/dev/dri/renderD130");
	assert_int_equal(fake.opened, 3);
	assert_int_equal(fake.closed, 2);
	weft_close(pool);
	assert_int_equal(weft_open_pool(&pool, "pool1"), 0);
	assert_string_equal(weft_node(pool), "/dev/accel/accel1");
	weft_close(pool);

	pool = (void *)1;
	assert_int_equal(weft_open_pool(&pool, "spare"), -ENODEV);
	assert_null(pool);
	assert_error("no pool spare found: is it enabled? try: weft pool list");
	fake.denied = "/dev/accel/accel5";
	assert_int_equal(weft_open_pool(&pool, "pool2"), -EACCES);
	assert_error("no pool pool2 found, but /dev/accel/accel5 may not be opened");
	assert_int_equal(weft_open_pool(&pool, ""), -EINVAL);
	assert_int_equal(weft_open_pool(&pool, NULL), -EINVAL);
	assert_int_equal(weft_open_pool(NULL, "pool0"), -EINVAL);
	assert_int_equal(fake.opened, fake.closed);
}

static void test_pool_of_environment(void **state)
{
	struct weft *pool;

	fake_reset();
	fake.other = "/dev/accel/accel1";
	fake.node = "/dev/accel/accel2";
	assert_int_equal(weft_open(&pool, NULL), 0);
	assert_string_equal(weft_node(pool), "/dev/accel/accel1");
	weft_close(pool);
	setenv("WEFT_POOL", "pool0", 1);
	assert_int_equal(weft_open(&pool, NULL), 0);
	assert_string_equal(weft_node(pool), "/dev/accel/accel2");
	weft_close(pool);
	/* a node is more exact than a name */
	setenv("WEFT_NODE", "/dev/accel/accel1", 1);
	assert_int_equal(weft_open(&pool, NULL), 0);
	assert_string_equal(weft_node(pool), "/dev/accel/accel1");
	weft_close(pool);
	unsetenv("WEFT_NODE");
	setenv("WEFT_POOL", "", 1);
	assert_int_equal(weft_open(&pool, NULL), 0);
	assert_string_equal(weft_node(pool), "/dev/accel/accel1");
	fake_close(pool);
}

static void test_query_fails_at_open(void **state)
{
	struct weft *pool;

	fake_reset();
	fake_script(DRM_WEFT_QUERY, 1, EFAULT);
	assert_int_equal(weft_open(&pool, NULL), -EFAULT);
	assert_null(pool);
	assert_int_equal(fake.opened, fake.closed);
}

static void test_eintr_restarts(void **state)
{
	struct drm_weft_pool_info info;
	struct weft *pool = fake_open();

	fake_script(DRM_WEFT_QUERY, 3, EINTR, EINTR, EINTR);
	fake.calls[DRM_WEFT_QUERY] = 0;
	assert_int_equal(weft_pool_info(pool, &info), 0);
	assert_int_equal(fake.calls[DRM_WEFT_QUERY], 4);
	assert_string_equal(info.name, "pool0");
	fake_close(pool);
}

static void test_info(void **state)
{
	struct drm_weft_client_info client;
	struct weft *pool = fake_open();

	assert_int_equal(weft_client_info(pool, &client), 0);
	assert_int_equal(client.id, 7);
	assert_string_equal(client.tenant_name, "default");
	fake_close(pool);
}

static void test_lists(void **state)
{
	struct drm_weft_device_info *devices;
	struct drm_weft_region_info *regions;
	struct drm_weft_link_info *links;
	struct weft *pool = fake_open();
	uint32_t count;

	assert_int_equal(weft_region_list(pool, &regions, &count), 0);
	assert_int_equal(count, 0);
	assert_null(regions);
	assert_int_equal(weft_link_list(pool, &links, &count), 0);
	assert_null(links);

	/* one arrives after the first answer and one after the second */
	fake.device_count = 3;
	fake.device_growth = 2;
	assert_int_equal(weft_device_list(pool, &devices, &count), 0);
	assert_int_equal(count, 5);
	assert_int_equal(devices[4].id, 4);
	assert_string_equal(devices[4].name, "gpu0");
	free(devices);

	fake_script(DRM_WEFT_QUERY, 2, 0, ENOMEM);
	assert_int_equal(weft_device_list(pool, &devices, &count), -ENOMEM);
	assert_null(devices);
	assert_int_equal(count, 0);
	fake_close(pool);
}

static void test_client_name(void **state)
{
	struct weft *pool = fake_open();

	assert_int_equal(weft_client_name(pool, "0123456789012345678901234567890"), 0);
	assert_string_equal(fake.client_name, "0123456789012345678901234567890");
	assert_int_equal(weft_client_name(pool, "01234567890123456789012345678901"), -EINVAL);
	assert_error("at most 31 bytes");
	assert_int_equal(weft_client_name(pool, NULL), -EINVAL);
	fake_script(DRM_WEFT_CLIENT_SET, 1, EOPNOTSUPP);
	assert_int_equal(weft_client_name(pool, "x"), -EOPNOTSUPP);
	assert_error("naming the client \"x\": Operation not supported");
	fake_close(pool);
}

static void test_names(void **state)
{
	static const char *const classes[] = { "gpu", "dcu", "npu", "cpu", "dpu" };
	uint32_t i;

	for (i = 0; i < DRM_WEFT_CLASS_COUNT; i++) {
		assert_string_equal(weft_class_name(i), classes[i]);
		assert_int_equal(weft_class_parse(classes[i]), i);
	}
	assert_string_equal(weft_class_name(DRM_WEFT_CLASS_COUNT), "?");
	assert_int_equal(weft_class_parse("tpu"), -EINVAL);
	assert_error("use gpu, dcu, npu, cpu or dpu");
	assert_int_equal(weft_class_parse(NULL), -EINVAL);
	assert_string_equal(weft_health_name(DRM_WEFT_HEALTH_DRAINING), "draining");
	assert_string_equal(weft_health_name(4), "?");
	assert_string_equal(weft_state_name(DRM_WEFT_JOB_DONE), "done");
	assert_string_equal(weft_state_name(6), "?");
}

static void test_record_text(void **state)
{
	struct drm_weft_job_record record = { .id = 9, .state = DRM_WEFT_JOB_BOUND, .device = 2 };
	char text[128];

	assert_string_equal(weft_record_text(&record, text, sizeof(text)), "job 9 is bound");
	record.state = DRM_WEFT_JOB_DONE;
	weft_record_text(&record, text, sizeof(text));
	assert_string_equal(text, "job 9 ended well on device 2");
	record.error = EIO;
	record.code = 3;
	weft_record_text(&record, text, sizeof(text));
	assert_string_equal(text,
			    "job 9 failed on device 2: the device reported an error, its number 3");
	record.code = 0;
	record.error = ECANCELED;
	record.device = ~0u;
	weft_record_text(&record, text, sizeof(text));
	assert_string_equal(text,
			    "job 9 failed before it ran: cancelled, or a job it depends on failed");
	record.error = ETIME;
	assert_non_null(strstr(weft_record_text(&record, text, sizeof(text)), "timeout"));
	record.error = ENODEV;
	assert_non_null(strstr(weft_record_text(&record, text, sizeof(text)), "was lost"));
	record.error = ENODATA;
	assert_non_null(strstr(weft_record_text(&record, text, sizeof(text)), "input are lost"));
	record.error = ENOSPC;
	assert_non_null(strstr(weft_record_text(&record, text, sizeof(text)), "fit no device"));
	record.error = EPIPE;
	assert_non_null(strstr(weft_record_text(&record, text, sizeof(text)), "Broken pipe"));
	record.error = 4000;
	assert_non_null(strstr(weft_record_text(&record, text, sizeof(text)), "unknown error"));
	weft_record_text(&record, text, 6);
	assert_string_equal(text, "job 9");
}

/* Objects are freed in any order, by hand or by weft_close(). */
static void test_close_frees_everything(void **state)
{
	struct weft *pool = fake_open();
	struct weft_program *program;
	struct weft_batch *batch;
	struct weft_queue *queue;
	struct weft_bo *bo[3];
	void *bytes;
	int i;

	for (i = 0; i < 3; i++)
		assert_int_equal(weft_bo_create(pool, 100, 0, &bo[i]), 0);
	assert_int_equal(weft_sim_program(pool, &program), 0);
	assert_int_equal(weft_queue_create(pool, NULL, &queue), 0);
	assert_int_equal(weft_batch_create(pool, &batch), 0);
	assert_int_equal(weft_bo_begin(bo[2], DRM_WEFT_ACCESS_READ, 0, &bytes), 0);
	weft_job_init(batch, program, WEFT_SIM_OP_NOP, &(struct weft_sim_nop){ 1 }, 8);
	weft_bo_destroy(bo[1]);
	weft_bo_destroy(NULL);
	weft_program_destroy(NULL);
	weft_queue_destroy(NULL);
	weft_batch_destroy(NULL);
	fake_close(pool);
	weft_close(NULL);
}

static void test_destroy(void **state)
{
	struct weft *pool = fake_open();
	struct weft_program *program;
	struct weft_batch *batch;
	struct weft_queue *queue;
	struct weft_bo *bo;

	assert_int_equal(weft_bo_create(pool, 100, 0, &bo), 0);
	assert_int_equal(weft_sim_program(pool, &program), 0);
	assert_int_equal(weft_queue_create(pool, NULL, &queue), 0);
	assert_int_equal(weft_batch_create(pool, &batch), 0);
	assert_int_equal(fake.open_handles, 3);
	weft_program_destroy(program);
	weft_batch_destroy(batch);
	weft_bo_destroy(bo);
	weft_queue_destroy(queue);
	assert_int_equal(fake.open_handles, 0);
	fake_close(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default_node),
		cmocka_unit_test(test_render_node),
		cmocka_unit_test(test_last_nodes),
		cmocka_unit_test(test_foreign_node_is_passed_over),
		cmocka_unit_test(test_no_node),
		cmocka_unit_test(test_denied_node),
		cmocka_unit_test(test_denied_node_does_not_hide_another),
		cmocka_unit_test(test_named_node),
		cmocka_unit_test(test_named_pool),
		cmocka_unit_test(test_pool_of_environment),
		cmocka_unit_test(test_query_fails_at_open),
		cmocka_unit_test(test_eintr_restarts),
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_client_name),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_record_text),
		cmocka_unit_test(test_close_frees_everything),
		cmocka_unit_test(test_destroy),
	};

	return cmocka_run_group_tests_name("libweft_pool", tests, NULL, NULL);
}
